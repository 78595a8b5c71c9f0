//! The report as one page that needs nothing beside it: no scripts, no fonts, no network.

use super::text::{averaging, percent, sentiment};
use super::{calls, escape, plots, tables};
use crate::call::Call;
use crate::train::evaluate::Report;
use crate::train::evaluate::instructive::Instructive;

const STYLE: &str = include_str!("style.css");

/// The page. `lessons` are shown with the words of their `calls`.
pub fn write(report: &Report, corpus: &[&Call], lessons: &[Instructive]) -> String {
    let title = escape(&format!("Evaluation of {}", report.title));
    let sections = [
        head(report, &title),
        recall(report),
        price(report),
        leads(report),
        calibration(report),
        live(report),
        groups(report),
        instructive(corpus, lessons),
        first_level(report),
        definitions(),
    ];
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title>\n<style>\n{STYLE}</style></head>\n<body>\n{}\n</body></html>\n",
        sections.join("\n")
    )
}

fn section(title: &str, quiet: &str, body: &str) -> String {
    let quiet = match quiet {
        "" => String::new(),
        quiet => format!("<p class=\"quiet\">{}</p>", escape(quiet)),
    };
    format!("<section><h2>{}</h2>{quiet}{body}</section>", escape(title))
}

fn head(report: &Report, title: &str) -> String {
    let mut out = format!(
        "<header><h1>{title}</h1><p class=\"quiet\">{} calls, {} escalating. Figures are {}, \
         from what was said before the escalation.</p>",
        report.calls,
        report.escalating,
        averaging(report)
    );
    for note in &report.notes {
        out += &format!("<p class=\"note\">{}</p>", escape(note));
    }
    if let Some(figures) = report.lines.first().and_then(|line| line.figures) {
        let (recall, early) = (figures.recall_at_10, figures.early_recall_at_10);
        out += &format!(
            "<p class=\"lead\">Of 100 calls that will escalate, <b>{:.0}</b> are warned of in time \
             ({:.0} to {:.0}) where 10 of 100 others may be disturbed; {:.0} of them at least two \
             customer turns ahead. Where 5 may be disturbed, <b>{:.0}</b>.</p>",
            100.0 * recall.value,
            100.0 * recall.low,
            100.0 * recall.high,
            100.0 * early.value,
            100.0 * figures.recall_at_5.value,
        );
    }
    out + "</header>"
}

fn recall(report: &Report) -> String {
    let entries = report.curves.iter().enumerate().map(|(index, curve)| {
        format!(
            r#"<li><svg viewBox="0 0 32 10" aria-hidden="true"><polyline class="curve c{index}" points="0,5 32,5"/></svg>{}</li>"#,
            escape(&curve.name)
        )
    });
    let body = format!(
        "<div class=\"plot\"><figure>{}</figure><ul class=\"legend\">{}</ul></div>\
         <div class=\"headline\">{}</div>\
         <p class=\"quiet\">In brackets: 95 % intervals, bootstrap over calls. AUC with the \
         give-away words masked less AUC without: {:+.3}.</p>",
        plots::recall(&report.curves),
        entries.collect::<String>(),
        tables::headline(report),
        report.masked_gap,
    );
    section(
        "What it catches",
        "A call counts as alerted when its risk is ever above the threshold; each threshold is \
         the one that keeps the budget of false alarms.",
        &body,
    )
}

fn price(report: &Report) -> String {
    let quiet = format!(
        "Alerts in 100 calls and PPV (share of alerts that are right) for a centre where {} of \
         the calls escalate. The carried threshold is the one in the model file.",
        percent(report.base_rate)
    );
    let mut body = tables::prices(report);
    if !report.by_batch.is_empty() {
        body += &tables::batches(report);
    }
    section("What it costs", &quiet, &body)
}

fn leads(report: &Report) -> String {
    let body =
        format!("<div class=\"plot\"><figure>{}</figure></div>", plots::leads(&report.leads));
    section("How early", "At 10 false alarms in 100, over all escalating calls.", &body)
}

fn calibration(report: &Report) -> String {
    let plots: String = report
        .calibration
        .iter()
        .map(|(name, own)| format!("<figure>{}</figure>", plots::reliability(name, own)))
        .collect();
    let quiet = format!(
        "The probability after each turn against whether the call escalates later, for a base \
         rate of {}. A dot is a fifteenth of the turns. The noise floor is the error a perfectly \
         calibrated model would show on calls like these.",
        percent(report.prior)
    );
    let body = format!("<div class=\"grids\">{plots}</div>{}", tables::calibration(report));
    section("Whether the risk means what it says", &quiet, &body)
}

fn live(report: &Report) -> String {
    section(
        "In the live engine",
        "Played turn by turn up to the escalation, with the model's own thresholds.",
        &tables::live(report),
    )
}

fn groups(report: &Report) -> String {
    let tables: String =
        report.tables.iter().map(|table| format!("<div>{}</div>", tables::groups(table))).collect();
    section(
        "Where it is weak",
        "At 10 false alarms in 100 calls of the batch. Shares of a few calls say little.",
        &format!("<div class=\"columns\">{tables}</div>"),
    )
}

fn instructive(corpus: &[&Call], lessons: &[Instructive]) -> String {
    let articles: String =
        lessons.iter().map(|lesson| calls::article(corpus[lesson.call], lesson)).collect();
    section(
        "Calls to learn from",
        "The earliest catches, the misses furthest below the threshold, the false alarms \
         furthest above it. The dashed line is the threshold; bars are contributions in \
         log-odds. Turns count from 0.",
        &articles,
    )
}

fn first_level(report: &Report) -> String {
    let mut body = String::new();
    for (name, figures) in [
        ("Sentiment, labelled customer turns", report.sentiment),
        ("Sentiment, the separate texts", report.sentiment_corpus),
    ] {
        if let Some(figures) = figures {
            body += &format!("<p>{name}: {}.</p>", escape(&sentiment(&figures)));
        }
    }
    if !report.acts.is_empty() {
        body += &tables::acts(report);
    }
    if body.is_empty() {
        return body;
    }
    section("What the turns are read as", "Judged on labelled turns of the corpus.", &body)
}

fn definitions() -> String {
    section(
        "Words",
        "",
        "<p><b>Recall at 10</b>: share of escalating calls alerted before the event, at the \
         threshold that at most 10 of 100 other calls (calm and averted) are ever strictly above. \
         <b>Early</b>: only alerts with at least two customer turns between them and the event. \
         <b>AUC, AP (max)</b>: ranking of calls by their highest risk. <b>Lead</b>: medians of the \
         customer turns and the seconds between alert and event; a miss counts 0 among all. \
         <b>Brier skill</b>: against always saying the base rate. <b>Slope, intercept</b>: logistic \
         regression of the outcome on the log-odds; right are 1 and 0. <b>ECE</b>: mean distance of \
         shown and observed over 15 bins of equal mass.</p>",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, Settings};
    use crate::train::evaluate::heads::HeadCases;
    use crate::train::evaluate::judge::Judge;
    use crate::train::evaluate::{Options, instructive, report};
    use crate::train::report::text;

    /// Twelve real calls under hostile names.
    fn calls() -> Vec<Call> {
        let lines = include_str!("../../../data/calls/te.jsonl").lines().take(12);
        let mut calls: Vec<Call> = lines.map(|l| crate::call::Call::parse(l).unwrap()).collect();
        for (index, call) in calls.iter_mut().enumerate() {
            call.id = format!("<script>alert({index})</script>-{index}");
            call.industry = Some("<img src=x>".into());
            call.turns[1].text += " </q><script>x</script> & so";
        }
        calls
    }

    #[test]
    fn the_page_holds_everything_and_no_markup_of_the_corpus() {
        let calls = calls();
        let calls: Vec<&Call> = calls.iter().collect();
        let engines = [Engine::with_model(None, Settings::default()).unwrap()];
        let judge = Judge::new(&engines[0], 0, None, 0.4).unwrap();
        let mut heads = HeadCases::default();
        let judged = calls.iter().enumerate().map(|(i, call)| judge.call(i, call, &mut heads));
        let evidence: Vec<_> = judged.collect();
        let title = "<i>mine</i>".to_owned();
        let options = Options { title, base_rate: 0.05, prior: 0.4, notes: vec!["a < b".into()] };
        let report = report(&calls, &evidence, &heads, options);
        let lessons = instructive::pick(&calls, &evidence, &engines);
        assert!(!lessons.is_empty() && lessons.iter().all(|lesson| lesson.explanation.is_some()));
        let page = write(&report, &calls, &lessons);
        for hostile in ["<script", "<img", "<i>mine", "http://", "https://", "NaN", "inf\""] {
            assert!(!page.contains(hostile), "{hostile}");
        }
        assert!(page.contains("&lt;script&gt;") && page.contains("a &lt; b"));
        assert!(
            page.matches("<svg").count() > 8 && page.matches("<article").count() == lessons.len()
        );
        let text = text::write(&report);
        assert!(text.contains("needs --by-batch") && text.contains("recall@10"));
        let wide = text.lines().find(|line| line.chars().count() > 120);
        assert_eq!(wide, None);
        serde_json::to_string(&report).unwrap();
    }
}
