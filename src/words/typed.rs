//! How coalmine was called, so that what it proposes to type means the same configuration, environment and state.

use std::borrow::Cow;
use std::fmt;

use super::text::{cut, quote, width};

/// The flags that say where everything is, and how else each may be written.
const FLAGS: [(&str, &[&str]); 3] =
    [("-c", &["-c", "--config"]), ("-e", &["-e", "--environment", "--env"]), ("--state-dir", &["--state-dir"])];

/// The commands that look at a configuration, an environment or a state folder; a proposal of any other needs no flag.
pub const VERBS: [&str; 35] = [
    "abort",
    "attach",
    "bootstrap",
    "build",
    "config",
    "continue",
    "depool",
    "deploy",
    "diff",
    "doctor",
    "finish",
    "hold",
    "host",
    "hosts",
    "install-world",
    "lock",
    "pause",
    "plan",
    "promote",
    "release",
    "releases",
    "repool",
    "resume",
    "retry",
    "revert",
    "rollback",
    "rollouts",
    "show",
    "skip",
    "slot",
    "soak",
    "start",
    "status",
    "sync",
    "unlock",
];

/// Holds the flags that somebody typed before the command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    flags: Vec<(&'static str, String)>,
}

impl Typed {
    /// Takes the values as somebody typed them; none where that was not done.
    #[must_use]
    pub fn new(config: Option<&str>, environment: Option<&str>, state_dir: Option<&str>) -> Self {
        let values = FLAGS.into_iter().zip([config, environment, state_dir]);
        Self { flags: values.filter_map(|((flag, _), value)| Some((flag, quote(value?).into_owned()))).collect() }
    }

    /// Writes a text with these flags in every command line of coalmine's that it proposes.
    ///
    /// Texts are written where they are thought of, and some are read by others, who called coalmine in another way; so this is done
    /// where they are shown.
    #[must_use]
    pub fn within<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.flags.is_empty() || !text.contains("coalmine ") {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("coalmine ") {
            let (before, after) = rest.split_at(at);
            out.push_str(before);
            let begins = !out.ends_with(|c: char| c.is_alphanumeric() || "/._-".contains(c));
            let after = after.strip_prefix("coalmine").unwrap_or(after);
            out.push_str("coalmine");
            if let Some(given) = given(after).filter(|_| begins) {
                for (flag, value) in self.flags.iter().filter(|(flag, _)| !given.contains(flag)) {
                    out.push_str(&format!(" {flag} {value}"));
                }
            }
            rest = after;
        }
        out.push_str(rest);
        Cow::Owned(out)
    }
}

impl Typed {
    /// Cuts a command line to a number of columns: these flags go before anything that is done, and then what is at its end.
    #[must_use]
    pub fn cut<'a>(&self, line: &'a str, most: usize, mark: &str) -> Cow<'a, str> {
        let done = line.strip_prefix(&self.to_string()).filter(|_| !self.flags.is_empty() && width(line) > most);
        match done {
            Some(done) => Cow::Owned(cut(&format!("coalmine {mark}{done}"), most, mark).into_owned()),
            None => cut(line, most, mark),
        }
    }
}

/// Writes the command line so far.
impl fmt::Display for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("coalmine")?;
        self.flags.iter().try_for_each(|(flag, value)| write!(f, " {flag} {value}"))
    }
}

/// Says which flags a command line has already, of which this is what follows its name; none where it is none.
fn given(after: &str) -> Option<Vec<&'static str>> {
    let mut given = Vec::new();
    let mut words = after.split_whitespace();
    loop {
        let word = words.next()?;
        let Some((flag, _)) = FLAGS.into_iter().find(|(_, names)| names.contains(&word)) else {
            let verb = word.trim_matches(|c: char| !c.is_ascii_lowercase());
            return VERBS.contains(&verb).then_some(given);
        };
        given.push(flag);
        words.next()?;
    }
}

#[cfg(test)]
mod tests {
    use super::Typed;

    #[test]
    fn a_command_that_is_proposed_means_what_was_meant_by_the_one_that_was_typed() {
        let typed = Typed::new(Some("/a b/c.toml"), Some("beta"), Some("/state"));
        let flags = "-c '/a b/c.toml' -e beta --state-dir /state";
        for (text, shown) in [
            ("`coalmine attach 1` shows it", format!("`coalmine {flags} attach 1` shows it")),
            ("coalmine resume 1; coalmine abort 1", format!("coalmine {flags} resume 1; coalmine {flags} abort 1")),
            ("ask: coalmine status.", format!("ask: coalmine {flags} status.")),
            (
                "coalmine -e x rollback -l 'mw01'",
                "coalmine -c '/a b/c.toml' --state-dir /state -e x rollback -l 'mw01'".to_owned(),
            ),
            ("this coalmine reads version 1", "this coalmine reads version 1".to_owned()),
            ("name it: coalmine -c FILE", "name it: coalmine -c FILE".to_owned()),
            ("`coalmine init` writes one", "`coalmine init` writes one".to_owned()),
            ("refs/coalmine show", "refs/coalmine show".to_owned()),
        ] {
            assert_eq!(typed.within(text), shown);
            assert_eq!(typed.within(&shown), shown, "said twice is said once");
            assert_eq!(Typed::default().within(text), text);
        }
        assert_eq!(typed.to_string(), format!("coalmine {flags}"));
    }

    #[test]
    fn of_a_command_line_that_is_too_long_what_is_done_stays() {
        let typed = Typed::new(Some("/a/long/way/to/coalmine.toml"), Some("beta"), None);
        let line = format!("{typed} abort 20261121T130200Z-k3f9");
        assert_eq!(typed.cut(&line, 200, "…"), line);
        assert_eq!(typed.cut(&line, 40, "…"), "coalmine … abort 20261121T130200Z-k3f9");
        assert_eq!(typed.cut(&line, 20, "..."), "coalmine ... abor...");
        assert_eq!(Typed::default().cut("coalmine abort 2026", 16, "…"), "coalmine abort …");
    }
}
