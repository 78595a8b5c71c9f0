//! The second level: fitting the risk head, and what it says of calls it has not seen.

use super::evaluate::judge::{Contender, Evidence};
use super::evaluate::live::Live;
use super::heads::LabelledCall;
use super::metrics::{Scored, ScoredTurn};
use super::pipeline::Groups;
use super::recipe::Recipe;
use super::risk;
use super::rows::Row;
use crate::model::{Calibration, RiskHead, Thresholds};

/// The second level's data.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub recipe: &'a Recipe,
    pub calls: &'a [LabelledCall],
    /// Of each call.
    pub rows: &'a [Vec<Row>],
    /// Of each row.
    pub columns: &'a [String],
}

impl Table<'_> {
    /// Fits the risk head on the calls that `wanted` picks by index.
    pub(super) fn fit(&self, wanted: impl Fn(usize) -> bool) -> Result<RiskHead, String> {
        let calls = self.calls.iter().zip(self.rows).enumerate();
        let mut cases: Vec<Vec<(&Row, bool)>> = calls
            .filter(|(index, _)| wanted(*index))
            .map(|(_, (call, rows))| {
                rows.iter().filter_map(|row| Some((row, self.label(call, row)?))).collect()
            })
            .collect();
        let mut head = self.fit_cases(&cases)?;
        if let Some(top_rows) = self.recipe.top_rows {
            for rows in &mut cases {
                // Stable: of equal rows the earlier stays.
                let score = |case: &(&Row, bool)| head.log_odds(case.0.values.iter().copied());
                rows.sort_by(|a, b| score(b).total_cmp(&score(a)));
                rows.truncate(top_rows);
            }
            head = self.fit_cases(&cases)?;
        }
        Ok(head)
    }

    /// What the head should say of a row; `None` for a row that teaches nothing.
    fn label(&self, call: &LabelledCall, row: &Row) -> Option<bool> {
        if let Some(from) = self.recipe.reader_risk_from {
            return row.reader_risk.map(|risk| risk >= from);
        }
        let near = row.customer_turns_left <= self.recipe.last_customer_turns;
        (!call.escalates || near).then_some(call.escalates)
    }

    fn fit_cases(&self, cases: &[Vec<(&Row, bool)>]) -> Result<RiskHead, String> {
        let (values, labels): (Vec<&[f64]>, Vec<bool>) =
            cases.iter().flatten().map(|(row, label)| (row.values.as_slice(), *label)).unzip();
        if values.is_empty() {
            return Err("no call is long enough for a forecast, or has the labels the recipe \
                        asks for"
                .into());
        }
        let directions = self.recipe.directions(self.columns);
        risk::fit_directed(self.columns, &directions, &values, &labels, self.recipe.risk_penalty)
    }
}

/// Log-odds of every row by a head that has not seen its group of calls.
pub(super) struct HeldOut(Vec<Vec<f64>>);

impl HeldOut {
    /// Fits one head for each group, on the others.
    pub(super) fn new(table: &Table<'_>, groups: &Groups) -> Result<HeldOut, String> {
        let mut log_odds = vec![Vec::new(); groups.of.len()];
        for group in 0..groups.count {
            let head = table.fit(|index| groups.of[index] != group)?;
            for index in (0..groups.of.len()).filter(|&index| groups.of[index] == group) {
                let scores =
                    table.rows[index].iter().map(|row| head.log_odds(row.values.iter().copied()));
                log_odds[index] = scores.collect();
            }
        }
        Ok(HeldOut(log_odds))
    }

    /// Calibration and thresholds from the calls that `wanted` picks by index.
    pub(super) fn calibrate(
        &self,
        table: &Table<'_>,
        wanted: impl Fn(usize) -> bool,
    ) -> Result<(Calibration, Thresholds), String> {
        let (mut log_odds, mut labels, mut calm) = (Vec::new(), Vec::new(), Vec::new());
        let scored = self.0.iter().enumerate().filter(|(_, scores)| !scores.is_empty());
        for (index, scores) in scored.filter(|(index, _)| wanted(*index)) {
            let escalates = table.calls[index].escalates;
            if !escalates {
                calm.push(scores.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            }
            labels.extend(std::iter::repeat_n(escalates, scores.len()));
            log_odds.extend(scores);
        }
        let calibration = risk::calibrate(&log_odds, &labels)?;
        let calm = calm.into_iter().map(|log_odds| calibration.apply(log_odds)).collect();
        Ok((calibration, risk::thresholds(calm, table.recipe.false_alarms)?))
    }

    /// The calls as judged by what is known from the groups they are not in.
    pub(super) fn evidence(
        &self,
        table: &Table<'_>,
        groups: &Groups,
    ) -> Result<Vec<Evidence>, String> {
        let known: Vec<(Calibration, Thresholds)> = (0..groups.count)
            .map(|group| self.calibrate(table, |index| groups.of[index] != group))
            .collect::<Result<_, _>>()?;
        let judged = self.0.iter().enumerate().map(|(index, log_odds)| {
            let (calibration, thresholds) = known[groups.of[index]];
            let turns = table.rows[index].iter().zip(log_odds).map(|(row, &log_odds)| ScoredTurn {
                score: calibration.apply(log_odds),
                ..row.place()
            });
            let call = &table.calls[index];
            let scored = Scored { call: index, escalates: call.escalates, turns: turns.collect() };
            let mut scores: [Option<Scored>; Contender::ALL.len()] = Default::default();
            scores[Contender::Model as usize] = Some(scored);
            let (warning, live) = (thresholds.warning, Live::default());
            Evidence { engine: groups.of[index], scores, warning, shift: 0.0, live }
        });
        Ok(judged.collect())
    }
}
