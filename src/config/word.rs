//! The words that a key may be set to, where there are only a few.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use toml::Value;

use super::error::ValueError;
use super::leaf::{Form, Leaf, Refused, deserialize_as_leaf, text};
use crate::model::{CalendarTime, Compress, HostKeys, Installer, Modes, PackWhen, Verify};
use crate::plan::{OnFailure, Prefetch, Promote};

/// Declares a choice between words.
macro_rules! words {
    (
        $(#[$docs:meta])*
        $visibility:vis $name:ident, $expected:literal {
            $($(#[$variant_docs:meta])* $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$docs])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        $visibility enum $name {
            $($(#[$variant_docs])* $variant,)+
        }

        impl $name {
            /// Every choice.
            $visibility const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Gives the word as the configuration has it.
            #[must_use]
            $visibility const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.word())
            }
        }

        impl FromStr for $name {
            type Err = ValueError;

            fn from_str(text: &str) -> Result<Self, ValueError> {
                Self::ALL.iter().copied().find(|choice| choice.word() == text).ok_or_else(|| ValueError {
                    text: text.to_owned(),
                    reason: format!("must be {}", $expected),
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }

        impl Leaf for $name {
            const EXPECTED: &'static str = $expected;
            const FORM: Form = Form::Text;

            fn read(value: &Value) -> Result<Self, Refused> {
                text(value)?.parse().map_err(|_| Refused::Unexpected)
            }
        }

        deserialize_as_leaf!($name);
    };
}

words! {
    /// Says how a release is built.
    pub BuildKind, r#""python-venv" or "command""# {
        /// Into a virtual environment of Python.
        PythonVenv = "python-venv",
        /// By the site's own commands.
        Command = "command",
    }
}

words! {
    /// Says what a terminal draws on.
    pub Ground, r#""auto", "dark" or "light""# {
        /// What the terminal says, where it does.
        Auto = "auto",
        /// Light text on a dark ground.
        Dark = "dark",
        /// Dark text on a light ground.
        Light = "light",
    }
}

words! {
    /// Says what a gate checks.
    pub(super) GateOn, r#""host" (after each activation, on the host) or "stage" (during the soak, on this machine)"# {
        /// One host, after its activation.
        Host = "host",
        /// A whole stage, during its soak.
        Stage = "stage",
    }
}

/// Reads the words whose types belong to the rooms that obey them.
macro_rules! words_of_rooms {
    ($($name:ident, $expected:literal { $($word:literal => $variant:ident,)+ })+) => {$(
        impl Leaf for $name {
            const EXPECTED: &'static str = $expected;
            const FORM: Form = Form::Text;

            fn read(value: &Value) -> Result<Self, Refused> {
                match text(value)? {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(Refused::Unexpected),
                }
            }
        }
    )+};
}

words_of_rooms! {
    Promote, r#""manual" or "auto""# { "manual" => Manual, "auto" => Auto, }
    Prefetch, r#""all" or "stage""# { "all" => All, "stage" => Stage, }
    Installer, r#""auto", "pip" or "uv""# { "auto" => Auto, "pip" => Pip, "uv" => Uv, }
    Modes, r#""tell", "refuse" or "plain""# { "tell" => Tell, "refuse" => Refuse, "plain" => Plain, }
    Compress, r#""auto", "always" or "never""# { "auto" => Auto, "always" => Always, "never" => Never, }
    PackWhen, r#""auto", "always" or "never""# { "auto" => Auto, "always" => Always, "never" => Never, }
    Verify, r#""full" or "changed""# { "full" => Full, "changed" => Changed, }
}

impl Leaf for OnFailure {
    const EXPECTED: &'static str = r#""pause", "rollback" or "abort""#;
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        let word = text(value)?;
        Self::ALL.into_iter().find(|choice| choice.word() == word).ok_or(Refused::Unexpected)
    }
}

impl Leaf for CalendarTime {
    const EXPECTED: &'static str = r#""16:00", "Fri 16:00", "12-20" or "2026-12-20 18:00""#;
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        text(value)?.parse().map_err(|_| Refused::Unexpected)
    }
}

impl Leaf for HostKeys {
    const EXPECTED: &'static str = r#""strict" or "accept-new""#;
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        match text(value)? {
            "strict" => Ok(Self::Strict),
            "accept-new" => Ok(Self::AcceptNew),
            "no" | "off" | "none" | "accept" | "any" | "false" => Err(Refused::because(
                "whoever answers in a host's place would get the release and the session; \
                 write \"strict\", or \"accept-new\" to take a key at its first sight only",
            )),
            _ => Err(Refused::Unexpected),
        }
    }
}

/// Says where an environment's `latest` comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The newest release tag.
    Tags,
    /// The head of this branch.
    Branch(String),
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tags => f.pad("tags"),
            Self::Branch(name) => write!(f, "branch:{name}"),
        }
    }
}

impl Leaf for Channel {
    const EXPECTED: &'static str = r#""tags", or "branch:" and a branch's name"#;
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        let text = text(value)?;
        match text.strip_prefix("branch:") {
            None if text == "tags" => Ok(Self::Tags),
            None => Err(Refused::Unexpected),
            Some(name) if is_branch(name) => Ok(Self::Branch(name.to_owned())),
            Some(name) => {
                Err(Refused::because(format_args!("git allows no branch {name:?} (git-check-ref-format(1))")))
            }
        }
    }
}

/// Tells whether git takes a name for a branch, by the rules of git-check-ref-format(1).
pub(super) fn is_branch(name: &str) -> bool {
    let is_component =
        |part: &str| !part.is_empty() && !part.starts_with('.') && !part.to_ascii_lowercase().ends_with(".lock");
    let is_plain = |c: char| !c.is_control() && !" ~^:?*[\\".contains(c);
    !name.starts_with('-')
        && !name.ends_with('.')
        && !name.contains("..")
        && !name.contains("@{")
        && name != "@"
        && name.chars().all(is_plain)
        && name.split('/').all(is_component)
}

deserialize_as_leaf!(Channel);

#[cfg(test)]
mod tests {
    use toml::Value;

    use super::{Channel, HostKeys};
    use crate::config::leaf::{Leaf, Refused};
    use crate::plan::OnFailure;

    #[test]
    fn host_keys_that_are_not_checked_are_refused_with_the_reason() {
        let value = Value::String("no".to_owned());
        let refused = HostKeys::read(&value).unwrap_err().describe(&value, HostKeys::EXPECTED);
        assert!(refused.starts_with(r#"is "no": whoever answers in a host's place"#), "{refused}");
        assert_eq!(HostKeys::read(&Value::String("accept-new".to_owned())), Ok(HostKeys::AcceptNew));
    }

    #[test]
    fn what_follows_a_failure_is_written_by_its_one_word_in_files_and_in_journals() {
        for choice in OnFailure::ALL {
            assert_eq!(OnFailure::read(&Value::String(choice.word().to_owned())), Ok(choice));
            assert_eq!(serde_json::to_value(choice).unwrap(), choice.word());
            assert!(OnFailure::EXPECTED.contains(&format!("{:?}", choice.word())), "{}", OnFailure::EXPECTED);
        }
        assert_eq!(OnFailure::read(&Value::String("stop".to_owned())), Err(Refused::Unexpected));
    }

    #[test]
    fn channels_are_tags_or_a_branch_that_git_could_have() {
        let read = |text: &str| Channel::read(&Value::String(text.to_owned()));
        assert_eq!(read("tags"), Ok(Channel::Tags));
        assert_eq!(read("branch:team/next"), Ok(Channel::Branch("team/next".to_owned())));
        for text in [
            "",
            "tag",
            "branch",
            "branch:",
            "branch:-d",
            "branch:a b",
            "branch:a..b",
            "branch:a/",
            "branch:x.lock",
            "branch:a\nb",
            "branch:@{1}",
            "branch:HEAD~1",
        ] {
            assert!(read(text).is_err(), "{text:?} was taken");
        }
    }
}
