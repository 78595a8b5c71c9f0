//! The report for a terminal, within 120 columns.

use std::fmt::{Result, Write};

use crate::train::evaluate::Report;
use crate::train::evaluate::figures::Interval;
use crate::train::evaluate::heads::SentimentFigures;
use crate::train::evaluate::tables::Row;

/// The report as text.
pub fn write(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = fill(&mut out, report);
    out
}

fn fill(out: &mut String, report: &Report) -> Result {
    head(out, report)?;
    lines(out, report)?;
    prices(out, report)?;
    calibration(out, report)?;
    live(out, report)?;
    first_level(out, report)?;
    tables(out, report)?;
    batches(out, report)
}

fn head(out: &mut String, report: &Report) -> Result {
    writeln!(out, "{}: {} calls, {} escalating", report.title, report.calls, report.escalating)?;
    for note in &report.notes {
        writeln!(out, "note: {note}")?;
    }
    Ok(())
}

/// What the figures of the table are over.
pub(super) fn averaging(report: &Report) -> String {
    match report.batches {
        1 => "over all calls".into(),
        n => format!("means over {n} batches"),
    }
}

fn lines(out: &mut String, report: &Report) -> Result {
    writeln!(
        out,
        "\nBefore the escalation, {}, with 95 % intervals by bootstrap over calls\n\n\
         {:30}{:17}{:17}{:17}{:17}early recall@10",
        averaging(report),
        "",
        "AUC (max)",
        "AP (max)",
        "recall@10",
        "recall@5",
    )?;
    for line in &report.lines {
        let Some(figures) = &line.figures else {
            writeln!(out, "{:30}{MISSING}", line.name)?;
            continue;
        };
        let cells = [
            figures.auc,
            figures.average_precision,
            figures.recall_at_10,
            figures.recall_at_5,
            figures.early_recall_at_10,
        ];
        let cells: Vec<String> =
            cells.iter().map(|cell| format!("{:17}", interval(cell))).collect();
        writeln!(out, "{:30}{}", line.name, cells.concat().trim_end())?;
    }
    writeln!(out, "\nmasked AUC minus plain AUC: {:+.3}", report.masked_gap)
}

/// Said of a line that could not be judged.
pub(super) const MISSING: &str = "needs --by-batch or --train-corpus";

fn prices(out: &mut String, report: &Report) -> Result {
    writeln!(
        out,
        "\nThe price, and alerts where {} of the calls escalate\n\n\
         {:30}{:>7}{:>7}{:>14}{:>12}{:>7}   lead of the caught; of all",
        percent(report.base_rate),
        "",
        "recall",
        "early",
        "false alarms",
        "alerts/100",
        "PPV",
    )?;
    for price in &report.prices {
        let (alarms, lead) = (price.alarms, price.lead);
        writeln!(
            out,
            "{:30}{:>7}{:>7}{:>14.1}{:>12.1}{:>7}   {}; {}",
            price.name,
            short(alarms.recall),
            short(price.early_recall),
            100.0 * alarms.false_alarms,
            alarms.alerts_per_100,
            short(alarms.ppv),
            length(lead.turns_caught, lead.seconds_caught),
            length(lead.turns_all, lead.seconds_all),
        )?;
    }
    Ok(())
}

fn calibration(out: &mut String, report: &Report) -> Result {
    writeln!(
        out,
        "\nProbability after each turn against \"escalates later\", shown for a base rate of {}\n\n\
         {:30}{:>7}{:>13}{:>8}{:>11}{:>7}{:>13}",
        percent(report.prior),
        "customer turns so far",
        "turns",
        "Brier skill",
        "slope",
        "intercept",
        "ECE",
        "noise floor",
    )?;
    for (name, own) in &report.calibration {
        writeln!(
            out,
            "{name:30}{:>7}{:>13}{:>8.2}{:>11.2}{:>7}{:>13}",
            own.turns,
            short(own.brier_skill),
            own.slope,
            own.intercept,
            short(own.ece),
            short(own.noise_floor),
        )?;
    }
    Ok(())
}

fn live(out: &mut String, report: &Report) -> Result {
    let live = &report.live;
    writeln!(
        out,
        "\nThe live engine: {:.2} flips per call; recovery {:+.3} ({:.1} alerts rightly and {:.1} wrongly \
         taken back in 100 calls)\n\
         Rules (alerting phrases): {:.1} alerts per 100 calls; recall {}, false alarms {:.1} per 100",
        live.flips_per_call,
        live.recovery,
        live.retracted_rightly_per_100,
        live.retracted_wrongly_per_100,
        live.rule_alerts_per_100,
        short(live.rule_recall),
        100.0 * live.rule_false_alarms,
    )
}

fn first_level(out: &mut String, report: &Report) -> Result {
    let sentiments = [
        ("Sentiment, labelled customer turns", report.sentiment),
        ("Sentiment, --sentiment-corpus", report.sentiment_corpus),
    ];
    writeln!(out)?;
    for (name, figures) in sentiments {
        if let Some(figures) = figures {
            writeln!(out, "{name}: {}", sentiment(&figures))?;
        }
    }
    if report.acts.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nAct heads on annotated turns: AUC, F1 (occurrences)\n")?;
    for row in report.acts.chunks(4) {
        let cells: Vec<String> = row
            .iter()
            .map(|act| {
                let figures = format!("{} {} ({})", short(act.auc), short(act.f1), act.occurrences);
                format!("{:<30}", format!("{:13} {figures}", act.act))
            })
            .collect();
        writeln!(out, "{}", cells.concat().trim_end())?;
    }
    Ok(())
}

/// One line on sentiment.
pub(super) fn sentiment(figures: &SentimentFigures) -> String {
    format!(
        "{} chunks ({} negative, {} positive): macro-F1 {}, AUC negative vs rest {}",
        figures.chunks,
        figures.negative,
        figures.positive,
        short(figures.macro_f1),
        short(figures.auc_negative),
    )
}

fn tables(out: &mut String, report: &Report) -> Result {
    writeln!(
        out,
        "\nAt 10 false alarms per 100 of the batch{:9}escalating  recall     others  false alarms",
        ""
    )?;
    for table in &report.tables {
        writeln!(out, "by {}", table.by)?;
        for row in &table.rows {
            writeln!(out, "  {}", table_row(row))?;
        }
    }
    Ok(())
}

fn table_row(row: &Row) -> String {
    let share = |share: Option<f64>| share.map_or("-".into(), short);
    let false_alarms =
        row.false_alarms.map_or("-".into(), |share| format!("{:.1} per 100", 100.0 * share));
    format!(
        "{:45}{:>11}{:>8}{:>11}{:>14}",
        row.group,
        row.escalating,
        share(row.recall),
        row.others,
        false_alarms
    )
}

fn batches(out: &mut String, report: &Report) -> Result {
    if report.by_batch.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n{:14}{:>7}{:>8}{:>11}{:>10}{:>17}   realised false alarms (carried threshold)",
        "by batch", "calls", "AUC", "recall@10", "recall@5", "carried recall"
    )?;
    for (name, batch) in &report.by_batch {
        writeln!(
            out,
            "  {name:12}{:>7}{:>8}{:>11}{:>10}{:>17}   {:.1} per 100",
            batch.calls,
            short(batch.auc),
            short(batch.recall_at_10),
            short(batch.recall_at_5),
            short(batch.carried_recall),
            100.0 * batch.realised_false_alarms,
        )?;
    }
    Ok(())
}

/// Three decimals without the leading zero.
pub(in crate::train) fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    match text.strip_prefix("0.") {
        Some(rest) => format!(".{rest}"),
        None => text.replace("-0.", "-."),
    }
}

/// `.885 [.86, .91]`.
pub(in crate::train) fn interval(interval: &Interval) -> String {
    let two = |value: f64| {
        let text = format!("{value:.2}");
        text.strip_prefix('0').map_or(text.clone(), str::to_owned)
    };
    format!("{} [{}, {}]", short(interval.value), two(interval.low), two(interval.high))
}

/// A lead time: `5 turns, 67 s`, without the seconds where no times are known.
pub(in crate::train) fn length(turns: f64, seconds: Option<f64>) -> String {
    seconds.map_or(format!("{turns} turns"), |seconds| format!("{turns} turns, {seconds:.0} s"))
}

/// A share for people.
pub(in crate::train) fn percent(share: f64) -> String {
    let text = format!("{:.1}", 100.0 * share);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!(
            (short(0.8849), short(1.0), short(-0.02)),
            (".885".into(), "1.000".into(), "-.020".into())
        );
        let cell = interval(&Interval { value: 0.5, low: 0.25, high: 1.0 });
        assert_eq!(cell, ".500 [.25, 1.00]");
        assert_eq!((percent(0.05), percent(0.403)), ("5 %".into(), "40.3 %".into()));
    }
}
