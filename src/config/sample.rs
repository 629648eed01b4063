//! The sample configuration, `assets/coalmine.toml`: every key, its default, and what it means.
//!
//! Lines that begin with `#` and no blank are keys without a default: what follows the `#` is an example.

use super::schema::{Presence, Section, Shape};
use super::settings::ROOT;

/// What stands in the sample in place of a default, since lists and names have none: a small fleet with canaries.
const ENVIRONMENT: &str = "production";
const GROUPS: [(&str, &str); 3] = [
    ("all", r#"file = "/etc/dsh/group/scap_targets""#),
    ("masters", r#"file = "/etc/dsh/group/dsh_masters""#),
    ("canaries", r#"hosts = ["mw[01-02].eqiad.wmnet"]"#),
];

/// Comments stand behind values up to this column, and above them beyond it.
const COMMENT_COLUMN: usize = 44;

/// Writes the sample configuration of the documented keys.
#[must_use]
pub fn sample() -> String {
    let mut text = String::from(
        "# coalmine.toml: every key, its default, and what it means.\n\
         # Keys without a default in this file are essential, or commented out with an example.\n\
         # `coalmine config check` tells what is wrong with it, `coalmine config show` what it means.\n",
    );
    for key in ROOT.keys {
        text.push_str(&format!("\n# {}\n", key.about));
        match &key.shape {
            Shape::Table(section) => {
                header(&mut text, &format!("[{}]", key.name));
                keys(&mut text, section, &[], "");
            }
            Shape::Named(named) if named.whole => {
                header(&mut text, &format!("[{}]", key.name));
                groups(&mut text, named.section);
            }
            Shape::Named(named) => {
                header(&mut text, &format!("[{}.{ENVIRONMENT}]", key.name));
                keys(&mut text, named.section, &[("masters", r#""@masters""#)], "");
                stages(&mut text, key.name, named.section);
            }
            Shape::List { section, .. } => {
                header(&mut text, &format!("#[[{}]]", key.name));
                keys(&mut text, section, &[("on", r#""stage""#)], "#");
            }
            Shape::Value { .. } => {}
        }
    }
    text
}

fn header(text: &mut String, header: &str) {
    text.push_str(header);
    text.push('\n');
}

fn stages(text: &mut String, environments: &str, environment: &'static Section) {
    for key in environment.keys {
        if let Shape::List { section, essential } = &key.shape {
            let path = format!("[[{environments}.{ENVIRONMENT}.{}]]", key.name);
            if essential.is_none() {
                text.push_str(&format!("\n# {}\n#{path}\n", key.about));
                keys(text, section, &[], "#");
                continue;
            }
            text.push_str(&format!("\n# {}\n{path}\n", key.about));
            keys(
                text,
                section,
                &[
                    ("name", r#""canary""#),
                    ("hosts", r#""@canaries""#),
                    ("promote", r#""manual""#),
                    ("soak", r#""1d""#),
                ],
                "",
            );
            text.push_str(&format!(
                "\n# The last one takes whatever is left.\n{path}\nname = \"fleet\"\nwaves = [1, \"10%\", \"50%\"]\n"
            ));
        }
    }
}

fn groups(text: &mut String, section: &'static Section) {
    for (name, source) in GROUPS {
        text.push_str(&format!("{name:<8} = {{ {source} }}\n"));
    }
    text.push_str("# What a group may come from:\n");
    for key in section.keys {
        if let Shape::Value { presence: Presence::Optional(example), .. } = &key.shape {
            line(text, "# ", key.name, example, key.about);
        }
    }
}

/// Writes the keys of a section; `instead` are values that stand in place of a default, `prefix` stands before all of them.
fn keys(text: &mut String, section: &'static Section, instead: &[(&str, &str)], prefix: &str) {
    for key in section.keys {
        let other = instead.iter().find(|(name, _)| *name == key.name).map(|(_, value)| *value);
        match &key.shape {
            Shape::Value { presence, .. } => match (other, *presence) {
                (Some(value), _) | (None, Presence::Default(value) | Presence::Essential(value)) => {
                    line(text, prefix, key.name, value, key.about);
                }
                (None, Presence::Optional(example)) => line(text, "#", key.name, example, key.about),
            },
            Shape::Table(section) => {
                let entries: Vec<String> = section
                    .keys
                    .iter()
                    .filter_map(|key| match &key.shape {
                        Shape::Value { presence: Presence::Default(value), .. } => {
                            Some(format!("{} = {value}", key.name))
                        }
                        _ => None,
                    })
                    .collect();
                line(text, prefix, key.name, &format!("{{ {} }}", entries.join(", ")), key.about);
                for key in section.keys {
                    text.push_str(&format!("# {} {}: {}\n", " ".repeat(8), key.name, key.about));
                }
            }
            Shape::Named(_) | Shape::List { .. } => {}
        }
    }
}

fn line(text: &mut String, prefix: &str, name: &str, value: &str, about: &str) {
    let setting = format!("{prefix}{name} = {value}");
    let is_short = setting.chars().count() < COMMENT_COLUMN;
    text.push_str(&if is_short {
        format!("{setting:<COMMENT_COLUMN$}# {about}\n")
    } else {
        format!("# {about}\n{setting}\n")
    });
}
