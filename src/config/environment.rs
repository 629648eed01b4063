//! Fleets, each with its own policy: channel, freezes, stages, budgets.

use serde::Deserialize;

use super::leaf::leaf;
use super::schema::Presence::{Default, Essential};
use super::schema::{Key, Named, Section, Shape, value};
use super::stage::{STAGE, Stage};
use super::text::{TimeZoneName, Title};
use super::word::Channel;
use crate::expr::{Expression, SiteRule};
use crate::model::{CalendarTime, Environment, FreezeWindow};
use crate::plan::{OnFailure, Prefetch};

pub(super) static ENVIRONMENTS: Named = Named {
    section: &ENVIRONMENT,
    check_name: |name| Environment::new(name).map(drop).map_err(|error| error.to_string()),
    whole: false,
    essential: Some("[environments.production]\nhosts = \"@all\""),
};

static ENVIRONMENT: Section = Section {
    keys: &[
        value::<Expression>("hosts", Essential(r#""@all""#), "the fleet"),
        value::<Option<Expression>>(
            "masters",
            Default(r#""""#),
            "deploy servers: installed first, never counted as targets; \"\": none",
        ),
        value::<Channel>("channel", Default(r#""tags""#), r#"where "latest" comes from; or "branch:master""#),
        value::<SiteRule>("site", Default(r"'^[^.]+\.([^.]+)\.'"), "first capture of the host's name is its site"),
        value::<Prefetch>(
            "prefetch",
            Default(r#""all""#),
            "prime the whole fleet before the first activation; or \"stage\"",
        ),
        value::<Option<OnFailure>>(
            "on_failure",
            Default(r#""""#),
            "\"pause\", \"rollback\", \"abort\"; \"\": pause on a terminal, rollback without one",
        ),
        value::<Option<Expression>>(
            "run_from",
            Default(r#""""#),
            "the machines that may deploy to it, such as \"@masters\"; \"\": any",
        ),
        Key {
            name: "freezes",
            about: "Times at which nothing new is brought to it; what runs when one begins finishes what is in flight, and pauses.",
            shape: Shape::List { section: &FREEZE, essential: None },
        },
        Key {
            name: "stages",
            about: "The parts of the fleet, in order; a host in two stages belongs to the first.",
            shape: Shape::List { section: &STAGE, essential: Some("[[environments.NAME.stages]]\nname = \"fleet\"") },
        },
    ],
};

static FREEZE: Section = Section {
    keys: &[
        value::<Title>("name", Essential(r#""weekend""#), "its name, for --override-freeze"),
        value::<CalendarTime>(
            "from",
            Essential(r#""Fri 16:00""#),
            "when it begins: \"16:00\" every day, \"Fri 16:00\", \"12-20\" every year, \"2026-12-20 18:00\"",
        ),
        value::<CalendarTime>(
            "until",
            Essential(r#""Mon 08:00""#),
            "when it ends, in the same form; a day without a time is the whole of it",
        ),
        value::<TimeZoneName>("zone", Default(r#""UTC""#), "the time zone of both, such as \"Europe/Berlin\""),
        value::<Option<Title>>("reason", Default(r#""""#), "why, for whoever is refused"),
    ],
};

/// Holds a fleet's own policy and channel.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentPolicy {
    /// The fleet.
    pub hosts: Expression,
    /// The deploy servers.
    #[serde(deserialize_with = "leaf")]
    pub masters: Option<Expression>,
    /// Where `latest` comes from.
    pub channel: Channel,
    /// Where a host stands.
    pub site: SiteRule,
    /// When hosts are primed.
    pub prefetch: Prefetch,
    /// What happens when a budget is exceeded; none: pause on a terminal, rollback without one.
    #[serde(deserialize_with = "leaf")]
    pub on_failure: Option<OnFailure>,
    /// The machines that may deploy to it; none is any.
    #[serde(deserialize_with = "leaf")]
    pub run_from: Option<Expression>,
    /// The times at which nothing new is brought to it.
    pub freezes: Vec<Freeze>,
    /// The parts of the fleet, in order; there is at least one.
    pub stages: Vec<Stage>,
}

/// Holds a time at which nothing new is brought to a fleet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// Its name.
    pub name: Title,
    /// When it begins.
    #[serde(deserialize_with = "leaf")]
    pub from: CalendarTime,
    /// When it ends.
    #[serde(deserialize_with = "leaf")]
    pub until: CalendarTime,
    /// The time zone of both.
    pub zone: TimeZoneName,
    /// Why.
    #[serde(deserialize_with = "leaf")]
    pub reason: Option<Title>,
}

impl Freeze {
    /// Gives the window.
    #[must_use]
    pub fn window(&self) -> FreezeWindow {
        FreezeWindow {
            name: self.name.to_string(),
            from: self.from,
            until: self.until,
            zone: self.zone.to_string(),
            reason: self.reason.as_ref().map(ToString::to_string),
        }
    }
}
