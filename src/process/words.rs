/// Puts a value into single quotes, in which sh(1) takes every character for itself.
///
/// Always: next to what an author wrote, a bare word may be more than a word, as the `2` of `2>file` is.
#[must_use]
pub fn enclose(value: &str) -> String {
    // No argument and no variable of a shell can hold a NUL.
    format!("'{}'", value.replace('\0', "").replace('\'', r"'\''"))
}

/// Quotes a word for sh(1) where it stands alone; what needs no quotes stays readable.
#[must_use]
pub fn quote(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:,+@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) { word.to_owned() } else { enclose(word) }
}

/// Quotes words into one line for sh(1).
#[must_use]
pub fn quote_words<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{enclose, quote, quote_words};

    #[test]
    fn whatever_is_quoted_comes_out_of_a_shell_as_it_went_in() {
        let words = ["", "plain", "two words", "it's", "$(id)`id`", "a\nb", "\\", "\"", "*", "-x", "é~#", "!", "a=b"];
        for command in [quote_words(words), words.map(enclose).join(" ")] {
            let command = format!("printf '%s|' {command}");
            for shell in [&["dash"][..], &["busybox", "sh"]] {
                let output = Command::new(shell[0]).args(&shell[1..]).args(["-c", &command]).output().unwrap();
                assert_eq!(String::from_utf8(output.stdout).unwrap(), words.map(|word| format!("{word}|")).concat());
            }
        }
        assert_eq!(quote("releases/1.0-ab"), "releases/1.0-ab");
        assert_eq!(quote("a\0b"), "'ab'");
    }
}
