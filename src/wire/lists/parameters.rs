//! Parameters of a URL, each at most once and none unknown.

use crate::call::Timestamp;

/// Longest value in bytes; no name of ours is longer.
const MAX_BYTES: usize = 1_024;

/// The parameters of one request.
#[derive(Debug)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Takes in what a URL gave.
    ///
    /// # Errors
    /// A sentence naming the first parameter that is unknown, empty, too long or there twice.
    pub fn new(given: Vec<(String, String)>, known: &[&str]) -> Result<Parameters, String> {
        for (at, (name, value)) in given.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return Err(format!(
                    "`{name}` is no parameter here; there are {}",
                    known.join(", ")
                ));
            }
            if given[..at].iter().any(|(earlier, _)| earlier == name) {
                return Err(format!("`{name}` is there twice; give it once"));
            }
            if value.is_empty() {
                return Err(format!("`{name}` is empty; leave it out or give it a value"));
            }
            if value.len() > MAX_BYTES {
                return Err(format!("`{name}` is longer than {MAX_BYTES} bytes"));
            }
        }
        Ok(Parameters(given))
    }

    /// A value as it came.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The same, to keep.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// A time.
    ///
    /// # Errors
    /// A sentence naming the parameter.
    pub fn moment(&self, name: &str) -> Result<Option<Timestamp>, String> {
        let parse = |text: &str| {
            Timestamp::parse(text).ok_or_else(|| {
                format!("`{name}` must be an RFC 3339 time such as 2026-11-22T03:40:00Z")
            })
        };
        self.get(name).map(parse).transpose()
    }

    /// `from` and `to`, of which the first is the earlier.
    ///
    /// # Errors
    /// A sentence naming the parameter.
    pub fn span(&self) -> Result<(Option<Timestamp>, Option<Timestamp>), String> {
        let (from, to) = (self.moment("from")?, self.moment("to")?);
        match (from, to) {
            (Some(from), Some(to)) if from >= to => Err("`from` must be before `to`".into()),
            span => Ok(span),
        }
    }

    /// One of a few words.
    ///
    /// # Errors
    /// A sentence naming the parameter and the words.
    pub fn choice<T: Clone>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, String> {
        let Some(given) = self.get(name) else { return Ok(None) };
        match words.iter().find(|(word, _)| *word == given) {
            Some((_, meant)) => Ok(Some(meant.clone())),
            None => {
                let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                let (last, first) = words.split_last().unwrap_or((&"", &[]));
                Err(format!("`{name}` must be {} or {last}", first.join(", ")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &[(&str, &str)]) -> Result<Parameters, String> {
        let given = query.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Parameters::new(given.collect(), &["from", "to", "state"])
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        let long = "x".repeat(1_025);
        for (query, message) in [
            (vec![("agnet", "a")], "`agnet` is no parameter here; there are from, to, state"),
            (vec![("state", "a"), ("state", "b")], "`state` is there twice; give it once"),
            (vec![("to", "")], "`to` is empty; leave it out or give it a value"),
            (vec![("to", long.as_str())], "`to` is longer than 1024 bytes"),
        ] {
            assert_eq!(of(&query).unwrap_err(), message);
        }
        let words = [("open", 1), ("ended", 2), ("lost", 3)];
        let given = of(&[("state", "asleep"), ("from", "now")]).unwrap();
        assert_eq!(
            given.choice("state", &words),
            Err("`state` must be open, ended or lost".into())
        );
        assert!(given.moment("from").unwrap_err().starts_with("`from` must be an RFC 3339 time"));
    }

    #[test]
    fn a_span_goes_forward() {
        let at = |from, to| of(&[("from", from), ("to", to)]).unwrap().span();
        let (early, late) = ("2026-11-22T03:00:00Z", "2026-11-22T04:00:00+00:00");
        assert_eq!(at(early, late), Ok((Timestamp::parse(early), Timestamp::parse(late))));
        assert!(at(late, early).is_err() && at(early, early).is_err());
        assert_eq!(of(&[]).unwrap().span(), Ok((None, None)));
    }
}
