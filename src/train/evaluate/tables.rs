//! The same operating point for different kinds of calls: where the model is weak, and whom it
//! disturbs most.

use std::collections::BTreeMap;

use serde::Serialize;

use super::judge::Evidence;
use crate::call::Call;

/// Calls without which a group goes into the rest: its shares would say nothing.
const MIN_GROUP: usize = 10;
/// Groups up to which none is put into the rest.
const FEW_GROUPS: usize = 8;

/// A way of parting the calls.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// By what.
    pub by: String,
    /// Its groups.
    pub rows: Vec<Row>,
}

/// One group at 10 false alarms per 100 calls of its batch.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub group: String,
    /// Escalating calls.
    pub escalating: usize,
    /// Share of them alerted before the event; absent when there are none.
    pub recall: Option<f64>,
    /// Other calls.
    pub others: usize,
    /// Share of them ever alerted; absent when there are none.
    pub false_alarms: Option<f64>,
}

/// By kind of escalation (calm and averted calls by their arc), industry, style and third of
/// length in turns. `thresholds` has one for each evidence.
pub fn tables(calls: &[&Call], evidence: &[Evidence], thresholds: &[f64]) -> Vec<Table> {
    let mut lengths: Vec<usize> = calls.iter().map(|call| call.turns.len()).collect();
    lengths.sort_unstable();
    let cut = |third: usize| lengths.get(lengths.len() * third / 3).copied().unwrap_or(0);
    let (one, two) = (cut(1), cut(2));
    let length = move |call: &Call| match call.turns.len() {
        n if n < one => format!("1: under {one} turns"),
        n if n < two => format!("2: {one} to {} turns", two - 1),
        _ => format!("3: {two} turns and more"),
    };
    let kind = |call: &Call| {
        let outcome = call.outcome.as_ref();
        let label = outcome.and_then(|o| if o.escalated { o.kind.clone() } else { o.arc.clone() });
        label.unwrap_or_else(|| if call.escalates() { "escalated" } else { "other" }.into())
    };
    let unnamed = |name: &Option<String>| name.clone().unwrap_or_else(|| "(not given)".into());
    let hits: Vec<(usize, bool)> = evidence
        .iter()
        .zip(thresholds)
        .map(|(one, &threshold)| (one.model().call, one.model().max(0) > threshold))
        .collect();
    vec![
        table("outcome", calls, &hits, kind),
        table("industry", calls, &hits, |call| unnamed(&call.industry)),
        table("style", calls, &hits, |call| unnamed(&call.style)),
        table("length", calls, &hits, length),
    ]
}

/// (calls, hits) of the calls that do not escalate, and of those that do.
type Cells = [(usize, usize); 2];

/// Groups of a few calls become one, where there are many groups.
fn merge_small(groups: BTreeMap<String, Cells>) -> Vec<(String, Cells)> {
    let size = |cells: &Cells| cells[0].0 + cells[1].0;
    if groups.len() <= FEW_GROUPS {
        return groups.into_iter().collect();
    }
    let (mut large, small): (Vec<_>, Vec<_>) =
        groups.into_iter().partition(|(_, cells)| size(cells) >= MIN_GROUP);
    let mut rest = Cells::default();
    for (_, cells) in &small {
        for (sum, own) in rest.iter_mut().zip(cells) {
            *sum = (sum.0 + own.0, sum.1 + own.1);
        }
    }
    if !small.is_empty() {
        large.push((format!("{} others of under {MIN_GROUP} calls each", small.len()), rest));
    }
    large
}

fn table(
    by: &str,
    calls: &[&Call],
    hits: &[(usize, bool)],
    group: impl Fn(&Call) -> String,
) -> Table {
    let mut groups: BTreeMap<String, Cells> = BTreeMap::new();
    for &(index, hit) in hits {
        let call = calls[index];
        let cell = &mut groups.entry(group(call)).or_default()[usize::from(call.escalates())];
        cell.0 += 1;
        cell.1 += usize::from(hit);
    }
    let groups = merge_small(groups);
    let share = |(all, hits): (usize, usize)| (all > 0).then(|| hits as f64 / all as f64);
    let rows = groups.into_iter().map(|(group, [others, escalating])| Row {
        group,
        escalating: escalating.0,
        recall: share(escalating),
        others: others.0,
        false_alarms: share(others),
    });
    Table { by: by.into(), rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_groups_are_put_together_where_there_are_many() {
        let groups = |count: usize| -> BTreeMap<String, Cells> {
            (0..count).map(|i| (i.to_string(), [(if i == 0 { 9 } else { 1 }, 1), (1, 0)])).collect()
        };
        assert_eq!(merge_small(groups(8)).len(), 8);
        let merged = merge_small(groups(9));
        assert_eq!(merged.len(), 2);
        assert_eq!(merged[1].1, [(8, 8), (8, 0)]);
    }

    #[test]
    fn shares_worked_out_by_hand() {
        let call = |id: &str, industry: &str, escalated: bool| -> Call {
            let json = format!(
                r#"{{"id":"{id}","industry":"{industry}","outcome":{{"escalated":{escalated}}},"turns":[]}}"#
            );
            serde_json::from_str(&json).unwrap()
        };
        let calls = [call("1", "bank", true), call("2", "bank", true), call("3", "rail", false)];
        let calls: Vec<&Call> = calls.iter().collect();
        let hits = [(0, true), (1, false), (2, true)];
        let table = table("industry", &calls, &hits, |c| c.industry.clone().unwrap_or_default());
        let bank = &table.rows[0];
        assert_eq!((bank.escalating, bank.recall, bank.false_alarms), (2, Some(0.5), None));
        let rail = &table.rows[1];
        assert_eq!((rail.others, rail.recall, rail.false_alarms), (1, None, Some(1.0)));
    }
}
