//! What a block of columns brings: the risk head fitted again without it.

use super::Progress;
use super::evaluate::figures::{Interval, Parts, differences};
use super::evaluate::judge::Evidence;
use super::pipeline::Groups;
use super::recipe::matches;
use super::rows::Row;
use super::table::{HeldOut, Table};
use crate::call::Call;

/// The headline figures without a block minus those with it, on the same held-out calls.
#[derive(Clone, Debug)]
pub struct Ablation {
    /// Name of the block.
    pub block: String,
    /// Columns in it.
    pub columns: usize,
    /// AUC, recall@10, recall@5, early recall@10; intervals by paired bootstrap over calls.
    pub differences: [Interval; 4],
}

/// Refits `table` without each of its recipe's blocks. The first level stays as it is.
pub(super) fn ablate(
    table: &Table<'_>,
    groups: &Groups,
    with: &[Evidence],
    calls: &[&Call],
    progress: Progress<'_>,
) -> Result<Vec<Ablation>, String> {
    let mut all = Vec::new();
    let parts = Parts::new(calls, with);
    for (block, patterns) in &table.recipe.blocks {
        progress(&format!("without {block}"));
        let removed = |column: &str| patterns.iter().any(|pattern| matches(pattern, column));
        let kept: Vec<usize> =
            (0..table.columns.len()).filter(|&place| !removed(&table.columns[place])).collect();
        if kept.len() == table.columns.len() {
            return Err(format!("the block `{block}` matches none of the recipe's columns"));
        }
        let columns: Vec<String> = kept.iter().map(|&place| table.columns[place].clone()).collect();
        let narrow = |row: &Row| {
            let values = kept.iter().map(|&place| row.values[place]).collect();
            Row { values, ..row.clone() }
        };
        let rows: Vec<Vec<Row>> =
            table.rows.iter().map(|rows| rows.iter().map(narrow).collect()).collect();
        let without = Table { rows: &rows, columns: &columns, ..*table };
        let evidence = HeldOut::new(&without, groups)?.evidence(&without, groups)?;
        let columns = table.columns.len() - kept.len();
        let differences = differences(&evidence, with, &parts);
        all.push(Ablation { block: block.clone(), columns, differences });
    }
    Ok(all)
}

/// The table for people, in Markdown.
pub fn markdown(all: &[Ablation]) -> String {
    let mut table = "| without | columns | AUC | recall@10 | recall@5 | early recall@10 |\n\
                     | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for Ablation { block, columns, differences } in all {
        let cells: Vec<String> = differences
            .iter()
            .map(|own| format!("{:+.3} [{:+.2}, {:+.2}]", own.value, own.low, own.high))
            .collect();
        table += &format!("| {block} | {columns} | {} |\n", cells.join(" | "));
    }
    table
}
