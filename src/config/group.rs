//! Where the hosts of groups come from.

use std::time::Duration;

use serde::Deserialize;

use super::duration::Positive;
use super::hosts::{GroupReference, HostList, check_group_name};
use super::leaf::leaf;
use super::schema::Presence::Optional;
use super::schema::{Named, Section, value};
use super::text::{Argv, Command, LocalPath};

pub(super) static GROUPS: Named = Named { section: &GROUP, check_name: check_group_name, whole: true, essential: None };

static GROUP: Section = Section {
    keys: &[
        value::<LocalPath>(
            "file",
            Optional(r#""/etc/dsh/group/scap_targets""#),
            "a dsh file: one host or expression a line",
        ),
        value::<Vec<HostList>>("hosts", Optional(r#"["mw[01-02].eqiad.wmnet"]"#), "the hosts themselves"),
        value::<Command>("command", Optional(r#"["query-hosts", "role=api"]"#), "what prints one host a line"),
        value::<Positive>("timeout", Optional(r#""30s""#), "with command: when it is given up; \"30s\" when left out"),
        value::<LocalPath>("ansible", Optional(r#""hosts.ini""#), "an inventory of Ansible's, INI or YAML"),
        value::<Vec<GroupReference>>("any", Optional(r#"["@api", "@web"]"#), "the hosts of any of these"),
    ],
};

/// Says how long the command of a group may take when its `timeout` is left out, as the key says.
const GROUP_TIMEOUT: Duration = Duration::from_secs(30);

/// Says where the hosts of a group come from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "GroupKeys")]
pub enum GroupOrigin {
    /// A dsh file.
    File(LocalPath),
    /// These names.
    Hosts(Vec<HostList>),
    /// What a command prints.
    Command {
        /// The command and its arguments; never empty.
        command: Argv,
        /// When it is given up.
        timeout: Duration,
    },
    /// An inventory of Ansible's.
    Ansible(LocalPath),
    /// The hosts of any of these groups.
    Any(Vec<GroupReference>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupKeys {
    file: Option<LocalPath>,
    hosts: Option<Vec<HostList>>,
    command: Option<Argv>,
    #[serde(default, deserialize_with = "leaf")]
    timeout: Option<Duration>,
    ansible: Option<LocalPath>,
    any: Option<Vec<GroupReference>>,
}

impl TryFrom<GroupKeys> for GroupOrigin {
    type Error = &'static str;

    fn try_from(keys: GroupKeys) -> Result<Self, Self::Error> {
        let timeout = keys.timeout.unwrap_or(GROUP_TIMEOUT);
        match (keys.file, keys.hosts, keys.command, keys.ansible, keys.any) {
            (Some(file), None, None, None, None) => Ok(Self::File(file)),
            (None, Some(hosts), None, None, None) => Ok(Self::Hosts(hosts)),
            (None, None, Some(command), None, None) => Ok(Self::Command { command, timeout }),
            (None, None, None, Some(ansible), None) => Ok(Self::Ansible(ansible)),
            (None, None, None, None, Some(any)) => Ok(Self::Any(any)),
            _ => Err("a group comes from exactly one of file, hosts, command, ansible and any"),
        }
    }
}
