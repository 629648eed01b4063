//! Variables of an environment, by their names.

use std::collections::BTreeMap;

use toml::Value;

use super::leaf::{Leaf, Refused, deserialize_as_leaf};

/// Holds what commands find in their environment besides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Gives names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Leaf for Variables {
    const EXPECTED: &'static str = r#"names and texts, such as { CFLAGS = "-O2" }"#;

    fn read(value: &Value) -> Result<Self, Refused> {
        let table = value.as_table().ok_or(Refused::Unexpected)?;
        let read = |(name, value): (&String, &Value)| {
            let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
            let is_name = name.starts_with(is_first) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !is_name {
                return Err(Refused::because(format_args!(
                    "{name:?} is no name of a variable: letters, digits and `_`"
                )));
            }
            if name.starts_with("COALMINE_") {
                return Err(Refused::because(format_args!("{name} is coalmine's own: choose another name")));
            }
            match value.as_str() {
                Some(text) if !text.contains('\0') => Ok((name.clone(), text.to_owned())),
                _ => Err(Refused::because(format_args!("{name} must be a text in quotes"))),
            }
        };
        table.iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

deserialize_as_leaf!(Variables);

#[cfg(test)]
mod tests {
    use super::Variables;
    use crate::config::leaf::Leaf;

    #[test]
    fn variables_have_names_that_a_shell_knows_and_texts() {
        let read = |text: &str| Variables::read(&text.parse::<toml::Table>().unwrap()["env"]);
        let read_back = read("env = { CFLAGS = \"-O2 -g\", _x1 = \"\" }").unwrap();
        assert_eq!(read_back.iter().collect::<Vec<_>>(), [("CFLAGS", "-O2 -g"), ("_x1", "")]);
        for wrong in ["{ \"a-b\" = \"\" }", "{ 1a = \"\" }", "{ A = 1 }", "{ COALMINE_X = \"\" }", "[\"A=1\"]"] {
            assert!(read(&format!("env = {wrong}")).is_err(), "{wrong}");
        }
    }
}
