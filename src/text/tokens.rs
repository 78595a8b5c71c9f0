//! Splitting text into normalised words.

/// A word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Lower case, typographic apostrophes straightened, common contractions mended;
    /// `#` for a run of digits.
    pub word: String,
    /// First Unicode code point of the word in the text.
    pub start: u32,
    /// One past its last code point.
    pub end: u32,
}

/// All tokens of `text`; [`for_each_token`] without the allocation is for the hot path.
pub fn tokenise(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for_each_token(text, &mut String::new(), |word, start, end| {
        tokens.push(Token { word: word.to_owned(), start, end });
    });
    tokens
}

/// Calls `each(word, start, end)` for every word of `text`, in order. `start` and `end` count
/// Unicode code points. `buffer` is scratch space, reused between calls.
///
/// A word is a run of letters and digits with single apostrophes inside it. Everything else
/// separates; invisible characters are skipped as if they were not there.
pub fn for_each_token(text: &str, buffer: &mut String, each: impl FnMut(&str, u32, u32)) {
    if text.is_ascii() {
        each_ascii_token(text, buffer, each);
    } else {
        each_unicode_token(text, buffer, each);
    }
}

/// The same for what is said most: bytes are characters, and most words need no change.
fn each_ascii_token(text: &str, buffer: &mut String, mut each: impl FnMut(&str, u32, u32)) {
    let bytes = text.as_bytes();
    let inside = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let mut capitals = false;
        while inside(at) || (at > start && bytes[at] == b'\'' && inside(at + 1)) {
            capitals |= bytes[at].is_ascii_uppercase();
            at += 1;
            if at == bytes.len() {
                break;
            }
        }
        if at == start {
            at += 1;
            continue;
        }
        let mut word = &text[start..at];
        if capitals {
            buffer.clear();
            buffer.push_str(word);
            buffer.make_ascii_lowercase();
            word = buffer;
        }
        each(mend(word), start as u32, at as u32);
    }
}

fn each_unicode_token(text: &str, buffer: &mut String, mut each: impl FnMut(&str, u32, u32)) {
    buffer.clear();
    let (mut start, mut end) = (0, 0);
    let mut apostrophe_waits = false;
    for (position, character) in text.chars().enumerate() {
        let position = position as u32;
        if is_invisible(character) {
            continue;
        }
        if character.is_alphanumeric() {
            if buffer.is_empty() {
                start = position;
            } else if apostrophe_waits {
                buffer.push('\'');
            }
            apostrophe_waits = false;
            push_lower(buffer, character);
            end = position + 1;
        } else if is_apostrophe(character) && !buffer.is_empty() && !apostrophe_waits {
            apostrophe_waits = true;
        } else {
            flush(buffer, start, end, &mut each);
            apostrophe_waits = false;
        }
    }
    flush(buffer, start, end, &mut each);
}

fn flush(buffer: &mut String, start: u32, end: u32, each: &mut impl FnMut(&str, u32, u32)) {
    if buffer.is_empty() {
        return;
    }
    each(mend(buffer), start, end);
    buffer.clear();
}

fn push_lower(buffer: &mut String, character: char) {
    if character.is_ascii() {
        buffer.push(character.to_ascii_lowercase());
    } else {
        buffer.extend(character.to_lowercase());
    }
}

fn is_apostrophe(character: char) -> bool {
    matches!(character, '\'' | '\u{2019}' | '\u{2018}' | '\u{02BC}' | '\u{FF07}')
}

/// Zero-width and directional marks, soft hyphen, variation selectors: people do not see them,
/// recognisers and browsers leave them in.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2064}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

/// Recognisers and hurried typists drop the apostrophe of contractions. Only those whose bare
/// form is no other word are mended (`cant` is, `well` and `were` are not).
#[rustfmt::skip]
fn mend(word: &str) -> &str {
    // Most words are told by their first and last letter to be none of these.
    match (word.as_bytes()[0], word.as_bytes()[word.len() - 1]) {
        (b'0'..=b'9', b'0'..=b'9') if word.bytes().all(|byte| byte.is_ascii_digit()) => return "#",
        (b'a' | b'c' | b'd' | b'h' | b'i' | b's' | b't' | b'w' | b'y', b't' | b'e' | b'm' | b's') => {}
        _ => return word,
    }
    match word {
        "arent" => "aren't", "cannot" => "can't", "cant" => "can't", "couldnt" => "couldn't",
        "didnt" => "didn't", "doesnt" => "doesn't", "dont" => "don't", "hadnt" => "hadn't",
        "hasnt" => "hasn't", "havent" => "haven't", "im" => "i'm", "isnt" => "isn't",
        "ive" => "i've", "shouldnt" => "shouldn't", "thats" => "that's", "theyre" => "they're",
        "theyve" => "they've", "wasnt" => "wasn't", "werent" => "weren't", "whats" => "what's",
        "wont" => "won't", "wouldnt" => "wouldn't", "youre" => "you're", "youve" => "you've",
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<String> {
        tokenise(text).into_iter().map(|token| token.word).collect()
    }

    #[test]
    fn words_are_lower_case_and_keep_inner_apostrophes() {
        assert_eq!(words("I DON’T care, 'really'..."), ["i", "don't", "care", "really"]);
        assert_eq!(words("dont cant well-known"), ["don't", "can't", "well", "known"]);
        assert_eq!(words("call 8812 on the 1st"), ["call", "#", "on", "the", "1st"]);
        assert_eq!(words(" \u{200B} … !"), Vec::<String>::new());
    }

    #[test]
    fn positions_count_code_points() {
        let tokens = tokenise("é, ça va");
        assert_eq!((tokens[1].start, tokens[1].end), (3, 5));
        let hidden = tokenise("re\u{200B}fund now");
        assert_eq!((hidden[0].word.as_str(), hidden[0].start, hidden[0].end), ("refund", 0, 7));
    }

    #[test]
    fn bare_contractions_are_mended_and_other_words_are_not() {
        for (bare, mended) in [("arent", "aren't"), ("cannot", "can't"), ("youve", "you've")] {
            assert_eq!(mend(bare), mended);
        }
        for word in ["well", "were", "1st", "a", "wont'd"] {
            assert_eq!(mend(word), word);
        }
        assert_eq!((mend("8"), mend("2026")), ("#", "#"));
    }

    proptest! {
        #[test]
        fn both_ways_of_reading_agree(text in "[ -~\t]{0,60}") {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            each_ascii_token(&text, &mut String::new(), |word, start, end| {
                one.push((word.to_owned(), start, end));
            });
            each_unicode_token(&text, &mut String::new(), |word, start, end| {
                other.push((word.to_owned(), start, end));
            });
            prop_assert_eq!(one, other);
        }

        /// The invariant that chunk cutting stands on.
        #[test]
        fn tokens_are_word_local(left in "\\PC{0,40}", right in "\\PC{0,40}") {
            let mut parts = words(&left);
            parts.extend(words(&right));
            prop_assert_eq!(words(&format!("{left} {right}")), parts);
        }

        #[test]
        fn spans_lie_inside_the_text(text in "\\PC{0,80}") {
            let length = text.chars().count() as u32;
            for token in tokenise(&text) {
                prop_assert!(token.start < token.end && token.end <= length);
            }
        }
    }
}
