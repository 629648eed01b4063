//! What is written about hosts, in the words of host expressions.

use toml::Value;

use super::leaf::{Form, Leaf, Refused, deserialize_as_leaf, text};
use crate::expr::{Expression, GroupName, SiteRule};

impl Leaf for Expression {
    const EXPECTED: &'static str = r#"a host expression, such as "@group" or "mw[01-40].example.org""#;
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        Self::new(text(value)?).map_err(Refused::because)
    }
}

/// Lists hosts by their names: what can be read without knowing of any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostList(Expression);

impl HostList {
    /// Gives the list as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Leaf for HostList {
    const EXPECTED: &'static str = r#"the name of a host or a range of names, such as "mw[01-40].example.org""#;
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        let expression = Expression::read(value)?;
        expression.list().map_err(Refused::because)?;
        Ok(Self(expression))
    }
}

/// Names another group, or a section of an Ansible inventory: `@web`, `@lab:web`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupReference(GroupName);

impl GroupReference {
    /// Gives the group's name.
    #[must_use]
    pub const fn name(&self) -> &GroupName {
        &self.0
    }
}

impl Leaf for GroupReference {
    const EXPECTED: &'static str = r#"a group, such as "@web""#;
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        let name = text(value)?.trim().strip_prefix('@').ok_or(Refused::Unexpected)?;
        GroupName::new(name).map(Self).map_err(Refused::because)
    }
}

/// Says what is wrong with the name of a group of the configuration.
pub(super) fn check_group_name(name: &str) -> Result<(), String> {
    let name = GroupName::new(name).map_err(|error| error.to_string())?;
    match name.section() {
        None => Ok(()),
        Some(_) => Err("a colon stands between an Ansible inventory and its group; leave it out".to_owned()),
    }
}

impl Leaf for SiteRule {
    const EXPECTED: &'static str = r"a regular expression whose first capture is the site, such as '^[^.]+\.([^.]+)\.'";
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        Self::new(text(value)?).map_err(Refused::because)
    }
}

deserialize_as_leaf!(HostList, GroupReference, SiteRule);

#[cfg(test)]
mod tests {
    use toml::Value;

    use super::{GroupReference, HostList, check_group_name};
    use crate::config::leaf::Leaf;
    use crate::expr::{Expression, SiteRule};

    fn reason<T: Leaf>(text: &str) -> String {
        let value = Value::String(text.to_owned());
        T::read(&value).err().unwrap().describe(&value, T::EXPECTED)
    }

    #[test]
    fn an_expression_that_is_none_is_shown_with_the_place() {
        assert!(
            reason::<Expression>("@web,,mw01").contains("\n  @web,,mw01\n       ^"),
            "{}",
            reason::<Expression>("@web,,mw01")
        );
        assert!(reason::<Expression>("").starts_with(r#"is "": "#));
    }

    #[test]
    fn a_list_has_names_and_ranges_and_nothing_else() {
        assert!(HostList::read(&Value::String("mw[01-40].x, db1".to_owned())).is_ok());
        for text in ["@web", "mw*", "~mw", "a!b", "mw01:22"] {
            assert!(HostList::read(&Value::String(text.to_owned())).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn a_group_is_made_of_groups_by_their_names() {
        let read = |text: &str| GroupReference::read(&Value::String(text.to_owned()));
        assert_eq!(read("@lab:web").unwrap().name().outer(), "lab");
        assert_eq!(reason::<GroupReference>("web"), r#"is "web", but must be a group, such as "@web""#);
        for text in ["@*", "@", "@a,@b", "@./file"] {
            assert!(read(text).is_err(), "{text:?} was taken");
        }
        assert!(check_group_name("lab").is_ok());
        assert!(check_group_name("lab:web").unwrap_err().contains("colon"));
    }

    #[test]
    fn a_site_rule_without_a_capture_or_a_sense_is_refused() {
        assert!(reason::<SiteRule>("^a").contains("put parentheses around"));
        assert_eq!(reason::<SiteRule>("(a"), r#"is "(a": as a regular expression it is wrong: unclosed group"#);
    }
}
