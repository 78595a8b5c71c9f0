//! The plots of the page.

use super::svg::{Axis, Plot};
use super::text::{percent, short};
use crate::train::evaluate::instructive::{Instructive, Lesson};
use crate::train::evaluate::{Curve, Leads};
use crate::train::metrics::calibration::Calibration;

/// Customer turns from which lead times share a bar.
const LEAD_END: u32 = 15;

/// Recall against false alarms, with marks at the budgets of 5 and 10. The legend is beside it.
pub(super) fn recall(curves: &[Curve]) -> String {
    let x = Axis {
        label: "false alarms in 100 calls that do not escalate",
        from: 0.0,
        to: 50.0,
        ticks: [0, 5, 10, 20, 30, 40, 50].map(|t| (f64::from(t), t.to_string())).into(),
    };
    let y = Axis::shares("escalations warned of, %");
    let mut plot = Plot::new("Recall against false alarms", (640.0, 380.0), &x, &y);
    for budget in [5.0, 10.0] {
        plot.line("budget", [(budget, 0.0), (budget, 1.0)]);
    }
    for (index, curve) in curves.iter().enumerate().rev() {
        let points = curve.recall.iter().enumerate().map(|(budget, &r)| (budget as f64, r));
        plot.line(&format!("curve c{index}"), points);
    }
    if let Some(model) = curves.first() {
        for budget in [5, 10] {
            let Some(&recall) = model.recall.get(budget) else { continue };
            let (x, y) = (plot.x(budget as f64), plot.y(recall));
            let note = format!("{} at {budget} false alarms per 100", percent(recall));
            plot.dot("mark", (budget as f64, recall), 5.0, &note);
            plot.text(x + 8.0, y + 16.0, "start", "value", &format!("{:.0} %", 100.0 * recall));
        }
    }
    plot.finish()
}

/// Predicted against observed, a dot a bin.
pub(super) fn reliability(name: &str, own: &Calibration) -> String {
    let (x, y) = (Axis::shares("risk shown, %"), Axis::shares("escalated, %"));
    let mut plot = Plot::new(&format!("Reliability, {name}"), (290.0, 270.0), &x, &y);
    plot.line("budget", [(0.0, 0.0), (1.0, 1.0)]);
    plot.line("curve c0", own.bins.iter().map(|bin| (bin.predicted, bin.observed)));
    for bin in &own.bins {
        let note = format!(
            "{} turns: {} shown, {} escalated",
            bin.count,
            percent(bin.predicted),
            percent(bin.observed)
        );
        plot.dot("mark", (bin.predicted, bin.observed), 3.0, &note);
    }
    plot.text(60.0, 26.0, "start", "value", name);
    let error = format!("ECE {}, floor {}", short(own.ece), short(own.noise_floor));
    plot.text(60.0, 42.0, "start", "tick", &error);
    plot.finish()
}

/// How many customer turns the caught calls left, misses beside them.
pub(super) fn leads(leads: &Leads) -> String {
    let mut counts = vec![0u32; LEAD_END as usize + 1];
    for &turns in &leads.turns {
        counts[turns.min(LEAD_END) as usize] += 1;
    }
    let missed = leads.missed as u32;
    let most = counts.iter().copied().chain([missed, 4]).max().unwrap_or(4);
    let step = (f64::from(most) / 4.0).ceil().max(1.0);
    let name = |turns: usize| match turns as u32 {
        LEAD_END => format!("{LEAD_END}+"),
        turns => turns.to_string(),
    };
    let places = counts.len();
    let ticks = (0..places).map(|turns| (turns as f64 + 0.5, name(turns)));
    let x = Axis {
        label: "customer turns between the alert and the escalation",
        from: -2.0,
        to: places as f64,
        ticks: [(-1.0, "missed".to_owned())].into_iter().chain(ticks).collect(),
    };
    let ticks = (0..=4).map(|i| f64::from(i) * step).map(|tick| (tick, format!("{tick:.0}")));
    let y = Axis { label: "calls", from: 0.0, to: step * 4.0, ticks: ticks.collect() };
    let mut plot = Plot::new("Lead times", (640.0, 260.0), &x, &y);
    let note = format!("{missed} escalating calls missed");
    plot.bar("miss", -1.4, -0.6, f64::from(missed), &note);
    for (turns, &count) in counts.iter().enumerate() {
        let note = format!("{count} calls with {} turns of lead", name(turns));
        plot.bar("bar", turns as f64 + 0.1, turns as f64 + 0.9, f64::from(count), &note);
    }
    plot.finish()
}

/// The course of one call's risk, with the threshold and the turn that is explained.
/// `event` is the turn in which it escalated.
pub(super) fn risk(call: &Instructive, event: Option<usize>, turns: usize) -> String {
    let end = turns.max(2) as f64;
    let step = (turns / 6).max(1);
    let x = Axis {
        label: "turn",
        from: 0.0,
        to: end,
        ticks: (0..=turns).step_by(step).map(|turn| (turn as f64, turn.to_string())).collect(),
    };
    let y = Axis::shares("risk, %");
    let mut plot = Plot::new("Course of the risk", (430.0, 230.0), &x, &y);
    plot.line("budget", [(0.0, call.threshold), (end, call.threshold)]);
    if let Some(event) = event.map(|event| event as f64) {
        plot.line("event", [(event, 0.0), (event, 1.0)]);
        let (x, y) = (plot.x(event), plot.y(0.04));
        // On the side with more room.
        let (beside, anchor) = if event < end / 2.0 { (5.0, "start") } else { (-5.0, "end") };
        plot.text(x + beside, y, anchor, "tick", "escalates");
    }
    plot.line("curve c0", call.curve.iter().map(|&(turn, risk)| (turn as f64, risk)));
    for &(turn, risk) in &call.curve {
        let (class, radius) = if turn == call.turn { ("mark", 5.0) } else { ("dot", 2.0) };
        plot.dot(class, (turn as f64, risk), radius, &format!("turn {turn}: {}", percent(risk)));
    }
    let shown = call.curve.iter().find(|(turn, _)| *turn == call.turn);
    if let Some(&(turn, risk)) = shown {
        let (x, y) = (plot.x(turn as f64), plot.y(risk));
        let what = if call.lesson == Lesson::Miss { "highest" } else { "alert" };
        let below = if risk > 0.85 { 18.0 } else { -9.0 };
        plot.text(x + 4.0, y + below, "start", "value", what);
    }
    plot.finish()
}
