//! Messages for people, of which parts were written by others.

/// Characters of a message; what it quotes may be as long as a file.
const MOST: usize = 600;

/// A message without its line breaks, cut where it would be endless.
pub fn one_line(message: &str) -> String {
    let line = message.trim().replace('\n', "; ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_of_a_readable_length() {
        assert_eq!(one_line(" expected `]`\nfound end\n"), "expected `]`; found end");
        let long = one_line(&"é".repeat(20_000));
        assert_eq!((long.chars().count(), long.ends_with('…')), (601, true));
    }
}
