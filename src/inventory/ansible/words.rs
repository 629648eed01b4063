//! Words of a line, as Python's `shlex` splits them.

use std::borrow::Cow;

/// Splits a line as a shell would: quotes, backslashes, and a comment from `#` on.
pub(super) fn words(line: &str) -> Result<Vec<Cow<'_, str>>, String> {
    if !line.contains(['"', '\'', '\\', '#']) {
        return Ok(line.split_whitespace().map(Cow::Borrowed).collect());
    }
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '#' => break,
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some('\'') => break,
                        Some(other) => word.push(other),
                        None => return Err("a quote is never closed".to_owned()),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some('"') => break,
                        Some('\\') => match characters.next() {
                            Some(escaped @ ('"' | '\\')) => word.push(escaped),
                            Some(other) => word.extend(['\\', other]),
                            None => return Err("a quote is never closed".to_owned()),
                        },
                        Some(other) => word.push(other),
                        None => return Err("a quote is never closed".to_owned()),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(characters.next()),
            blank if blank.is_whitespace() => words.extend(word.take().map(Cow::Owned)),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word.map(Cow::Owned));
    Ok(words)
}
