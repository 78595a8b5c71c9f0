//! Writing down what an evaluation found: for a terminal ([`text`]), and as a page ([`page`]).

mod calls;
pub mod page;
mod plots;
mod svg;
mod tables;
pub mod text;

/// Text for HTML, in elements and in quoted attributes. Everything that comes from a corpus or a
/// model goes through here.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            plain => escaped.push(plain),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn markup_becomes_text() {
        assert_eq!(
            escape(r#"<b a="1">Tom & 'Jerry'"#),
            "&lt;b a=&quot;1&quot;&gt;Tom &amp; &#39;Jerry&#39;"
        );
    }
}
