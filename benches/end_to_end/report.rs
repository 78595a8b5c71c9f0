//! What came out: figures with their value in each round, as a table of medians and as JSON.

use std::fmt;

use serde_json::json;

/// All benches that ran.
#[derive(Debug, Default)]
pub struct Report(Vec<Section>);

/// What one bench found.
#[derive(Debug)]
pub struct Section {
    bench: &'static str,
    /// How it was measured, and what could not be.
    notes: Vec<String>,
    figures: Vec<Figure>,
}

/// One number, measured once a round.
#[derive(Debug)]
pub struct Figure {
    name: String,
    unit: &'static str,
    rounds: Vec<f64>,
    at_most: Option<f64>,
}

impl Report {
    /// A new section, after the others.
    pub fn section(&mut self, bench: &'static str) -> &mut Section {
        self.0.push(Section { bench, notes: Vec::new(), figures: Vec::new() });
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    /// Every figure of every round.
    pub fn to_json(&self) -> String {
        let sections = self.0.iter().map(|section| {
            let figures = section.figures.iter().map(|figure| {
                json!({"name": figure.name, "unit": figure.unit, "median": figure.median(),
                    "rounds": figure.rounds, "at_most": figure.at_most})
            });
            json!({"bench": section.bench, "command": section.command(), "notes": section.notes,
                "figures": figures.collect::<Vec<_>>()})
        });
        format!("{:#}\n", json!(sections.collect::<Vec<_>>()))
    }
}

impl Section {
    /// Says something about all figures.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Something that was not measured: said in the table and at once.
    pub fn skip(&mut self, what: &str) {
        let note = format!("SKIPPED: {what}");
        eprintln!("{}: {note}", self.bench);
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Says how far it is.
    pub fn progress(&self, what: impl fmt::Display) {
        eprintln!("{}: {what}", self.bench);
    }

    /// The value of a figure in this round. Figures are shown in the order of their first values.
    pub fn add(&mut self, name: &str, unit: &'static str, value: f64) -> &mut Figure {
        let known = self.figures.iter().position(|figure| figure.name == name);
        let place = known.unwrap_or_else(|| {
            let (name, rounds) = (name.to_owned(), Vec::new());
            self.figures.push(Figure { name, unit, rounds, at_most: None });
            self.figures.len() - 1
        });
        let figure = &mut self.figures[place];
        figure.rounds.push(value);
        figure
    }

    fn command(&self) -> String {
        format!("cargo bench --bench end_to_end -- --only {}", self.bench)
    }
}

impl Figure {
    /// What it should not exceed.
    pub fn at_most(&mut self, bar: f64) {
        self.at_most = Some(bar);
    }

    fn median(&self) -> f64 {
        let mut values = self.rounds.clone();
        values.sort_by(f64::total_cmp);
        match values.len() {
            0 => f64::NAN,
            length => (values[(length - 1) / 2] + values[length / 2]) / 2.0,
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## {}\n\n`{}`\n", self.bench, self.command())?;
        for note in &self.notes {
            writeln!(f, "{note}\n")?;
        }
        writeln!(f, "| | median | rounds | bar |")?;
        writeln!(f, "| --- | --- | --- | --- |")?;
        self.figures.iter().try_for_each(|figure| writeln!(f, "{figure}"))
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (median, unit) = (self.median(), self.unit);
        write!(f, "| {} | {} {unit} |", self.name, short(median))?;
        let of = |pick: fn(f64, f64) -> f64| self.rounds.iter().copied().reduce(pick);
        let (least, most) = (of(f64::min).unwrap_or(median), of(f64::max).unwrap_or(median));
        write!(f, " {}, {} to {} |", self.rounds.len(), short(least), short(most))?;
        match self.at_most {
            Some(bar) if median <= bar => write!(f, " {} {unit} |", short(bar)),
            Some(bar) => write!(f, " {} {unit}, **missed** |", short(bar)),
            None => write!(f, " |"),
        }
    }
}

/// Three digits, more where they stand before the point.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
