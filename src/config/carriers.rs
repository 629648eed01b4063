//! What brings releases to hosts: its words, its ports and its addresses.

use std::fmt;
use std::net::Ipv4Addr;

use toml::Value;

use super::leaf::{Form, Leaf, Refused, deserialize_as_leaf, text};
use crate::expr::{Expression, nearest};
use crate::model::Carrier;

/// Lists what is tried to bring a release to a host, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Carriers(Vec<Carrier>);

impl Carriers {
    /// Gives the list.
    #[must_use]
    pub fn as_slice(&self) -> &[Carrier] {
        &self.0
    }

    /// Tells whether a carrier is tried.
    #[must_use]
    pub fn has(&self, carrier: Carrier) -> bool {
        self.0.contains(&carrier)
    }
}

impl Leaf for Carriers {
    const EXPECTED: &'static str = r#"a list of carriers, such as ["relay", "direct"]"#;
    const FORM: Form = Form::Toml;

    fn read(value: &Value) -> Result<Self, Refused> {
        let mut carriers = Vec::new();
        for item in value.as_array().ok_or(Refused::Unexpected)? {
            let word = text(item)?;
            let Some(carrier) = Carrier::ALL.into_iter().find(|carrier| carrier.word() == word) else {
                let words: Vec<&str> = Carrier::ALL.into_iter().map(Carrier::word).collect();
                let meant = nearest(word, words.iter().copied());
                let meant = meant.map(|meant| format!(", did you mean {meant:?}")).unwrap_or_default();
                let known = words.join(", ");
                return Err(Refused::because(format_args!("there is no carrier {word:?}{meant}; there are {known}")));
            };
            if carriers.contains(&carrier) {
                return Err(Refused::because(format_args!("{word:?} is in it twice")));
            }
            if carriers.contains(&Carrier::Direct) {
                return Err(Refused::because(format_args!(
                    "{word:?} would never be tried behind \"direct\", which fails for what the others need too"
                )));
            }
            carriers.push(carrier);
        }
        if carriers.is_empty() {
            return Err(Refused::because("nothing would bring a release to any host: write [\"direct\"]"));
        }
        Ok(Self(carriers))
    }
}

/// Names the hosts that pass a release on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelayHosts {
    /// The masters of the environment.
    Masters,
    /// These.
    Hosts(Expression),
}

impl Leaf for RelayHosts {
    const EXPECTED: &'static str = r#""masters", or a host expression such as "@relays""#;
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        match text(value)? {
            "masters" => Ok(Self::Masters),
            _ => Expression::read(value).map(Self::Hosts),
        }
    }
}

/// Holds the ports among which a relay takes the first that is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ports {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

impl Ports {
    /// How many are tried at most: each takes a moment.
    const MOST: u16 = 1000;
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl Leaf for Ports {
    const EXPECTED: &'static str = r#"a range of ports, such as "20000-20099""#;
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        let text = text(value)?;
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let port = |text: &str| text.trim().parse::<u16>().map_err(|_| Refused::Unexpected);
        let (first, last) = (port(first)?, port(last)?);
        if first < 1024 {
            return Err(Refused::because("only root may listen below 1024, and a relay is nobody's root"));
        }
        if last < first {
            return Err(Refused::because("it ends before it begins"));
        }
        if last - first >= Self::MOST {
            return Err(Refused::because(format_args!("a relay tries {} ports at most", Self::MOST)));
        }
        Ok(Self { first, last })
    }
}

/// Holds the address of this machine at which hosts find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HereAddress(pub Ipv4Addr);

impl Leaf for HereAddress {
    const EXPECTED: &'static str = r#"an IPv4 address, such as "192.0.2.7""#;
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        let address: Ipv4Addr = text(value)?.parse().map_err(|_| Refused::Unexpected)?;
        if address.is_unspecified() || address.is_multicast() || address.is_broadcast() {
            return Err(Refused::because("no host finds a machine there"));
        }
        Ok(Self(address))
    }
}

/// Says where a pack is fetched by HTTP: an address with `{pack}` in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PackUrl(String);

impl PackUrl {
    /// Gives the address, with `{pack}` where the name of the pack goes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Leaf for PackUrl {
    const EXPECTED: &'static str =
        r#"an address of HTTP with {pack} in it, such as "https://cache.example.org/packs/{pack}""#;
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        let text = text(value)?;
        let is_http = text.starts_with("https://") || text.starts_with("http://");
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\'));
        if !is_http || !is_plain {
            return Err(Refused::Unexpected);
        }
        if !text.contains("{pack}") {
            return Err(Refused::because("it has no {pack}, so every pack would have the same address"));
        }
        Ok(Self(text.to_owned()))
    }
}

deserialize_as_leaf!(Carriers, RelayHosts, Ports, HereAddress, PackUrl);

#[cfg(test)]
mod tests {
    use toml::Value;

    use super::{Carriers, HereAddress, PackUrl, Ports, RelayHosts};
    use crate::config::leaf::Leaf;
    use crate::model::Carrier;

    fn refused<T: Leaf>(value: &str) -> String {
        let value: Value = toml::from_str::<toml::Table>(&format!("x = {value}")).unwrap().remove("x").unwrap();
        T::read(&value).err().unwrap_or_else(|| panic!("{value} was taken")).describe(&value, T::EXPECTED)
    }

    #[test]
    fn a_list_of_carriers_that_makes_no_sense_is_refused_with_the_reason() {
        for (value, why) in [
            ("[]", "nothing would bring a release"),
            (r#"["relays", "direct"]"#, r#"there is no carrier "relays", did you mean "relay""#),
            (r#"["direct", "relay"]"#, r#""relay" would never be tried behind "direct""#),
            (r#"["relay", "relay"]"#, "twice"),
            (r#""relay""#, "must be a list of carriers"),
        ] {
            let refused = refused::<Carriers>(value);
            assert!(refused.contains(why), "{value}: {refused}");
        }
        let value = Value::Array(vec!["relay".into(), "direct".into()]);
        assert_eq!(Carriers::read(&value).unwrap().as_slice(), [Carrier::Relay, Carrier::Direct]);
    }

    #[test]
    fn ports_are_a_range_that_a_relay_may_listen_in() {
        for (value, why) in [
            (r#""80-90""#, "below 1024"),
            (r#""20010-20000""#, "ends before it begins"),
            (r#""2000-60000""#, "1000 ports at most"),
            (r#""20000-70000""#, "must be a range of ports"),
            (r#""x""#, "must be a range of ports"),
            ("20000", "must be a range of ports"),
        ] {
            let refused = refused::<Ports>(value);
            assert!(refused.contains(why), "{value}: {refused}");
        }
        assert!(refused::<HereAddress>(r#""0.0.0.0""#).contains("no host finds"));
        assert!(refused::<HereAddress>(r#""deploy1""#).contains("must be an IPv4 address"));
        assert_eq!(Ports::read(&"20000".into()), Ok(Ports { first: 20_000, last: 20_000 }));
    }

    #[test]
    fn an_address_has_the_name_of_the_pack_in_it() {
        assert!(refused::<PackUrl>(r#""https://x/y""#).contains("no {pack}"));
        assert!(refused::<PackUrl>(r#""ftp://x/{pack}""#).contains("must be an address of HTTP"));
        assert!(refused::<PackUrl>(r#""http://x/{pack} -o /etc""#).contains("must be an address of HTTP"));
        assert!(matches!(RelayHosts::read(&"masters".into()), Ok(RelayHosts::Masters)));
        assert!(matches!(RelayHosts::read(&"@relays".into()), Ok(RelayHosts::Hosts(_))));
    }
}
