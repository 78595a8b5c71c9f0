//! How values read in a terminal. Nothing from outside gets there but through [`clean`].

/// Steps of a curve, from the lowest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Text without what drives a terminal or turns the direction of writing.
pub(super) fn clean(text: &str) -> String {
    let harmless = |c: char| {
        let turns = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if c.is_control() || turns { '·' } else { c }
    };
    text.chars().map(harmless).collect()
}

/// The same, or a dash.
pub(super) fn or_dash(text: Option<&String>) -> String {
    text.map_or_else(|| "-".into(), |text| clean(text))
}

/// A probability in percent.
pub(super) fn percent(risk: Option<f64>) -> String {
    match risk {
        None => "-".into(),
        Some(risk) if risk > 0.0 && risk < 0.01 => "<1 %".into(),
        Some(risk) if risk > 0.99 && risk < 1.0 => ">99 %".into(),
        Some(risk) => format!("{:.0} %", risk * 100.0),
    }
}

/// A change of risk as an arrow with points; nothing when it stands still.
pub(super) fn trend(trend: Option<f64>) -> String {
    let points = (trend.unwrap_or(0.0) * 100.0).round();
    match points {
        points if points > 0.0 => format!("↑{points}"),
        points if points < 0.0 => format!("↓{}", -points),
        _ => String::new(),
    }
}

/// A sentiment, −1 … 1.
pub(super) fn signed(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:+.1}"))
}

/// A span of time as 4:07 or 1:04:07.
pub(super) fn span(ms: i64) -> String {
    let all = ms.max(0) / 1_000;
    let (hours, minutes, seconds) = (all / 3_600, all / 60 % 60, all % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// The newest `width` values, 0 … 1, as bars.
pub(super) fn spark<'a>(values: impl DoubleEndedIterator<Item = &'a f64>, width: usize) -> String {
    let mut bars: Vec<char> = values
        .rev()
        .take(width)
        .map(|value| BARS[((value.clamp(0.0, 1.0) * BARS.len() as f64) as usize).min(7)])
        .collect();
    bars.reverse();
    bars.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_people_expect() {
        assert_eq!(percent(Some(0.634)), "63 %");
        assert_eq!((percent(Some(0.004)), percent(Some(0.999))), ("<1 %".into(), ">99 %".into()));
        assert_eq!(
            (trend(Some(0.081)), trend(Some(-0.2)), trend(None)),
            ("↑8".into(), "↓20".into(), String::new())
        );
        assert_eq!((signed(Some(-0.66)), signed(None)), ("-0.7".into(), "-".into()));
        assert_eq!(
            (span(247_000), span(3_847_900), span(-5)),
            ("4:07".into(), "1:04:07".into(), "0:00".into())
        );
        assert_eq!(spark([0.0, 0.5, 1.0, 0.99].iter(), 3), "▅██");
    }

    #[test]
    fn nothing_drives_the_terminal() {
        assert_eq!(clean("a\u{1b}[2J\n\u{202e}b\u{9b}c é"), "a·[2J··b·c é");
    }
}
