//! Releases and rollouts as tables and as JSON, and one rollout from its journal.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::debt::debt_lines;
use super::lead::LeadTime;
use super::months::{Counted, Month, months, months_text};
use super::narrate::{Narrator, Style};
use super::summary::summary_text;
use super::table::table;
use crate::model::{Commit, Environment, FailureClass, HostId, Operator, Phase, RolloutId, Slot, StageName, Version};
use crate::plan::PlanKind;
use crate::rollout::{Debt, HostEnd, Outcome, Record, State};
use crate::words::{Tone, count, day_and_time, emergency, ended, folded, known, one_line, pad, span};

/// Says what is known of a release's worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseMark {
    /// It was finalized somewhere.
    Good,
    /// A rollout of it failed.
    Bad,
}

/// Holds a row of `releases`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleaseRow {
    /// Its version.
    pub version: Version,
    /// Its commit.
    pub commit: Commit,
    /// When it was tagged.
    pub date: Option<Timestamp>,
    /// Whether this machine holds a build of it.
    pub built: bool,
    /// The first digits of its digest, when it is built.
    pub digest: Option<String>,
    /// What is known of its worth.
    pub mark: Option<ReleaseMark>,
    /// On how many hosts it is installed, by environment; empty where it is on none.
    pub installed: BTreeMap<Environment, usize>,
}

/// Says how it is known where releases are installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// The hosts were asked just now.
    Surveyed,
    /// From the journals of this machine, as its rollouts left the hosts; these may have changed since.
    Journals,
}

/// Holds what `releases --output json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleasesReport {
    /// The version of the format.
    pub schema: u32,
    /// How it is known where they are installed.
    pub seen: Seen,
    /// The releases, newest first.
    pub releases: Vec<ReleaseRow>,
}

impl ReleasesReport {
    /// Makes the report of releases that are in order already.
    #[must_use]
    pub const fn new(releases: Vec<ReleaseRow>, seen: Seen) -> Self {
        Self { schema: 1, seen, releases }
    }

    /// Writes the releases for people.
    #[must_use]
    pub fn text(&self, style: &Style) -> Vec<String> {
        if self.releases.is_empty() {
            return vec!["no release: no tag matches `product.tags`".to_owned()];
        }
        let look = style.look;
        let rows = self.releases.iter().map(|row| {
            let installed: Vec<String> =
                row.installed.iter().map(|(environment, hosts)| format!("{environment} {hosts}")).collect();
            vec![
                row.version.to_string(),
                row.date.map(|date| day_and_time(date, &style.zone)).unwrap_or_default(),
                row.commit.short().to_owned(),
                if row.built { "built".to_owned() } else { String::new() },
                match row.mark {
                    Some(ReleaseMark::Good) => "good".to_owned(),
                    Some(ReleaseMark::Bad) => "bad".to_owned(),
                    None => String::new(),
                },
                installed.join(", "),
            ]
        });
        let installed = match self.seen {
            Seen::Surveyed => "installed",
            Seen::Journals => "left by rollouts",
        };
        let heads = ["version", "tagged", "commit", "built", "worth", installed];
        table(&heads, rows.collect(), look, |row, column| match self.releases.get(row)?.mark? {
            _ if column != 4 => None,
            ReleaseMark::Good => Some(Tone::Good),
            ReleaseMark::Bad => Some(Tone::Bad),
        })
    }
}

/// Holds a row of `rollouts`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RolloutRow {
    /// Its name.
    pub rollout: RolloutId,
    /// Whose fleet it was.
    pub environment: Environment,
    /// What it was for.
    pub kind: PlanKind,
    /// What was installed.
    pub version: Version,
    /// The slot that it was for; null for the usual link.
    pub slot: Option<Slot>,
    /// Whether it was an emergency.
    pub emergency: bool,
    /// Who wanted it.
    pub operator: Operator,
    /// Why.
    pub reason: Option<String>,
    /// When it started.
    pub started: Option<Timestamp>,
    /// How long it took so far, in seconds; null where the clock was put back meanwhile.
    pub took_s: Option<u64>,
    /// How long it was from its tag to its end, in seconds; null where it has none, or did not get there.
    pub tag_to_fleet_s: Option<f64>,
    /// How it ended; none when it did not yet.
    pub outcome: Option<Outcome>,
    /// What its process answered.
    pub exit_code: Option<u8>,
    /// Whether it waits to be resumed.
    pub resumable: bool,
    /// The later rollout that overtook it before it was over, so that nothing goes on with it; null where none did.
    pub overtaken: Option<RolloutId>,
    /// How many hosts ended how.
    pub counts: BTreeMap<HostEnd, usize>,
    /// The hosts that should have the release and do not.
    pub debt: Vec<Debt>,
}

impl RolloutRow {
    /// Makes the row of a rollout from its journal; none when that has no plan. `is_live` is whether a conductor runs it, and `overtaken`
    /// which later one overtook it otherwise.
    #[must_use]
    pub fn new(
        state: &State,
        tag_to_fleet_s: Option<f64>,
        is_live: bool,
        overtaken: Option<RolloutId>,
    ) -> Option<Self> {
        let plan = state.plan()?;
        let summary = state.summary();
        let is_left = state.outcome().is_none() && !is_live;
        Some(Self {
            rollout: plan.rollout.clone(),
            environment: plan.environment.clone(),
            kind: plan.kind,
            version: plan.version.clone(),
            slot: plan.slot.clone(),
            emergency: plan.emergency,
            operator: plan.operator.clone(),
            reason: plan.reason.clone(),
            started: state.started(),
            took_s: state.took().map(|took| took.as_secs()),
            tag_to_fleet_s,
            outcome: state.outcome(),
            exit_code: state.exit_code(),
            resumable: is_left && overtaken.is_none(),
            overtaken: overtaken.filter(|_| is_left),
            counts: summary.counts,
            debt: summary.debt,
        })
    }

    fn state(&self) -> (String, Tone) {
        match (self.outcome, self.exit_code) {
            // A rollback that was asked for by name is no failure.
            (Some(outcome), Some(0)) => (ended(outcome, 0).1, Tone::Good),
            (Some(outcome), _) => {
                let (glyph, text) = ended(outcome, self.debt.len());
                (text, glyph.tone())
            }
            (None, _) if self.resumable => ("interrupted, resumable".to_owned(), Tone::Warn),
            (None, _) if self.overtaken.is_some() => ("interrupted, overtaken".to_owned(), Tone::Dim),
            (None, _) => ("running".to_owned(), Tone::Busy),
        }
    }
}

/// Holds what `rollouts --output json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RolloutsReport {
    /// The version of the format.
    pub schema: u32,
    /// The rollouts, newest first.
    pub rollouts: Vec<RolloutRow>,
    /// Who of their environments is in debt now.
    pub owing: Vec<Owing>,
    /// The same by the months in which they started (UTC), newest first.
    pub months: Vec<Month>,
}

/// Holds the hosts of an environment that rollouts should have brought their release and did not, and none did since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Owing {
    /// The environment.
    pub environment: Environment,
    /// The slot that was to be switched there; null for the usual link.
    pub slot: Option<Slot>,
    /// The hosts.
    pub debt: Vec<Debt>,
}

impl RolloutsReport {
    /// Makes the report of rollouts that are in order already.
    #[must_use]
    pub fn new(rollouts: Vec<RolloutRow>) -> Self {
        let months = Self::months_of(&rollouts, &TimeZone::UTC);
        Self { schema: 1, rollouts, owing: Vec::new(), months }
    }

    fn months_of(rollouts: &[RolloutRow], zone: &TimeZone) -> Vec<Month> {
        let counted = rollouts.iter().filter_map(|row| {
            Some(Counted {
                started: row.started?,
                kind: row.kind,
                outcome: row.outcome,
                debt: row.debt.len(),
                lead_s: row.tag_to_fleet_s,
            })
        });
        months(counted, zone)
    }

    /// Writes the totals of each month for people.
    #[must_use]
    pub fn totals(&self, style: &Style) -> Vec<String> {
        months_text(&Self::months_of(&self.rollouts, &style.zone), style.look)
    }

    /// Adds who is in debt now.
    #[must_use]
    pub fn owing(self, owing: Vec<Owing>) -> Self {
        Self { owing, ..self }
    }

    /// Writes the rollouts for people.
    #[must_use]
    pub fn text(&self, style: &Style) -> Vec<String> {
        let look = style.look;
        let rows = self.rollouts.iter().map(|row| {
            let healthy = row.counts.get(&HostEnd::Healthy).copied().unwrap_or(0);
            vec![
                row.rollout.to_string(),
                row.started.map(|started| day_and_time(started, &style.zone)).unwrap_or_default(),
                row.environment.to_string(),
                {
                    let version = match row.kind {
                        PlanKind::Install => format!("{}{}", emergency(row.emergency), row.version),
                        PlanKind::Prime => format!("{} (prime)", row.version),
                        PlanKind::Rollback => format!("{} (rollback)", row.version),
                    };
                    version + &row.slot.as_ref().map(|slot| format!(", slot {slot}")).unwrap_or_default()
                },
                row.state().0,
                known(row.took_s.map(Duration::from_secs), span),
                row.tag_to_fleet_s
                    .and_then(|took| Duration::try_from_secs_f64(took).ok())
                    .map(span)
                    .unwrap_or_default(),
                healthy.to_string(),
                one_line(&row.operator.0, 30, look),
                row.reason.as_deref().map(|reason| one_line(reason, 50, look)).unwrap_or_default(),
            ]
        });
        let heads =
            ["rollout", "started", "environment", "version", "outcome", "took", "tag to fleet", "healthy", "by", "why"];
        let mut lines = table(&heads, rows.collect(), look, |row, column| {
            (column == 4).then(|| self.rollouts.get(row).map(|row| row.state().1)).flatten()
        });
        if self.rollouts.is_empty() {
            lines = vec!["no rollout yet".to_owned()];
        }
        for owing in &self.owing {
            lines.push(String::new());
            lines.extend(debt_lines(&owing.environment, owing.slot.as_ref(), &owing.debt, look));
        }
        lines
    }
}

/// Holds what `show --output json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RolloutReport {
    /// The version of the format.
    pub schema: u32,
    /// How long it took since the tag, and where the time went.
    pub lead_time: LeadTime,
    /// The rollout; null when its journal has no plan.
    pub rollout: Option<RolloutRow>,
    /// Its hosts, in the plan's order.
    pub hosts: Vec<RolloutHost>,
    /// Of the hosts that it left in debt those that are so now; null where that is not known, or it is not over.
    pub debt_now: Option<Vec<HostId>>,
}

/// Holds a host of [`RolloutReport`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RolloutHost {
    /// Its name.
    pub host: HostId,
    /// Its stage.
    pub stage: Option<StageName>,
    /// How far it came.
    pub phase: Phase,
    /// The class of its failure.
    pub class: Option<FailureClass>,
    /// What is wrong with it, or why it was left out.
    pub message: Option<String>,
}

impl RolloutReport {
    /// Makes the report of a rollout from its journal. `is_live` is whether a conductor runs it, and `overtaken` which later one overtook
    /// it otherwise.
    #[must_use]
    pub fn new(
        state: &State,
        lead_time: LeadTime,
        is_live: bool,
        overtaken: Option<RolloutId>,
        debt_now: Option<Vec<HostId>>,
    ) -> Self {
        let hosts = state.hosts().iter().map(|host| RolloutHost {
            host: host.id.clone(),
            stage: state.stage(host.stage).map(|(plan, _)| plan.name.clone()),
            phase: host.phase,
            class: host.failure.as_ref().map(|failure| failure.class),
            message: host.failure.as_ref().map(|failure| failure.message.clone()).or_else(|| host.skipped.clone()),
        });
        let rollout = RolloutRow::new(state, lead_time.tag_to_fleet_s, is_live, overtaken);
        Self { schema: 1, lead_time, rollout, hosts: hosts.collect(), debt_now }
    }
}

/// Tells one rollout for people from its journal: what happened, and how it ended or stands; `overtaken` is the later one by which nothing
/// goes on with it.
#[must_use]
pub fn show_text(records: &[Record], overtaken: Option<&RolloutId>, style: &Style) -> (State, Vec<String>) {
    let mut state = State::new();
    let mut narrator = Narrator::new(style.clone());
    for record in records {
        state.apply(record);
        narrator.record(record, &state);
    }
    narrator.flush(&state);
    let mut lines = narrator.take();
    lines.extend(summary_text(&state, overtaken, narrator.timings(), style));
    (state, lines)
}

/// Says of the hosts that a rollout left in debt which are so now; nothing where it left none.
#[must_use]
pub fn debt_now_text(state: &State, now: &[HostId], style: &Style) -> Option<String> {
    let left = state.summary().debt.len();
    let text = match (left, now.len()) {
        (0, _) => return None,
        (_, 0) => "none: what came later brought every one of them its release".to_owned(),
        (left, still) if left == still => format!("the same {}", count(still, "host")),
        (_, still) => format!("{}: {}", count(still, "host"), folded(now, 400, style.look)),
    };
    Some(format!("  {} {text}", style.look.paint(Tone::Dim, &pad("debt now", 9))))
}
