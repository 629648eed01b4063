//! Texts with a meaning: names, paths, patterns, argument vectors.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use toml::Value;

use super::leaf::{Form, Leaf, Refused, deserialize_as_leaf, text};
use crate::model::{HostId, Slot};

/// Declares a text with a rule of its own; `$check` gives the reason for which a text is refused.
macro_rules! texts {
    ($($(#[$docs:meta])* $name:ident, $expected:literal, $check:expr;)+) => {$(
        $(#[$docs])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Gives the text as it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl Leaf for $name {
            const EXPECTED: &'static str = $expected;
            const FORM: Form = Form::Text;

            fn read(value: &Value) -> Result<Self, Refused> {
                let text = text(value)?;
                let check: fn(&str) -> Result<(), Refused> = $check;
                printable(text)?;
                check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        deserialize_as_leaf!($name);
    )+};
}

/// Where the version stands in the name of its link.
const VERSION: &str = "{version}";

texts! {
    /// Names the product.
    ProductName, r#"a name of letters, digits, ".", "_" and "-""#, name;

    /// Names the remote of the checkout, or its address.
    GitRemote, r#"the name of a git remote, such as "origin", or "" to fetch never"#, |text| {
        refuse(text.starts_with('-') || text.contains(char::is_whitespace))
    };

    /// Names a branch.
    BranchName, r#"the name of a branch, such as "coalmine/state""#, |text| refuse(!super::word::is_branch(text));

    /// Selects the tags that are releases, with `*`, `?` and `[…]`.
    TagGlob, r#"a pattern of tags, such as "[0-9]*" or "v*""#, |text| {
        refuse(text.is_empty() || text.starts_with('-') || text.contains(char::is_whitespace))
    };

    /// Names the user that ssh logs in as.
    LoginName, "the name of a user", |text| {
        let is_right = |c: char| c.is_ascii_alphanumeric() || "_.-@+".contains(c);
        refuse(text.is_empty() || text.starts_with('-') || !text.chars().all(is_right))
    };

    /// Names the folder on a host that holds its releases; a relative one starts at the login folder.
    TargetRoot, "a folder on the hosts, absolute or relative to the login folder", |text| {
        let path = Path::new(text);
        if text.starts_with('~') {
            return Err(Refused::because("a relative path starts at the login folder already: leave the `~/` out"));
        }
        if text.starts_with('-') {
            return Err(Refused::because("a folder that starts with `-` would be taken for an option"));
        }
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(Refused::because("`..` could lead anywhere: write the folder itself"));
        }
        if !path.components().any(|part| matches!(part, Component::Normal(_))) {
            return Err(Refused::because("releases need a folder of their own, such as \"/var/lib/NAME\""));
        }
        Ok(())
    };

    /// Names the symlink under the root that activation switches.
    LinkName, "the name of a link, such as \"current\"", |text| {
        if text == "releases" {
            return Err(Refused::because("that is the folder of the releases: choose another name, such as \"current\""));
        }
        if text.starts_with('.') {
            return Err(Refused::because("names that start with a dot are coalmine's own: choose another, such as \"current\""));
        }
        if text.contains('/') {
            return Err(Refused::because("it is one name under target.root, without `/`"));
        }
        name(text)
    };

    /// Names the link of a version that leads to its slot, with `{version}` where that stands.
    VersionLink, "the name of a link with {version} in it, such as \"php-{version}\", or \"\" for none", |text| {
        let (before, after) = text.split_once(VERSION).ok_or(Refused::Unexpected)?;
        if before.is_empty() && after.is_empty() {
            return Err(Refused::because("a version alone could be the name of a slot: write something beside it, such as \"php-{version}\""));
        }
        let is_right = |c: char| c.is_ascii_alphanumeric() || "_.-+~".contains(c);
        refuse(before.starts_with(['.', '-']) || !before.chars().chain(after.chars()).all(is_right))
    };

    /// Chooses the key exchange of ssh, as `KexAlgorithms` of ssh_config(5) does.
    KexAlgorithms, r#"what ssh's KexAlgorithms takes, such as "curve25519-sha256", or "" for ssh's own choice"#, |text| {
        let is_right = |c: char| c.is_ascii_alphanumeric() || "-_@.,+^*".contains(c);
        refuse(text.is_empty() || !text.chars().all(is_right))
    };

    /// Names an interpreter of Python: a path, or a name on the `PATH`.
    PythonName, r#"an interpreter, such as "/usr/bin/python3.13" or "python3.13", or "" for this machine's own"#, |text| {
        let is_path = text.starts_with('/');
        refuse(text.is_empty() || text.starts_with('-') || (text.contains('/') && !is_path))
    };

    /// Names a file of the product's export.
    ExportPath, r#"a file of the product, such as "requirements.txt""#, |text| {
        let path = Path::new(text);
        let is_inside = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        refuse(text.is_empty() || text.starts_with('-') || !is_inside)
    };

    /// Selects files of a release, with `*` for whatever is there.
    PathPattern, r#"files of the release, such as "lib/*.so""#, |text| {
        refuse(text.is_empty() || text.starts_with('/') || text.starts_with("./"))
    };

    /// Names a gate, or anything else that people read.
    Title, "a short text on one line", |text| refuse(text.trim().is_empty() || text.chars().count() > 100);

    /// Names a time zone.
    TimeZoneName, r#"a time zone that this machine knows, "UTC" or such as "Europe/Berlin""#, |text| {
        refuse(!crate::model::is_time_zone(text))
    };

    /// Names a group of this machine's users, or its number.
    UnixGroup, r#"a group of this machine, such as "deployers", or "" for nobody but you"#, name;
}

fn refuse(is_wrong: bool) -> Result<(), Refused> {
    if is_wrong { Err(Refused::Unexpected) } else { Ok(()) }
}

/// Refuses what would break a line, a log or a terminal.
fn printable(text: &str) -> Result<(), Refused> {
    match text.chars().find(|c| c.is_control()) {
        None => Ok(()),
        Some(control) => Err(Refused::because(format_args!("it has {control:?} in it, a control character"))),
    }
}

/// Takes what can be a file's name on every host, and no option.
fn name(text: &str) -> Result<(), Refused> {
    let is_right = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let starts_right = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    refuse(!starts_right || text.len() > 100 || !text.chars().all(is_right))
}

impl TargetRoot {
    /// Gives the folder as a path.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }
}

/// Names a file or folder of this machine; absolute once the configuration is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LocalPath(PathBuf);

impl LocalPath {
    /// Gives the path.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl fmt::Display for LocalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.display(), f)
    }
}

impl Leaf for Slot {
    const EXPECTED: &'static str = r#"the name of a slot, such as "slot0""#;
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        let text = text(value)?;
        printable(text)?;
        if text == "releases" {
            return Err(Refused::because("that is the folder of the releases: choose another name, such as \"slot0\""));
        }
        Self::new(text).map_err(|_| Refused::Unexpected)
    }
}

impl Leaf for LocalPath {
    const EXPECTED: &'static str = "a path; a relative one starts at the folder of this file";
    const FORM: Form = Form::Text;
    const PATH: bool = true;

    fn read(value: &Value) -> Result<Self, Refused> {
        let text = text(value)?;
        printable(text)?;
        refuse(text.is_empty())?;
        if text.starts_with('~') && !text.starts_with("~/") {
            return Err(Refused::because("only `~/`, your own home folder, is known: write the other's path in full"));
        }
        Ok(Self(PathBuf::from(text)))
    }
}

/// Holds a command and its arguments; empty for none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Argv(Vec<String>);

impl Argv {
    /// Gives the command and its arguments.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Tells whether there is no command.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Leaf for Argv {
    const EXPECTED: &'static str = r#"a list of arguments, such as ["sudo", "-n", "-u", "deploy"]"#;

    fn read(value: &Value) -> Result<Self, Refused> {
        arguments(value).map(Self)
    }
}

/// Reads a list of arguments, as the kernel takes them: without NUL, the first one not empty.
pub(super) fn arguments(value: &Value) -> Result<Vec<String>, Refused> {
    let items = value.as_array().ok_or(Refused::Unexpected)?;
    let arguments: Vec<String> = items.iter().map(|item| text(item).map(str::to_owned)).collect::<Result<_, _>>()?;
    if arguments.iter().any(|argument| argument.contains('\0')) {
        return Err(Refused::because("no argument can have a NUL in it"));
    }
    if arguments.first().is_some_and(|command| command.trim().is_empty()) {
        return Err(Refused::because("its first item is the command, and empty"));
    }
    Ok(arguments)
}

/// Reads the command that a group comes from: one that is there.
pub(super) struct Command;

impl Leaf for Command {
    const EXPECTED: &'static str = r#"a command and its arguments, such as ["query-hosts", "role=api"]"#;

    fn read(value: &Value) -> Result<Self, Refused> {
        if arguments(value)?.is_empty() { Err(Refused::Unexpected) } else { Ok(Self) }
    }
}

/// Names a host and a port of TCP.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The host's name or address.
    pub host: HostId,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.as_str().contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Leaf for Endpoint {
    const EXPECTED: &'static str = r#"HOST:PORT, such as "icinga.example.org:9200" or "[::1]:9200", or "" for none"#;
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        let (host, port) = text(value)?.rsplit_once(':').ok_or(Refused::Unexpected)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match bracketed {
            Some(address) => address,
            None if host.contains(':') => {
                return Err(Refused::because("write an IPv6 address in brackets, as in \"[::1]:9200\""));
            }
            None => host,
        };
        let host = HostId::new(host).map_err(Refused::because)?;
        let port = port.parse().ok().filter(|&port| port > 0).ok_or(Refused::Unexpected)?;
        Ok(Self { host, port })
    }
}

deserialize_as_leaf!(LocalPath, Argv, Endpoint);

#[cfg(test)]
mod tests {
    use toml::Value;

    use super::{Argv, Endpoint, LinkName, LocalPath, LoginName, TargetRoot};
    use crate::config::leaf::Leaf;

    fn takes<T: Leaf>(text: &str) -> bool {
        T::read(&Value::String(text.to_owned())).is_ok()
    }

    fn reason<T: Leaf>(text: &str) -> String {
        let value = Value::String(text.to_owned());
        T::read(&value).err().unwrap().describe(&value, T::EXPECTED)
    }

    #[test]
    fn roots_that_could_be_anything_else_than_a_folder_of_its_own_are_refused() {
        for text in ["/", "//", "/.", ".", "", "~/x", "~", "-x", "/var/../etc", "a\nb", "a\0b"] {
            assert!(!takes::<TargetRoot>(text), "{text:?} was taken");
        }
        for text in ["/var/lib/scap", "scap", "apps/scap", "/srv/with space/it's"] {
            assert!(takes::<TargetRoot>(text), "{text:?} was refused");
        }
        assert_eq!(
            reason::<TargetRoot>("/"),
            "is \"/\": releases need a folder of their own, such as \"/var/lib/NAME\""
        );
    }

    #[test]
    fn a_link_is_one_name_that_is_not_coalmines_own() {
        for text in ["releases", ".coalmine", ".", "..", "a/b", "", "-x", "a b", "a\n"] {
            assert!(!takes::<LinkName>(text), "{text:?} was taken");
        }
        assert!(takes::<LinkName>("scap"));
        assert!(reason::<LinkName>("releases").contains("folder of the releases"));
    }

    #[test]
    fn users_and_paths_cannot_become_options() {
        for text in ["-oProxyCommand=id", "", "a b", "a;b", "a\n"] {
            assert!(!takes::<LoginName>(text), "{text:?} was taken");
        }
        assert!(takes::<LoginName>("svc-deploy@corp.example"));
        assert!(!takes::<LocalPath>("~other/x"));
        assert!(takes::<LocalPath>("~/x"));
    }

    #[test]
    fn endpoints_have_a_host_and_a_port() {
        let read = |text: &str| Endpoint::read(&Value::String(text.to_owned())).map(|endpoint| endpoint.to_string());
        assert_eq!(read("icinga.example.org:9200").unwrap(), "icinga.example.org:9200");
        assert_eq!(read("[::1]:92").unwrap(), "[::1]:92");
        for text in ["", "host", "host:", "host:0", "host:65536", "::1:92", "a b:92", ":92"] {
            assert!(read(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn arguments_are_texts_and_the_first_is_a_command() {
        let list = |items: &[&str]| Value::Array(items.iter().map(|&item| Value::String(item.to_owned())).collect());
        assert!(Argv::read(&list(&[])).unwrap().is_empty());
        assert!(Argv::read(&list(&["a", ""])).is_ok());
        assert!(Argv::read(&list(&["", "a"])).is_err());
        assert!(Argv::read(&list(&["a\0"])).is_err());
        assert!(Argv::read(&Value::Array(vec![Value::Integer(1)])).is_err());
    }
}
