//! A plot's frame: scales, axes, marks. Colours come from the page's style sheet.

use std::fmt::Write as _;

use super::escape;

/// Room for the labels, in pixels.
const LEFT: f64 = 46.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 40.0;

/// One axis.
pub(super) struct Axis<'a> {
    pub label: &'a str,
    pub from: f64,
    pub to: f64,
    /// Where the ticks are, and what they say.
    pub ticks: Vec<(f64, String)>,
}

impl Axis<'_> {
    /// An axis of shares, shown in percent.
    pub(super) fn shares(label: &str) -> Axis<'_> {
        let ticks = (0..=4).map(|i| (f64::from(i) * 0.25, format!("{}", i * 25)));
        Axis { label, from: 0.0, to: 1.0, ticks: ticks.collect() }
    }
}

/// A plot that is being drawn.
pub(super) struct Plot {
    out: String,
    width: f64,
    height: f64,
    x: (f64, f64),
    y: (f64, f64),
}

impl Plot {
    /// An empty plot with its axes. `title` is for people who cannot see it.
    pub(super) fn new(title: &str, size: (f64, f64), x: &Axis<'_>, y: &Axis<'_>) -> Plot {
        let (width, height) = size;
        let mut plot =
            Plot { out: String::new(), width, height, x: (x.from, x.to), y: (y.from, y.to) };
        plot.push(&format!(
            r#"<svg viewBox="0 0 {width} {height}" role="img" aria-label="{}">"#,
            escape(title)
        ));
        for (value, text) in &y.ticks {
            let at = plot.y(*value);
            plot.push(&format!(
                r#"<line class="grid" x1="{LEFT}" x2="{:.1}" y1="{at:.1}" y2="{at:.1}"/>"#,
                width - RIGHT
            ));
            plot.text(LEFT - 6.0, at + 4.0, "end", "tick", text);
        }
        for (value, text) in &x.ticks {
            let at = plot.x(*value);
            plot.text(at, height - BOTTOM + 16.0, "middle", "tick", text);
        }
        let foot = height - BOTTOM;
        plot.push(&format!(
            r#"<line class="axis" x1="{LEFT}" x2="{:.1}" y1="{foot:.1}" y2="{foot:.1}"/>"#,
            width - RIGHT
        ));
        plot.text((LEFT + width - RIGHT) / 2.0, height - 6.0, "middle", "label", x.label);
        let middle = (TOP + foot) / 2.0;
        plot.push(&format!(
            r#"<text class="label" text-anchor="middle" transform="translate(12 {middle:.1}) rotate(-90)">{}</text>"#,
            escape(y.label)
        ));
        plot
    }

    fn push(&mut self, markup: &str) {
        self.out.push_str(markup);
    }

    pub(super) fn x(&self, value: f64) -> f64 {
        let (from, to) = self.x;
        LEFT + (value - from) / (to - from) * (self.width - LEFT - RIGHT)
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        let (from, to) = self.y;
        let foot = self.height - BOTTOM;
        foot - (value - from) / (to - from) * (foot - TOP)
    }

    /// Text at pixels.
    pub(super) fn text(&mut self, x: f64, y: f64, anchor: &str, class: &str, text: &str) {
        let text = escape(text);
        self.push(&format!(
            r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#
        ));
    }

    /// A line through points in the plot's units.
    pub(super) fn line(&mut self, class: &str, points: impl IntoIterator<Item = (f64, f64)>) {
        let mut path = String::new();
        for (x, y) in points {
            // Writing to a String cannot fail.
            let _ = write!(path, "{:.1},{:.1} ", self.x(x), self.y(y));
        }
        self.push(&format!(r#"<polyline class="{class}" points="{}"/>"#, path.trim_end()));
    }

    /// A dot with a note that shows on hovering.
    pub(super) fn dot(&mut self, class: &str, at: (f64, f64), radius: f64, note: &str) {
        let (x, y) = (self.x(at.0), self.y(at.1));
        self.push(&format!(
            r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="{radius:.1}"><title>{}</title></circle>"#,
            escape(note)
        ));
    }

    /// A bar from the foot up to `height`, between two places on the x axis.
    pub(super) fn bar(&mut self, class: &str, from: f64, to: f64, height: f64, note: &str) {
        let (x, top) = (self.x(from), self.y(height));
        let (width, tall) = (self.x(to) - x, self.height - BOTTOM - top);
        self.push(&format!(
            r#"<rect class="{class}" x="{x:.1}" y="{top:.1}" width="{width:.1}" height="{tall:.1}" rx="2"><title>{}</title></rect>"#,
            escape(note)
        ));
    }

    /// The finished markup.
    pub(super) fn finish(mut self) -> String {
        self.push("</svg>");
        self.out
    }
}
