//! Thresholds, and if wanted the probability, of a finished model fitted to a site's own ended
//! calls. Weights stay as they are.

use thiserror::Error;

use super::recipe::FalseAlarms;
use super::risk;
use super::rows::walk;
use crate::call::Call;
use crate::features::Space;
use crate::model::{Model, Source, Thresholds};

/// Customer turns before a forecast is made; the engine's default.
const MIN_CUSTOMER_TURNS: u32 = 2;
/// Marks a source that only thresholds and calibration were fitted on.
pub const CALIBRATION_SOURCE: &str = "calibration: ";
/// False alarms at watch and critical for each at warning, where the model does not say.
const WATCH: f64 = 4.0;
const CRITICAL: f64 = 0.2;
/// False alarms per 100 that watch may come to at most.
const WATCH_MAX: f64 = 50.0;

/// Why a model could not be calibrated.
#[derive(Debug, Error)]
#[error("calibrate: {0}")]
pub struct CalibrateError(String);

/// What was done.
#[derive(Clone, Debug)]
pub struct Calibrated {
    /// The model with its new numbers.
    pub model: Model,
    /// Thresholds before, in the old calibrated log-odds.
    pub before: Thresholds,
    /// Promised false alarms per 100.
    pub promise: FalseAlarms,
    /// Non-escalating calls behind the thresholds.
    pub calm: usize,
    /// Calls that escalate, with a forecast.
    pub escalating: usize,
    /// Calls that ended before a forecast, left out.
    pub without_forecast: usize,
    /// Share of the corpus that escalates.
    pub base_rate: f64,
    /// Whether critical has too few calls behind its promise, so that it begins above the
    /// highest of them.
    pub critical_unproven: bool,
}

/// Sets the thresholds of the model of `space` so that of 100 calls that do not escalate at most
/// `per_hundred` are ever alerted: conformal risk control on whole calls. The promise holds for
/// calls like these, that the model has not seen. With `recalibrate` Platt scaling is fitted
/// again first. `sources` are noted in the model.
///
/// # Errors
/// [`CalibrateError`] with too few calls for the promise, or only one kind for `recalibrate`.
pub fn calibrate(
    calls: &[&Call],
    space: &Space,
    per_hundred: f64,
    recalibrate: bool,
    sources: Vec<Source>,
) -> Result<Calibrated, CalibrateError> {
    run(calls, space, per_hundred, recalibrate, sources).map_err(CalibrateError)
}

fn run(
    calls: &[&Call],
    space: &Space,
    per_hundred: f64,
    recalibrate: bool,
    sources: Vec<Source>,
) -> Result<Calibrated, String> {
    let mut model = space.model().clone();
    let promise = promise(&model, per_hundred);
    let scored = score(calls, space);
    let calm = scored.iter().filter(|call| !call.escalates).count();
    enough(calm, per_hundred)?;
    let escalating = calls.iter().filter(|call| call.escalates()).count();
    let base_rate = escalating as f64 / calls.len() as f64;
    if recalibrate {
        if escalating == 0 {
            return Err("--recalibrate needs calls that escalate; there are none".into());
        }
        let (mut log_odds, mut labels) = (Vec::new(), Vec::new());
        for call in &scored {
            log_odds.extend(&call.log_odds);
            labels.extend(std::iter::repeat_n(call.escalates, call.log_odds.len()));
        }
        model.calibration = risk::calibrate(&log_odds, &labels)?;
        model.base_rate = (base_rate * 1e6).round() / 1e6;
    }
    let highest = |call: &ScoredCall| {
        let calibrated = call.log_odds.iter().map(|&own| model.calibration.apply(own));
        calibrated.fold(f64::NEG_INFINITY, f64::max)
    };
    let maxima = scored.iter().filter(|call| !call.escalates).map(highest).collect();
    let before = std::mem::replace(&mut model.thresholds, risk::thresholds(maxima, promise)?);
    note(&mut model, promise, sources);
    Ok(Calibrated {
        before,
        promise,
        calm,
        escalating: scored.len() - calm,
        without_forecast: calls.len() - scored.len(),
        base_rate,
        critical_unproven: calm < calls_for(promise.critical),
        model,
    })
}

/// A call with a forecast.
struct ScoredCall {
    escalates: bool,
    /// The model's own, after each turn with a forecast.
    log_odds: Vec<f64>,
}

fn score(calls: &[&Call], space: &Space) -> Vec<ScoredCall> {
    let risk = &space.model().risk;
    let scored = calls.iter().map(|call| ScoredCall {
        escalates: call.escalates(),
        log_odds: walk(call, space, MIN_CUSTOMER_TURNS)
            .iter()
            .map(|row| risk.log_odds(row.values.iter().copied()))
            .collect(),
    });
    scored.filter(|call| !call.log_odds.is_empty()).collect()
}

/// The promise at each level: watch and critical keep their distance from warning.
fn promise(model: &Model, warning: f64) -> FalseAlarms {
    let trained = |name: &str| model.training.recipe.get(name).copied();
    let ratio = |name, default| match (trained(name), trained("false_alarms_warning")) {
        (Some(own), Some(warning)) if warning > 0.0 => own / warning,
        _ => default,
    };
    FalseAlarms {
        watch: (warning * ratio("false_alarms_watch", WATCH)).min(WATCH_MAX).max(warning),
        warning,
        critical: (warning * ratio("false_alarms_critical", CRITICAL)).min(warning),
    }
}

/// Calls without which conformal risk control can promise nothing: `α(n + 1) ≥ 1`.
fn calls_for(per_hundred: f64) -> usize {
    // A hair less, so that 5 % asks for 19 and not for 20.
    (100.0 / per_hundred - 1.0 - 1e-9).ceil().max(0.0) as usize
}

fn enough(calm: usize, per_hundred: f64) -> Result<(), String> {
    let needed = calls_for(per_hundred).max(risk::MIN_CALM);
    if calm >= needed {
        return Ok(());
    }
    Err(format!(
        "{calm} calls that do not escalate are too few to promise {per_hundred} false alarms in \
         100; at least {needed} are needed"
    ))
}

/// Writes into the model what its thresholds are for and what they come from; an earlier
/// calibration is replaced.
fn note(model: &mut Model, promise: FalseAlarms, sources: Vec<Source>) {
    let training = &mut model.training;
    for (name, value) in [
        ("false_alarms_watch", promise.watch),
        ("false_alarms_warning", promise.warning),
        ("false_alarms_critical", promise.critical),
    ] {
        training.recipe.insert(name.into(), value);
    }
    training.sources.retain(|source| !source.file.starts_with(CALIBRATION_SOURCE));
    let named =
        |source: Source| Source { file: format!("{CALIBRATION_SOURCE}{}", source.file), ..source };
    training.sources.extend(sources.into_iter().map(named));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, Settings};
    use crate::features::SPACE;

    fn engine() -> Engine {
        Engine::with_model(None, Settings::default()).unwrap()
    }

    fn calls(count: usize) -> Vec<Call> {
        let text = include_str!("../../data/calls/ta.jsonl");
        let calls = text.lines().map(|line| crate::call::Call::parse(line).unwrap());
        calls.filter(|call| !call.escalates()).take(count).collect()
    }

    fn source() -> Source {
        Source { file: "site.jsonl".into(), sha256: "00".into(), licence: None, calls: 30 }
    }

    #[test]
    fn the_promise_is_kept_on_its_own_calls_and_noted() {
        let (engine, calls) = (engine(), calls(30));
        let calls: Vec<&Call> = calls.iter().collect();
        let done = calibrate(&calls, &engine.space, 10.0, false, vec![source()]).unwrap();
        let warning = done.model.thresholds.warning;
        let above = score(&calls, &engine.space)
            .iter()
            .filter(|call| {
                call.log_odds.iter().any(|&own| done.model.calibration.apply(own) > warning)
            })
            .count();
        // 10 % of 31 is 3.1, less 1: two of 30 may lie above.
        assert_eq!((above, done.calm), (2, 30));
        assert_eq!((done.promise.watch, done.promise.critical), (40.0, 2.0));
        assert!(done.critical_unproven);
        assert_eq!(done.model.base_rate, engine.space.model().base_rate);
        assert_eq!(done.model.training.sources.last().unwrap().file, "calibration: site.jsonl");
        let json = done.model.to_json(SPACE);
        Engine::with_model(Some((&json, "it")), Settings::default()).unwrap();
        // Once more replaces the note.
        let count = done.model.training.sources.len();
        let space = Engine::with_model(Some((&json, "it")), Settings::default()).unwrap().space;
        let again = calibrate(&calls, &space, 10.0, false, vec![source()]).unwrap();
        assert_eq!(again.model.training.sources.len(), count);
    }

    #[test]
    fn too_few_calls_are_refused_whatever_the_promise() {
        let (engine, calls) = (engine(), calls(30));
        let calls: Vec<&Call> = calls.iter().collect();
        let refused = |calls: &[&Call], per_hundred| {
            calibrate(calls, &engine.space, per_hundred, false, vec![]).unwrap_err().to_string()
        };
        assert!(refused(&calls[..18], 5.0).contains("at least 19"));
        assert!(calibrate(&calls[..19], &engine.space, 5.0, false, vec![]).is_ok());
        assert!(refused(&calls[..18], 20.0).contains("at least 19"));
        assert!(refused(&calls, 1.0).contains("at least 99"));
        let recalibrated = calibrate(&calls, &engine.space, 5.0, true, vec![]);
        assert!(recalibrated.unwrap_err().to_string().contains("calls that escalate"));
    }
}
