use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::name::{NameError, check_name, text_name};

text_name! {
    /// Names a host as ssh is given it: a host name, an address, or an alias of ssh's configuration.
    ///
    /// A leading `-` would be an option of ssh, and a `%` or a shell's metacharacter could reach a `ProxyCommand`:
    /// letters, digits, `.`, `_`, `-` and `:` are all that a name has (RFC 1123, RFC 4291, and aliases with `_`). Names have neither case nor a final
    /// dot (RFC 4343): however a host is written, it is one.
    HostId, NameError, HostId::new
}

impl HostId {
    /// Makes a host's name of a text.
    ///
    /// # Errors
    ///
    /// When the text is empty, longer than 253 bytes (RFC 1035), or has a character that no host's name has.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check_name(
            "host name",
            name,
            253,
            "no host name has",
            |c| c.is_ascii_alphanumeric() || c == ':' || c == '_',
            |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':'),
        )?;
        let name = name.trim_end_matches('.');
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Ok(Self(name.to_ascii_lowercase().into()));
        }
        Ok(Self(name.into()))
    }
}

impl std::borrow::Borrow<str> for HostId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Names the place where a host stands: the first capture of the environment's `site` expression.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Site(pub Arc<str>);

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::HostId;

    #[test]
    fn names_that_ssh_or_a_shell_would_take_for_something_else_are_refused() {
        for name in
            ["", "-oProxyCommand=id", "a b", "a;b", "a'b", "a\"b", "a\nb", "a$b", "a%h", "a/b", "user@a", "h[1]", "ü"]
        {
            assert!(HostId::new(name).is_err(), "{name:?} was taken");
        }
    }

    #[test]
    fn names_have_neither_case_nor_a_final_dot() {
        assert_eq!(HostId::new("MW01.Example.Org.").unwrap(), HostId::new("mw01.example.org").unwrap());
        assert_eq!(serde_json::from_str::<HostId>("\"MW01\"").unwrap().as_str(), "mw01");
    }

    #[test]
    fn names_addresses_and_aliases_are_taken() {
        for name in ["mw01.eqiad.wmnet", "127.0.1.2", "::1", "2001:db8::1", "my_alias", "a-1"] {
            assert_eq!(HostId::new(name).unwrap().as_str(), name);
        }
    }
}
