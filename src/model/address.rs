use std::fmt;

use thiserror::Error;

use super::host::HostId;

/// Says how a host is reached where its name does not say it all; what is not set here is said by ssh's own configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// What is connected to; none is the name itself.
    pub host: Option<HostId>,
    /// The port; none is ssh's own choice.
    pub port: Option<u16>,
    /// Who logs in; none is ssh's own choice.
    pub user: Option<Login>,
    /// What stands between.
    pub proxy: Option<Proxy>,
    /// The file of the key that it takes.
    pub key: Option<KeyFile>,
    /// Whether it is this machine, so that nothing is connected to.
    pub local: bool,
}

impl Address {
    /// Tells whether it says nothing that the name does not say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Says how a host is reached through another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proxy {
    /// ssh's `ProxyJump`.
    Jump(Jump),
    /// ssh's `ProxyCommand`.
    Command(ProxyCommand),
}

/// Tells why a text cannot say how a host is reached.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is no {what}")]
pub struct AddressError {
    what: &'static str,
    text: String,
}

/// Declares a text that reaches ssh's configuration; `$check` says which texts may.
macro_rules! texts {
    ($($(#[$docs:meta])* $name:ident, $what:literal, $check:expr;)+) => {$(
        $(#[$docs])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Takes a text that can mean nothing else to ssh.
            ///
            /// # Errors
            ///
            /// When it could.
            pub fn new(text: &str) -> Result<Self, AddressError> {
                let check: fn(&str) -> bool = $check;
                let is_right = !text.is_empty() && !text.chars().any(char::is_control) && check(text);
                is_right.then(|| Self(text.to_owned())).ok_or_else(|| AddressError { what: $what, text: text.to_owned() })
            }

            /// Gives the text.
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
    )+};
}

texts! {
    /// Names who logs in.
    Login, "name of a user", |text| {
        !text.starts_with('-') && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-@+\\".contains(c))
    };

    /// Names the hosts between, as ssh's `-J` takes them: `[user@]host[:port]`, with commas.
    Jump, "list of hosts to jump over", |text| {
        let is_right = |c: char| c.is_ascii_alphanumeric() || "_.-@+:[]/".contains(c);
        text.split(',').all(|hop| !hop.is_empty() && !hop.starts_with('-') && hop.chars().all(is_right))
    };

    /// Holds a command that connects, with ssh's own `%h` and `%p`.
    ProxyCommand, "command that connects", |text| !text.starts_with(char::is_whitespace);

    /// Names the file of a key; ssh expands a `~` itself.
    KeyFile, "path of a key", |text| !text.contains('"') && !text.starts_with('-');
}

#[cfg(test)]
mod tests {
    use super::{Jump, KeyFile, Login, ProxyCommand};

    #[test]
    fn what_ssh_would_take_for_something_else_is_refused() {
        for text in ["", "-oProxyCommand=id", "a b", "a\nProxyCommand id", "a;b"] {
            assert!(Login::new(text).is_err(), "{text:?}");
            assert!(Jump::new(text).is_err(), "{text:?}");
        }
        for text in ["bastion", "me@bastion:2222,[2001:db8::1]:22", "none"] {
            assert!(Jump::new(text).is_ok(), "{text:?}");
        }
        assert!(Jump::new("a,-b").is_err() && Jump::new("a,").is_err());
        assert!(ProxyCommand::new("ssh -W %h:%p me@bastion").is_ok());
        assert!(ProxyCommand::new("nc %h %p\nHost *").is_err());
        assert!(KeyFile::new("~/.ssh/id x").is_ok() && KeyFile::new("a\"b").is_err());
    }
}
