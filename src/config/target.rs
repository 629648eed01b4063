//! Where a release lives on a host.

use std::time::Duration;

use serde::Deserialize;

use super::amount::Keep;
use super::leaf::leaf;
use super::schema::Presence::{Default, Essential};
use super::schema::{Section, value};
use super::text::{Argv, LinkName, LoginName, TargetRoot, VersionLink};
use crate::model::Slot;

pub(super) static TARGET: Section = Section {
    keys: &[
        value::<Option<LoginName>>("user", Default(r#""""#), "whom ssh logs in as; \"\": ssh's own choice"),
        value::<TargetRoot>(
            "root",
            Essential(r#""/var/lib/scap""#),
            "the folder of the releases; relative: to the login folder",
        ),
        value::<LinkName>("current", Default(r#""current""#), "the symlink under root that activation switches"),
        value::<Vec<Slot>>(
            "slots",
            Default("[]"),
            r#"a cycle of links beside it, e.g. ["slot0", "slot1"]; --next-slot takes the next; any other is a private one"#,
        ),
        value::<Option<VersionLink>>(
            "version_link",
            Default(r#""""#),
            "a link for the version of each of these slots, to the slot, such as \"php-{version}\"; \"\": none",
        ),
        value::<Keep>("keep", Default("5"), "releases kept on a host, at least 2"),
        value::<Argv>(
            "become",
            Default("[]"),
            r#"what runs commands as another user, e.g. ["sudo", "-n", "-u", "scap"]"#,
        ),
        value::<Duration>(
            "confirm",
            Default(r#""0s""#),
            "dead man's switch: unless confirmed over a new connection in time, the host reverts itself; \"0s\": off",
        ),
    ],
};

/// Says where a release lives on a host.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Whom ssh logs in as; none is ssh's own choice.
    #[serde(deserialize_with = "leaf")]
    pub user: Option<LoginName>,
    /// The folder that holds the releases.
    pub root: TargetRoot,
    /// The symlink under it that activation switches.
    pub current: LinkName,
    /// The links beside it that versions go into by turns; none is no cycle, and any slot.
    #[serde(deserialize_with = "leaf")]
    pub slots: Vec<Slot>,
    /// What the link of a version is named that leads to its slot; none is no such links.
    #[serde(deserialize_with = "leaf")]
    pub version_link: Option<VersionLink>,
    /// How many releases are kept; at least 2.
    pub keep: usize,
    /// What runs commands there as another user; empty for nothing.
    pub r#become: Argv,
    /// How long after its switch a host waits for its confirmation before it reverts itself; zero for ever.
    #[serde(deserialize_with = "leaf")]
    pub confirm: Duration,
}
