//! Dry words: the places in a command where a rollout's own values go.
//!
//! A command is a list of arguments, and no shell sees it, or a text for `/bin/sh`. In a list a dry word is replaced within
//! its argument, which stays one argument. In a text each value is put into single quotes, so a dry word inside quotes is
//! refused (see `shell`). Literal braces are doubled: `{{` and `}}`. The same values are in the environment
//! of the command, as `COALMINE_HOST` and so on.

use std::fmt;
use std::path::PathBuf;

use serde::{Serialize, Serializer};
use thiserror::Error;
use toml::Value;

use super::leaf::{Form, Leaf, Refused, deserialize_as_leaf};
use super::shell::Quoting;
use super::text::arguments;
use crate::expr::nearest;
use crate::model::{Environment, HostId, ReleaseId, RolloutId, StageName, Version};
use crate::process::enclose;

/// Names a value that a command may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DryWord {
    /// The host that the command is about.
    Host,
    /// The hosts that the command is about, with commas between them.
    Hosts,
    /// The version that is installed.
    Version,
    /// The folder of the release.
    Prefix,
    /// The release that was there before.
    Previous,
    /// The stage.
    Stage,
    /// The rollout.
    Rollout,
    /// The environment.
    Environment,
}

impl DryWord {
    /// Every dry word, with its name and the variable that has the same value.
    const NAMES: [(Self, &'static str, &'static str); 8] = [
        (Self::Host, "host", "COALMINE_HOST"),
        (Self::Hosts, "hosts", "COALMINE_HOSTS"),
        (Self::Version, "version", "COALMINE_VERSION"),
        (Self::Prefix, "prefix", "COALMINE_PREFIX"),
        (Self::Previous, "previous", "COALMINE_PREVIOUS"),
        (Self::Stage, "stage", "COALMINE_STAGE"),
        (Self::Rollout, "rollout", "COALMINE_ROLLOUT"),
        (Self::Environment, "environment", "COALMINE_ENVIRONMENT"),
    ];

    /// Gives every dry word.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::NAMES.into_iter().map(|(word, ..)| word)
    }

    /// Gives the word as it stands between braces.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(word, ..)| *word == self).map_or("", |(_, name, _)| name)
    }

    /// Gives the name of the variable that has the same value.
    #[must_use]
    pub fn variable(self) -> &'static str {
        Self::NAMES.iter().find(|(word, ..)| *word == self).map_or("", |(.., variable)| variable)
    }

    fn of_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known, _)| *known == name).map(|(word, ..)| *word)
    }
}

impl fmt::Display for DryWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.name())
    }
}

/// Tells why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// There is no such dry word.
    #[error("there is no dry word `{{{word}}}`{}; a literal brace is written twice, as `{{{{`", nearest.map(|nearest| format!(", did you mean `{{{nearest}}}`")).unwrap_or_default())]
    Unknown {
        /// The word.
        word: String,
        /// The one that is spelt most like it.
        nearest: Option<&'static str>,
    },
    /// A brace has no partner.
    #[error("a `{brace}` stands alone; a literal brace is written twice, as `{brace}{brace}`")]
    Alone {
        /// The brace.
        brace: char,
    },
    /// A dry word stands where quotes around its value do not help.
    #[error("`{word}` stands {place}, where no value is safe from the shell; write `{word}` bare, since it is quoted by itself, or `\"${}\"`", word.variable())]
    Unsafe {
        /// The word.
        word: DryWord,
        /// Where it stands.
        place: &'static str,
    },
    /// There is no command.
    #[error("it is empty")]
    Empty,
    /// No process can have a NUL in its arguments.
    #[error("no command can have a NUL in it")]
    Nul,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Part {
    Text(String),
    Word(DryWord),
}

/// Holds a text with dry words in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// Reads a text with dry words in it.
    ///
    /// # Errors
    ///
    /// When it has a word between braces that is no dry word, or a brace without its partner.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '{' | '}' if characters.next_if_eq(&character).is_some() => literal.push(character),
                '}' => return Err(TemplateError::Alone { brace: '}' }),
                '{' => {
                    let word: String = std::iter::from_fn(|| characters.next_if(|&c| c != '}' && c != '{')).collect();
                    characters.next_if_eq(&'}').ok_or(TemplateError::Alone { brace: '{' })?;
                    let known = DryWord::of_name(&word).ok_or_else(|| TemplateError::Unknown {
                        nearest: nearest(&word, DryWord::NAMES.iter().map(|(_, name, _)| *name)),
                        word: word.chars().take(40).collect(),
                    })?;
                    if !literal.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut literal)));
                    }
                    parts.push(Part::Word(known));
                }
                other => literal.push(other),
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self { parts })
    }

    /// Gives the dry words in it.
    pub fn words(&self) -> impl Iterator<Item = DryWord> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Word(word) => Some(*word),
        })
    }

    /// Puts the values in; for an argument, or for anything else that no shell reads.
    #[must_use]
    pub fn render(&self, values: &DryWords) -> String {
        self.replace(|word| values.get(word))
    }

    fn replace(&self, value: impl Fn(DryWord) -> String) -> String {
        let rendered = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Word(word) => value(*word),
        });
        rendered.collect()
    }

    /// Refuses dry words that the quotes of a shell would swallow.
    fn check_shell(&self) -> Result<(), TemplateError> {
        let mut quoting = Quoting::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => text.chars().for_each(|character| quoting.feed(character)),
                Part::Word(word) => {
                    quoting.word().map_err(|place| TemplateError::Unsafe { word: *word, place })?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}")),
            Part::Word(word) => fmt::Display::fmt(word, f),
        })
    }
}

/// Holds a command with dry words in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CommandTemplate {
    /// A command and its arguments; no shell sees them.
    Argv(Vec<Template>),
    /// A text for `/bin/sh`, in which no dry word stands where quoting it would not help.
    Shell(Template),
}

impl CommandTemplate {
    /// Reads a text for the shell.
    ///
    /// # Errors
    ///
    /// When it is no template, is empty, or has a dry word inside quotes, in a here-document or the like.
    pub fn shell(text: &str) -> Result<Self, TemplateError> {
        if text.trim().is_empty() {
            return Err(TemplateError::Empty);
        }
        if text.contains('\0') {
            return Err(TemplateError::Nul);
        }
        let template = Template::parse(text)?;
        template.check_shell()?;
        Ok(Self::Shell(template))
    }

    /// Gives the command and its arguments with the values in them; a text for the shell becomes `/bin/sh -c TEXT`.
    #[must_use]
    pub fn argv(&self, values: &DryWords) -> Vec<String> {
        match self {
            Self::Argv(arguments) => arguments.iter().map(|argument| argument.render(values)).collect(),
            Self::Shell(_) => vec!["/bin/sh".to_owned(), "-c".to_owned(), self.script(values)],
        }
    }

    /// Gives the command as one text for `sh`, every value safely quoted, and every argument when it is a list.
    #[must_use]
    pub fn script(&self, values: &DryWords) -> String {
        match self {
            Self::Argv(arguments) => {
                let quoted: Vec<String> = arguments.iter().map(|argument| enclose(&argument.render(values))).collect();
                quoted.join(" ")
            }
            Self::Shell(template) => template.replace(|word| enclose(&values.get(word))),
        }
    }

    /// Gives the dry words in it.
    pub fn words(&self) -> impl Iterator<Item = DryWord> {
        let templates = match self {
            Self::Argv(arguments) => arguments.as_slice(),
            Self::Shell(template) => std::slice::from_ref(template),
        };
        templates.iter().flat_map(Template::words)
    }
}

impl fmt::Display for CommandTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argv(arguments) => {
                let shown: Vec<String> = arguments.iter().map(ToString::to_string).collect();
                f.write_str(&shown.join(" "))
            }
            Self::Shell(template) => fmt::Display::fmt(template, f),
        }
    }
}

/// Writes it as the configuration has it.
impl Serialize for CommandTemplate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Argv(arguments) => serializer.collect_seq(arguments.iter().map(ToString::to_string)),
            Self::Shell(template) => serializer.collect_str(template),
        }
    }
}

impl Leaf for CommandTemplate {
    const EXPECTED: &'static str =
        r#"a command: a list of arguments such as ["check", "{host}"], or a text for the shell such as "check {host}""#;
    const FORM: Form = Form::TextOrList;

    fn read(value: &Value) -> Result<Self, Refused> {
        if let Some(text) = value.as_str() {
            return Self::shell(text).map_err(Refused::because);
        }
        let arguments = arguments(value)?;
        if arguments.is_empty() {
            return Err(Refused::because("it is empty"));
        }
        let templates: Result<_, _> = arguments.iter().map(|argument| Template::parse(argument)).collect();
        templates.map(Self::Argv).map_err(Refused::because)
    }
}

deserialize_as_leaf!(CommandTemplate);

/// Holds the values of the dry words; what is none is replaced by nothing, and is not in the environment.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct DryWords {
    /// The host that the command is about.
    pub host: Option<HostId>,
    /// The hosts that the command is about.
    ///
    /// Linux takes no argument and no variable of more than 128 KiB (`MAX_ARG_STRLEN`, execve(2)): with more than some
    /// thousand names, starting the command fails.
    pub hosts: Vec<HostId>,
    /// The version that is installed.
    pub version: Option<Version>,
    /// The folder of the release, or the one that it is built into.
    pub prefix: Option<PathBuf>,
    /// The release that was there before.
    pub previous: Option<ReleaseId>,
    /// The stage.
    pub stage: Option<StageName>,
    /// The rollout.
    pub rollout: Option<RolloutId>,
    /// The environment.
    pub environment: Option<Environment>,
}

impl DryWords {
    /// Gives the value of a word.
    #[must_use]
    pub fn get(&self, word: DryWord) -> String {
        self.value(word).unwrap_or_default()
    }

    fn value(&self, word: DryWord) -> Option<String> {
        fn text(value: Option<&impl ToString>) -> Option<String> {
            value.map(ToString::to_string)
        }
        match word {
            DryWord::Host => text(self.host.as_ref()),
            DryWord::Hosts if self.hosts.is_empty() => text(self.host.as_ref()),
            DryWord::Hosts => {
                let names: Vec<&str> = self.hosts.iter().map(HostId::as_str).collect();
                Some(names.join(","))
            }
            DryWord::Version => text(self.version.as_ref()),
            DryWord::Prefix => self.prefix.as_ref().map(|prefix| prefix.display().to_string()),
            DryWord::Previous => text(self.previous.as_ref()),
            DryWord::Stage => text(self.stage.as_ref()),
            DryWord::Rollout => text(self.rollout.as_ref()),
            DryWord::Environment => text(self.environment.as_ref()),
        }
    }

    /// Gives the variables that a command finds in its environment.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        DryWord::all().filter_map(|word| Some((word.variable(), self.value(word)?))).collect()
    }
}
