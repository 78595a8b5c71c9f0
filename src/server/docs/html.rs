//! Text as HTML. Whatever comes from a document goes through `escape`.

/// Text that is no markup.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A line in which backticks mark code.
pub(super) fn line(text: &str) -> String {
    let mut html = String::new();
    for (at, piece) in text.split('`').enumerate() {
        let piece = escape(piece);
        html += &if at % 2 == 0 { piece } else { format!("<code>{piece}</code>") };
    }
    html
}

/// Paragraphs and tables, as the descriptions of the documents have them.
pub(super) fn text(markdown: &str) -> String {
    let block = |block: &str| match block.starts_with('|') {
        true => rows(block),
        false => format!("<p>{}</p>", line(block)),
    };
    markdown.split("\n\n").map(str::trim).filter(|one| !one.is_empty()).map(block).collect()
}

fn rows(block: &str) -> String {
    let cells = |row: &str| {
        row.trim_matches('|').split('|').map(|cell| line(cell.trim())).collect::<Vec<String>>()
    };
    let mut lines = block.lines();
    let head = cells(lines.next().unwrap_or_default());
    let rows: Vec<Vec<String>> = lines.skip(1).map(cells).collect();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    table(&head, &rows)
}

/// A table of cells that are HTML; nothing when it has no rows.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let heads: String = head.iter().map(|name| format!("<th scope=\"col\">{name}</th>")).collect();
    let row = |cells: &Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
        format!("<tr>{cells}</tr>")
    };
    let rows: String = rows.iter().map(row).collect();
    format!("<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>")
}

/// A link to an entry of the page.
pub(super) fn link(id: &str) -> String {
    format!("<a href=\"#{0}\">{0}</a>", escape(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_never_becomes_markup() {
        let hostile = "a <script>alert('x')</script> & `<b onload=\"x\">`";
        let safe = "a &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; \
                    <code>&lt;b onload=&quot;x&quot;&gt;</code>";
        assert_eq!(line(hostile), safe);
        assert_eq!(
            text("one\n\n| a | b |\n| --- | --- |\n| <i> | 2 |"),
            "<p>one</p><table><thead><tr><th scope=\"col\">a</th><th scope=\"col\">b</th></tr>\
             </thead><tbody><tr><td>&lt;i&gt;</td><td>2</td></tr></tbody></table>"
        );
    }
}
