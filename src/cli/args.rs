//! What several commands take: hosts, a commit, a format, and how words are read.

use std::time::Duration;

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use super::completion;
use crate::deploy;
use crate::model::{HostId, RolloutId, Slot, Version};

/// Says which hosts are meant.
#[derive(Debug, Default, Clone, Args)]
pub(super) struct Selection {
    /// Only these hosts: an expression such as `mw[01-40]`, `@canaries`, `~mw.*codfw`.
    #[arg(short, long, value_name = "EXPR", add = ArgValueCompleter::new(completion::hosts))]
    pub limit: Option<String>,

    /// Without these hosts.
    #[arg(short = 'x', long, value_name = "EXPR", add = ArgValueCompleter::new(completion::hosts))]
    pub exclude: Option<String>,
}

impl From<Selection> for deploy::Selection {
    fn from(Selection { limit, exclude }: Selection) -> Self {
        Self { limit, exclude, masters_alone: false }
    }
}

/// Says which commit is meant.
#[derive(Debug, Default, Clone, Args)]
pub(super) struct Wanted {
    /// A tag, or `latest`, which is what the environment's channel has; the latest without it.
    #[arg(value_name = "VERSION", conflicts_with = "rev", add = ArgValueCompleter::new(completion::versions))]
    pub version: Option<String>,

    /// Any commit instead of a tag.
    #[arg(long, value_name = "COMMIT")]
    pub rev: Option<String>,

    /// Uses the checkout's tags and commits as they are, without asking its remote.
    #[arg(long)]
    pub no_fetch: bool,
}

/// Says what a stream of events looks like.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum StreamFormat {
    /// For people.
    #[default]
    Text,
    /// A JSON object a line, as the journal has them.
    Jsonl,
}

/// Says what a table looks like.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TableFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

pub(super) fn slot(text: &str) -> Result<Slot, String> {
    Slot::new(text).map_err(|error| error.to_string())
}

pub(super) fn rollout(text: &str) -> Result<RolloutId, String> {
    RolloutId::new(text).map_err(|error| error.to_string())
}

pub(super) fn host(text: &str) -> Result<HostId, String> {
    HostId::new(text).map_err(|error| error.to_string())
}

pub(super) fn version(text: &str) -> Result<Version, String> {
    Version::new(text).map_err(|error| error.to_string())
}

/// Puts a reason on one line: it is shown on the terminals of others, and announced.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

pub(super) fn reason(text: &str) -> Result<String, std::convert::Infallible> {
    Ok(one_line(text))
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    crate::config::parse_duration(text).map_err(|error| error.to_string())
}
