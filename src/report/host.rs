//! One host, for people and as JSON: what it answers, and what rollouts did to it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::status::HostStatusReport;
use crate::deploy::{HostPast, OutOfService, WantedRelease};
use crate::model::{Environment, Probe, ReleaseId, RestsOn};
use crate::rollout::HostEnd;
use crate::words::{Glyph, Look, Tone, clean, clean_line, count, day_and_time, ended, pad, span};

/// How far a clock may be from this machine's before that is worth a warning, in seconds.
const APART: i64 = 5;
/// Below how many KiB a release may find no room.
const LITTLE_ROOM: u64 = 256 * 1024;

/// Holds what a host answered when it was asked for all that it has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HostPage {
    /// The version of the format.
    pub schema: u32,
    /// Whose host it is.
    pub environment: Environment,
    /// What it should run.
    pub release: WantedRelease,
    /// How it stands, as `status` has it.
    pub status: HostStatusReport,
    /// The whole releases that it holds.
    pub releases: Vec<ReleaseId>,
    /// The release that was good before the good one.
    pub previous: Option<ReleaseId>,
    /// What was good before those, the latest first.
    pub was: Vec<ReleaseId>,
    /// What was good there once and was left by a way back.
    pub bad: Vec<ReleaseId>,
    /// What it was switched to and was not finalized.
    pub pending: Option<ReleaseId>,
    /// The links beside the usual one, and the release that each names.
    pub slots: BTreeMap<String, ReleaseId>,
    /// The entries that differ from their manifest, the first hundred.
    pub differs: Vec<String>,
    /// The entries that should not be there, the first hundred.
    pub surplus: Vec<String>,
    /// How many bytes are free where releases are kept.
    pub room_bytes: Option<u64>,
    /// How many entries the file system there can still take, where it counts them.
    pub inodes: Option<u64>,
    /// By how many seconds its clock is ahead of this machine's; behind it where that is negative.
    pub clock_ahead_s: Option<i64>,
    /// What else it told.
    pub facts: BTreeMap<String, String>,
    /// Who took it out of service, as far as coalmine knows; null where it serves.
    pub out_of_service: Option<OutOfService>,
    /// The last lines of its own log.
    pub log: Vec<String>,
    /// What the latest rollouts did to it, the latest first.
    pub past: Vec<HostPast>,
}

/// Says one thing of a host, for whoever draws it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// What follows is about this.
    Title(String),
    /// A fact by its name.
    Fact(String, Tone, String),
    /// A text.
    Text(Tone, String),
}

impl HostPage {
    /// Makes the page of what a host answered at a time; `status` is the same answer, compared with the release.
    #[must_use]
    pub fn new(
        environment: Environment,
        release: WantedRelease,
        status: HostStatusReport,
        probe: Option<&Probe>,
        now: Timestamp,
    ) -> Self {
        let mut page = Self {
            schema: 1,
            environment,
            release,
            status,
            releases: Vec::new(),
            previous: None,
            was: Vec::new(),
            bad: Vec::new(),
            pending: None,
            slots: BTreeMap::new(),
            differs: Vec::new(),
            surplus: Vec::new(),
            room_bytes: None,
            inodes: None,
            clock_ahead_s: None,
            facts: BTreeMap::new(),
            out_of_service: None,
            log: Vec::new(),
            past: Vec::new(),
        };
        let Some(probe) = probe else { return page };
        let fact = |name: &str| probe.facts.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        page.room_bytes = fact("room").and_then(|kib| kib.parse::<u64>().ok()).map(|kib| kib.saturating_mul(1024));
        page.inodes = fact("inodes").and_then(|number| number.parse().ok());
        let clock = fact("clock").and_then(|seconds| seconds.parse::<i64>().ok());
        page.clock_ahead_s = clock.map(|there| there.saturating_sub(now.as_second()));
        // What is told by a name of its own, or is for nobody.
        let own = ["room", "inodes", "clock", "machine", "unpacks"];
        page.facts = probe.facts.iter().filter(|(name, _)| !own.contains(&name.as_str())).cloned().collect();
        page.releases.clone_from(&probe.releases);
        page.previous.clone_from(&probe.previous);
        page.was.clone_from(&probe.was);
        page.bad.clone_from(&probe.bad);
        page.pending.clone_from(&probe.pending);
        page.slots = probe.slots.iter().map(|(slot, id)| (slot.to_string(), id.clone())).collect();
        page.differs.clone_from(&probe.differs);
        page.surplus.clone_from(&probe.surplus);
        page.log.clone_from(&probe.log);
        page
    }

    /// Says what the host holds, remembers and lacks; how it stands is said by whoever asked.
    #[must_use]
    pub fn told(&self, zone: &TimeZone) -> Vec<Told> {
        let mut told = Vec::new();
        let mut fact = |name: &str, tone, text: String| {
            if !text.is_empty() {
                told.push(Told::Fact(name.to_owned(), tone, text));
            }
        };
        let id = |id: Option<&ReleaseId>| id.map(ToString::to_string).unwrap_or_default();
        let ids = |ids: &[ReleaseId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if let Some(out) = &self.out_of_service {
            fact("service", Tone::Warn, format!("out of service {}", out.describe()));
        }
        fact("good", Tone::Plain, id(self.status.good.as_ref()));
        fact("previous", Tone::Plain, id(self.previous.as_ref()));
        fact("good before", Tone::Dim, ids(&self.was));
        fact("found bad", Tone::Warn, ids(&self.bad));
        fact("pending", Tone::Warn, id(self.pending.as_ref()));
        fact("holds", Tone::Plain, ids(&self.releases));
        for (slot, release) in &self.slots {
            fact("slot", Tone::Plain, format!("{slot}: {release}"));
        }
        if let Some(lock) = &self.status.lock {
            let state = if lock.over { "left by" } else { "held by" };
            fact("lock", Tone::Warn, format!("{state} {} for {}", lock.holder.owner, lock.holder.rollout));
        }
        if let Some(proof) = &self.status.proof {
            let how = match proof.rests_on {
                RestsOn::Hashes => "every file was hashed just now",
                RestsOn::Metadata => "nothing was touched since every file was hashed",
            };
            fact("proven", Tone::Dim, format!("{how}, {}", day_and_time(proof.hashed_at, zone)));
        }
        if let Some(bytes) = self.room_bytes {
            let tone = if bytes / 1024 < LITTLE_ROOM { Tone::Bad } else { Tone::Plain };
            let inodes = self.inodes.map(|inodes| format!(", {inodes} entries")).unwrap_or_default();
            fact("room", tone, format!("{} free{inodes}", crate::model::Bytes(bytes)));
        }
        if let Some(ahead) = self.clock_ahead_s {
            let (tone, text) = match ahead {
                _ if ahead.abs() <= APART => (Tone::Plain, "as here".to_owned()),
                1.. => (Tone::Warn, format!("{ahead} s ahead of this machine")),
                _ => (Tone::Warn, format!("{} s behind this machine", ahead.unsigned_abs())),
            };
            fact("clock", tone, text);
        }
        for (name, value) in &self.facts {
            fact(&clean_line(name), Tone::Plain, value.clone());
        }
        for (names, title, sign) in
            [(&self.differs, "differs from its manifest", "M"), (&self.surplus, "should not be there", "+")]
        {
            if !names.is_empty() {
                told.push(Told::Title(title.to_owned()));
                told.extend(names.iter().map(|name| Told::Text(Tone::Bad, format!("{sign} {}", clean_line(name)))));
            }
        }
        told
    }

    /// Writes the page for people.
    #[must_use]
    pub fn text(&self, look: Look, zone: &TimeZone) -> Vec<String> {
        let status = &self.status;
        let glyph = Glyph::of_state(status.state);
        let mut told = vec![Told::Fact(
            "state".to_owned(),
            glyph.tone(),
            format!("{} {}", glyph.text(look.unicode), status.state),
        )];
        let should = format!("{}, should run {}", status.runs(), self.release.version);
        told.push(Told::Fact("runs".to_owned(), Tone::Plain, should));
        if let Some(site) = &status.site {
            told.push(Told::Fact("site".to_owned(), Tone::Plain, site.to_string()));
        }
        told.push(Told::Fact("groups".to_owned(), Tone::Plain, status.groups.join(", ")));
        for (name, text) in [("why", &status.error), ("what to try", &status.hint)] {
            told.extend(text.iter().map(|text| Told::Fact(name.to_owned(), glyph.tone(), text.clone())));
        }
        told.extend(self.told(zone));
        told.extend(past_told(&self.past, zone, look));
        told.extend(log_told(&self.log));
        let mut lines = vec![look.paint(Tone::Strong, status.host.as_str())];
        for one in told {
            match one {
                Told::Title(title) => lines.extend([String::new(), look.paint(Tone::Strong, &title)]),
                Told::Fact(_, _, text) if text.is_empty() => {}
                Told::Fact(name, tone, text) => {
                    lines.push(format!("  {}  {}", pad(&name, 12), look.paint(tone, &clean_line(&text))));
                }
                Told::Text(tone, text) => {
                    lines.extend(text.lines().map(|line| format!("  {}", look.paint(tone, &clean(line)))));
                }
            }
        }
        lines
    }
}

/// Says what rollouts did to a host, with all that it printed where one failed there.
#[must_use]
pub fn past_told(past: &[HostPast], zone: &TimeZone, look: Look) -> Vec<Told> {
    let mut told = vec![Told::Title(count(past.len(), "rollout"))];
    for one in past {
        let (sign, outcome) = one.outcome.map_or((Glyph::Wait, "not over".to_owned()), |outcome| ended(outcome, 0));
        let took = one.took_s.and_then(|took| std::time::Duration::try_from_secs_f64(took).ok());
        let took = took.map(|took| format!(" in {}", span(took))).unwrap_or_default();
        let stage = one.stage.as_ref().map(|stage| format!(", stage {stage}")).unwrap_or_default();
        let tone = match one.end {
            HostEnd::Healthy | HostEnd::Primed | HostEnd::Current => Tone::Plain,
            HostEnd::Skipped | HostEnd::Untried => Tone::Dim,
            HostEnd::RolledBack | HostEnd::Unknown => Tone::Warn,
            HostEnd::Failed | HostEnd::Unreachable => Tone::Bad,
        };
        let at = day_and_time(one.started, zone);
        let again = if one.retries > 0 { format!(", tried again {}x", one.retries) } else { String::new() };
        let bytes = if one.bytes.0 > 0 { format!(", {}", one.bytes) } else { String::new() };
        told.push(Told::Text(
            tone,
            format!(
                "{at}  {} {}: {}{stage}{bytes}{again}",
                one.kind.word(),
                one.version,
                one.end.word().replace('_', " ")
            ),
        ));
        let glyph = sign.text(look.unicode);
        told.push(Told::Text(Tone::Dim, format!("  {} by {}: {glyph} {outcome}{took}", one.rollout, one.operator)));
        told.extend(one.left_out.iter().map(|why| Told::Text(Tone::Dim, format!("  {}", clean_line(why)))));
        if let Some(failure) = &one.failure {
            told.push(Told::Text(Tone::Bad, format!("  {}: {}", failure.class, clean_line(&failure.message))));
            told.extend(failure.hint.iter().map(|hint| Told::Text(Tone::Plain, format!("  {}", clean_line(hint)))));
            told.extend(failure.output.lines().map(|line| Told::Text(Tone::Dim, format!("  | {}", clean_line(line)))));
        }
    }
    told
}

/// Gives the last lines of a host's own log.
#[must_use]
pub fn log_told(log: &[String]) -> Vec<Told> {
    if log.is_empty() {
        return Vec::new();
    }
    let lines = log.iter().map(|line| Told::Text(Tone::Dim, clean_line(line).into_owned()));
    std::iter::once(Told::Title("its own log".to_owned())).chain(lines).collect()
}
