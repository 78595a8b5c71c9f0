//! The card of a model: what it is, what it was made from, who must not be judged with it.

use std::fmt::Write as _;

use crate::call::Call;
use crate::model::Model;

/// The card of `model`, fitted on `calls` by `command`, in Markdown. Holds no dates, so that the same
/// training gives the same card.
pub fn write(model: &Model, calls: &[&Call], command: &str) -> String {
    let mut card = String::new();
    // Writing to a String cannot fail.
    let _ = fill(&mut card, model, calls, command);
    card
}

fn fill(card: &mut String, model: &Model, calls: &[&Call], command: &str) -> std::fmt::Result {
    let escalating = calls.iter().filter(|call| call.escalates()).count();
    writeln!(card, "# Model card: {}\n", model.name)?;
    writeln!(
        card,
        "Forecasts, turn by turn, whether a customer call will escalate. Two levels of linear\n\
         heads: {} n-grams of customer turns and {} of agent turns feed {} + {} heads\n\
         (conversation acts, sentiment, outlook); a risk head weighs {} columns of their course.\n\
         Language: {}.\n",
        model.customer.ngrams.len(),
        model.agent.ngrams.len(),
        model.customer.len(),
        model.agent.len(),
        model.risk.columns.len(),
        model.lang,
    )?;
    writeln!(card, "## Made by\n\n```\n{}\n```\n", command)?;
    writeln!(card, "The same build on the same kind of processor gives the same file.\n")?;
    writeln!(card, "## Training data\n")?;
    writeln!(
        card,
        "{} calls, {escalating} of them escalating (base rate {:.3}).\n",
        calls.len(),
        model.base_rate
    )?;
    writeln!(card, "| file | calls | SHA-256 |\n| --- | --- | --- |")?;
    for source in &model.training.sources {
        writeln!(card, "| {} | {} | `{}` |", source.file, source.calls, source.sha256)?;
    }
    writeln!(card, "\n## Recipe\n\n| setting | value |\n| --- | --- |")?;
    for (name, value) in &model.training.recipe {
        writeln!(card, "| {name} | {value} |")?;
    }
    let (calibration, thresholds) = (model.calibration, model.thresholds);
    writeln!(card, "\n## Calibration and thresholds\n")?;
    writeln!(
        card,
        "Platt scaling on scores of calls unseen in training: slope {}, intercept {}.\n\
         Levels begin, in calibrated log-odds at the training base rate, at {} (watch),\n\
         {} (warning), {} (critical): conformal risk control on whole calls for the promised\n\
         false alarms of the recipe.\n",
        calibration.slope,
        calibration.intercept,
        thresholds.watch,
        thresholds.warning,
        thresholds.critical,
    )?;
    writeln!(card, "{LIMITS}")
}

const LIMITS: &str = "## Limits

The calls in `data/` are synthetic: written for this project, cleaner and more purposeful than
real speech. Expect lower figures on real calls, and measure on your own
(`forewarn evaluate --corpus your-calls.jsonl`) before you rely on it.

It forecasts calls. It must not be used to rate, pay or discipline people: an agent who gets the
hard calls gets the high risks, and a customer's way of speaking is not a fault.";
