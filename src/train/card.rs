//! The card of a model: what it is, what it was made from, how good it is on calls it has not
//! seen, who must not be judged with it.

use std::fmt::{Result, Write as _};

use super::Trained;
use super::evaluate::heads::ActFigures;
use super::evaluate::tables::Table;
use super::evaluate::{Options, Report, report};
use super::report::text::{interval, length, percent, short};
use crate::call::Call;
use crate::model::Model;

/// Base rate that alerts and PPV are stated for; `evaluate`'s default.
const BASE_RATE: f64 = 0.05;

/// The card of what was `trained` on `calls` by `command`, in Markdown; `weaknesses` are the
/// recipe's. Holds no dates, so that the same training gives the same card.
pub fn write(trained: &Trained, calls: &[&Call], command: &str, weaknesses: &[String]) -> String {
    let options = Options {
        title: trained.model.name.clone(),
        base_rate: BASE_RATE,
        prior: trained.model.base_rate,
        notes: Vec::new(),
    };
    let report = report(calls, &trained.held_out, &trained.heads, options);
    let mut card = String::new();
    // Writing to a String cannot fail.
    let _ = fill(&mut card, trained, &report, command, weaknesses);
    card
}

fn fill(
    card: &mut String,
    trained: &Trained,
    report: &Report,
    command: &str,
    weaknesses: &[String],
) -> Result {
    let model = &trained.model;
    head(card, model, command)?;
    data(card, model, report)?;
    figures(card, trained, report)?;
    calibration(card, report)?;
    by_batch(card, report)?;
    let wanted = ["outcome", "industry", "style"];
    for table in report.tables.iter().filter(|table| wanted.contains(&table.by.as_str())) {
        group(card, table)?;
    }
    acts(card, &report.acts)?;
    recipe(card, model)?;
    writeln!(card, "## Weaknesses, and who must not be judged with it\n")?;
    for weakness in weaknesses {
        writeln!(card, "- {weakness}")?;
    }
    writeln!(card, "{LIMITS}")
}

fn head(card: &mut String, model: &Model, command: &str) -> Result {
    writeln!(card, "# Model card: {}\n", model.name)?;
    writeln!(
        card,
        "Forecasts, turn by turn, whether a conversation will escalate. Two levels of linear heads:\n\
         {} n-grams of customer turns and {} of agent turns feed {} + {} heads (conversation acts,\n\
         sentiment, outlook); a risk head weighs {} columns of their course. Language: {}.\n",
        model.customer.ngrams.len(),
        model.agent.ngrams.len(),
        model.customer.len(),
        model.agent.len(),
        model.risk.columns.len(),
        model.lang,
    )?;
    writeln!(card, "```\n{command}\n```\n")?;
    writeln!(card, "The same build on the same kind of processor gives the same file.\n")
}

fn data(card: &mut String, model: &Model, report: &Report) -> Result {
    writeln!(card, "## Training data\n")?;
    writeln!(
        card,
        "{} calls, {} of them escalating (base rate {:.3}).\n",
        report.calls, report.escalating, model.base_rate
    )?;
    writeln!(card, "| file | calls | licence | SHA-256 |\n| --- | --- | --- | --- |")?;
    for source in &model.training.sources {
        let calls = if source.calls == 0 { "-".into() } else { source.calls.to_string() };
        let licence = source.licence.as_deref().unwrap_or("the project's own");
        writeln!(card, "| {} | {calls} | {licence} | `{}` |", source.file, source.sha256)?;
    }
    writeln!(card)
}

fn figures(card: &mut String, trained: &Trained, report: &Report) -> Result {
    let Some(own) = report.lines.first().and_then(|line| line.figures.as_ref()) else {
        return Ok(());
    };
    let over = match report.batches {
        1 => "over all calls".to_owned(),
        n => format!("means over {n} author batches"),
    };
    let groups = 1 + trained.held_out.iter().map(|one| one.engine).max().unwrap_or_default();
    writeln!(card, "## How good it is\n")?;
    writeln!(
        card,
        "On held-out calls, {over}: each call scored by a fit\n\
         without its group, of which there are {groups}; 95 % intervals by bootstrap over calls.\n"
    )?;
    writeln!(card, "| AUC (max) | AP (max) | recall@10 | recall@5 | early recall@10 |")?;
    writeln!(card, "| --- | --- | --- | --- | --- |")?;
    let cells =
        [own.auc, own.average_precision, own.recall_at_10, own.recall_at_5, own.early_recall_at_10];
    writeln!(card, "| {} |\n", cells.iter().map(interval).collect::<Vec<_>>().join(" | "))?;
    writeln!(
        card,
        "| | recall | early | false alarms per 100 | PPV where {} escalate | lead of the caught |",
        percent(BASE_RATE)
    )?;
    writeln!(card, "| --- | --- | --- | --- | --- | --- |")?;
    for price in &report.prices {
        writeln!(
            card,
            "| {} | {} | {} | {:.1} | {} | {} |",
            price.name,
            short(price.alarms.recall),
            short(price.early_recall),
            100.0 * price.alarms.false_alarms,
            short(price.alarms.ppv),
            length(price.lead.turns_caught, price.lead.seconds_caught),
        )?;
    }
    if let Some(sentiment) = report.sentiment {
        writeln!(
            card,
            "\nSentiment of {} customer chunks: AUC negative against rest {}, macro-F1 {}.",
            sentiment.chunks,
            short(sentiment.auc_negative),
            short(sentiment.macro_f1)
        )?;
    }
    writeln!(card)
}

fn calibration(card: &mut String, report: &Report) -> Result {
    writeln!(card, "## Calibration\n")?;
    writeln!(
        card,
        "Of the probability after each turn against \"escalates later in this call\".\n"
    )?;
    writeln!(card, "| customer turns so far | turns | Brier skill | slope | ECE | noise floor |")?;
    writeln!(card, "| --- | --- | --- | --- | --- | --- |")?;
    for (name, own) in &report.calibration {
        let (skill, ece, floor) = (short(own.brier_skill), short(own.ece), short(own.noise_floor));
        writeln!(
            card,
            "| {name} | {} | {skill} | {:.2} | {ece} | {floor} |",
            own.turns, own.slope
        )?;
    }
    writeln!(card)
}

fn by_batch(card: &mut String, report: &Report) -> Result {
    if report.by_batch.is_empty() {
        return Ok(());
    }
    writeln!(card, "| batch | AUC | recall@10 | false alarms per 100 at the carried threshold |")?;
    writeln!(card, "| --- | --- | --- | --- |")?;
    for (name, own) in &report.by_batch {
        let (auc, recall) = (short(own.auc), short(own.recall_at_10));
        writeln!(card, "| {name} | {auc} | {recall} | {:.1} |", 100.0 * own.realised_false_alarms)?;
    }
    writeln!(card)
}

fn group(card: &mut String, table: &Table) -> Result {
    writeln!(card, "| by {} | escalating | recall@10 | others | false alarms per 100 |", table.by)?;
    writeln!(card, "| --- | --- | --- | --- | --- |")?;
    for row in &table.rows {
        let recall = row.recall.map_or("-".into(), short);
        let alarms = row.false_alarms.map_or("-".into(), |share| format!("{:.1}", 100.0 * share));
        let (escalating, others) = (row.escalating, row.others);
        writeln!(card, "| {} | {escalating} | {recall} | {others} | {alarms} |", row.group)?;
    }
    writeln!(card)
}

fn acts(card: &mut String, acts: &[ActFigures]) -> Result {
    if acts.is_empty() {
        return Ok(());
    }
    writeln!(card, "## Act heads\n")?;
    writeln!(
        card,
        "On annotated turns of held-out calls. A tag is shown from the probability on at which at\n\
         least half of such tags are right; F1 is that of the tags, .000 where a head never is sure\n\
         enough.\n"
    )?;
    writeln!(card, "| act | occurrences | AUC | F1 |\n| --- | --- | --- | --- |")?;
    for own in acts {
        let (auc, f1) = (short(own.auc), short(own.f1));
        writeln!(card, "| {} | {} of {} | {auc} | {f1} |", own.act, own.occurrences, own.turns)?;
    }
    writeln!(card)
}

fn recipe(card: &mut String, model: &Model) -> Result {
    writeln!(card, "## Recipe\n\n| setting | value |\n| --- | --- |")?;
    for (name, value) in &model.training.recipe {
        writeln!(card, "| {name} | {value} |")?;
    }
    let (calibration, thresholds) = (model.calibration, model.thresholds);
    writeln!(
        card,
        "\nPlatt scaling on held-out calls: slope {}, intercept {}. Levels begin, in calibrated\n\
         log-odds at the training base rate, at {} (watch), {} (warning) and {} (critical):\n\
         conformal risk control on whole calls for the promised false alarms.\n",
        calibration.slope,
        calibration.intercept,
        thresholds.watch,
        thresholds.warning,
        thresholds.critical,
    )
}

const LIMITS: &str = "- Measure on your own calls (`forewarn evaluate --corpus your-calls.jsonl`) before you rely on it.
- It forecasts conversations. It must not be used to rate, pay or discipline people: an agent who
  gets the hard calls gets the high risks, and a customer's way of speaking is not a fault.";
