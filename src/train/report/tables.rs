//! The tables of the page.

use super::escape;
use super::text::{MISSING, interval, length, percent, short};
use crate::train::evaluate::{Report, tables::Table};

/// A table: the first column is text, the others are figures. Cells are plain text.
fn table(headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut out = String::from("<div class=\"scroll\"><table><thead><tr>");
    for header in headers {
        out += &format!("<th>{}</th>", escape(header));
    }
    out += "</tr></thead><tbody>";
    for row in rows {
        out += "<tr>";
        for cell in row {
            out += &format!("<td>{}</td>", escape(&cell));
        }
        out += "</tr>";
    }
    out + "</tbody></table></div>"
}

pub(super) fn headline(report: &Report) -> String {
    let headers = [
        "",
        "AUC (max)",
        "AP (max)",
        "recall at 10",
        "recall at 5",
        "early recall at 10",
        "early recall at 5",
    ];
    let rows = report.lines.iter().map(|line| {
        let Some(figures) = &line.figures else {
            return vec![line.name.clone(), MISSING.into()];
        };
        let cells = [
            figures.auc,
            figures.average_precision,
            figures.recall_at_10,
            figures.recall_at_5,
            figures.early_recall_at_10,
            figures.early_recall_at_5,
        ];
        [line.name.clone()].into_iter().chain(cells.iter().map(interval)).collect()
    });
    table(&headers, rows)
}

pub(super) fn prices(report: &Report) -> String {
    let headers = [
        "",
        "recall",
        "early recall",
        "false alarms in 100",
        "alerts in 100 calls",
        "PPV",
        "lead of the caught",
        "lead of all",
    ];
    let rows = report.prices.iter().map(|price| {
        let (alarms, lead) = (price.alarms, price.lead);
        vec![
            price.name.clone(),
            short(alarms.recall),
            short(price.early_recall),
            format!("{:.1}", 100.0 * alarms.false_alarms),
            format!("{:.1}", alarms.alerts_per_100),
            short(alarms.ppv),
            length(lead.turns_caught, lead.seconds_caught),
            length(lead.turns_all, lead.seconds_all),
        ]
    });
    table(&headers, rows)
}

pub(super) fn calibration(report: &Report) -> String {
    let headers = [
        "customer turns so far",
        "turns judged",
        "Brier skill",
        "slope",
        "intercept",
        "ECE",
        "noise floor",
    ];
    let rows = report.calibration.iter().map(|(name, own)| {
        vec![
            name.clone(),
            own.turns.to_string(),
            short(own.brier_skill),
            format!("{:.2}", own.slope),
            format!("{:.2}", own.intercept),
            short(own.ece),
            short(own.noise_floor),
        ]
    });
    table(&headers, rows)
}

pub(super) fn live(report: &Report) -> String {
    let live = &report.live;
    let per_100 = |value: f64| format!("{value:.1} in 100 calls");
    let rows = [
        (
            "flips: warning threshold crossed, after hysteresis",
            format!("{:.2} a call", live.flips_per_call),
        ),
        ("recovery: rightly less wrongly taken back", format!("{:+.3} a call", live.recovery)),
        ("risk alerts rightly taken back", per_100(live.retracted_rightly_per_100)),
        ("risk alerts wrongly taken back", per_100(live.retracted_wrongly_per_100)),
        ("alerts by phrases", per_100(live.rule_alerts_per_100)),
        ("escalations that a phrase alerted to before", percent(live.rule_recall)),
        ("other calls that a phrase alerted in", percent(live.rule_false_alarms)),
    ];
    table(&["", ""], rows.map(|(name, value)| vec![name.to_owned(), value]))
}

pub(super) fn acts(report: &Report) -> String {
    let rows = report.acts.iter().map(|act| {
        vec![
            act.act.clone(),
            act.turns.to_string(),
            act.occurrences.to_string(),
            short(act.auc),
            short(act.f1),
        ]
    });
    table(&["act", "annotated turns", "with the act", "AUC", "F1"], rows)
}

pub(super) fn groups(by: &Table) -> String {
    let headers = [by.by.as_str(), "escalating", "recall", "others", "false alarms in 100"];
    let rows = by.rows.iter().map(|row| {
        vec![
            row.group.clone(),
            row.escalating.to_string(),
            row.recall.map_or("–".into(), short),
            row.others.to_string(),
            row.false_alarms.map_or("–".into(), |share| format!("{:.1}", 100.0 * share)),
        ]
    });
    table(&headers, rows)
}

pub(super) fn batches(report: &Report) -> String {
    let headers = [
        "batch",
        "calls",
        "AUC",
        "recall at 10",
        "recall at 5",
        "carried: recall",
        "carried: false alarms in 100",
    ];
    let rows = report.by_batch.iter().map(|(name, batch)| {
        vec![
            name.clone(),
            batch.calls.to_string(),
            short(batch.auc),
            short(batch.recall_at_10),
            short(batch.recall_at_5),
            short(batch.carried_recall),
            format!("{:.1}", 100.0 * batch.realised_false_alarms),
        ]
    });
    table(&headers, rows)
}
