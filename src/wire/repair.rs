//! JSON text that is almost right: escapes of half a surrogate pair.

/// Replaces `\uD800`–`\uDFFF` escapes that are not part of a pair by `\uFFFD`. A recogniser that
/// cuts a transcript in the middle of an emoji writes such halves; the call must go on.
/// `None` when there is nothing to replace.
pub(super) fn lone_surrogates(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut places = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        match unit(bytes, at) {
            Some(0xD800..=0xDBFF) => {
                if matches!(unit(bytes, at + 6), Some(0xDC00..=0xDFFF)) {
                    at += 12;
                } else {
                    places.push(at);
                    at += 6;
                }
            }
            Some(0xDC00..=0xDFFF) => {
                places.push(at);
                at += 6;
            }
            Some(_) => at += 6,
            // Any other escape is a backslash and one character.
            None => at += 2,
        }
    }
    if places.is_empty() {
        return None;
    }
    let mut repaired = text.to_owned();
    for place in places {
        repaired.replace_range(place..place + 6, "\\uFFFD");
    }
    Some(repaired)
}

/// The UTF-16 unit of the `\uXXXX` escape at `at`.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let escape = bytes.get(at..at + 6)?;
    if !escape.starts_with(b"\\u") || !escape[2..].iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(&escape[2..]).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::lone_surrogates;

    #[test]
    fn only_halves_are_replaced() {
        assert_eq!(lone_surrogates(r#""\ud83d\ude00 fine""#), None);
        assert_eq!(lone_surrogates(r#""cut \ud83d""#).unwrap(), r#""cut \uFFFD""#);
        assert_eq!(
            lone_surrogates(r#""\ude00\ud83d\ud83d\ude00""#).unwrap(),
            r#""\uFFFD\uFFFD\ud83d\ude00""#
        );
        // An escaped backslash is no escape.
        assert_eq!(lone_surrogates(r#""\\ud83d""#), None);
        assert_eq!(lone_surrogates(r#"é\ud8"#), None);
        assert_eq!(lone_surrogates("\\é\\uD800").unwrap(), "\\é\\uFFFD");
    }
}
