//! The instructive calls of the page.

use super::{escape, plots};
use crate::call::Call;
use crate::engine::TurnExplanation;
use crate::engine::alert::Reason;
use crate::train::evaluate::instructive::{Instructive, Lesson};

/// Contribution in log-odds at which a bar has its full length.
const FULL_BAR: f64 = 4.0;

/// One call as an article.
pub(super) fn article(call: &Call, lesson: &Instructive) -> String {
    let event = call.escalates().then(|| call.visible_turns());
    let kind = call.outcome.as_ref().and_then(|o| o.kind.as_deref().or(o.arc.as_deref()));
    let about = [call.industry.as_deref(), kind, call.style.as_deref()];
    let about: Vec<&str> = about.into_iter().flatten().collect();
    let left = lesson.customer_turns_left;
    let (class, what) = match lesson.lesson {
        Lesson::Catch => ("good", format!("caught {left} customer turns ahead")),
        Lesson::Miss => ("bad", "missed".into()),
        Lesson::FalseAlarm => ("bad", "false alarm".into()),
    };
    let mut out = format!(
        r#"<article><header><h3>{}</h3><span class="tag {class}">{what}</span><span class="quiet">{}</span></header><div class="two"><figure>{}</figure><div>"#,
        escape(&call.id),
        escape(&about.join(" · ")),
        plots::risk(lesson, event, call.turns.len()),
    );
    let said = call.turns.get(lesson.turn);
    if let Some(turn) = said {
        out += &format!(
            "<p>Turn {}, {}: <q>{}</q></p>",
            lesson.turn,
            turn.speaker.name(),
            escape(&turn.text)
        );
    }
    if let Some(explanation) = &lesson.explanation {
        out += &reasons(explanation);
    }
    if let Some(turn) = event.and_then(|event| call.turns.get(event)) {
        out += &format!(
            r#"<p class="quiet">Turn {}, {}, the escalation: <q>{}</q></p>"#,
            call.visible_turns(),
            turn.speaker.name(),
            escape(&turn.text)
        );
    }
    out + "</div></div></article>"
}

/// What moved the risk, as bars with the words.
fn reasons(explanation: &TurnExplanation) -> String {
    let rows: String = explanation.reasons.iter().map(reason).collect();
    format!(r#"<table class="reasons"><tbody>{rows}</tbody></table>"#)
}

fn reason(reason: &Reason) -> String {
    let quotes: Vec<String> =
        reason.quotes.iter().map(|quote| format!("<q>{}</q>", escape(&quote.text))).collect();
    let class = if reason.contribution < 0.0 { "down" } else { "up" };
    let width = (reason.contribution.abs() / FULL_BAR).min(1.0) * 100.0;
    format!(
        r#"<tr><td>{}<div class="quiet">{}</div></td><td class="bar"><i class="{class}" style="width:{width:.0}%"></i></td><td>{:+.2}</td></tr>"#,
        escape(&reason.label),
        quotes.join(" "),
        reason.contribution,
    )
}
