//! What the fleet runs, for people and as JSON.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde::Serialize;

use super::debt::debt_lines;
use crate::conductor::{Freeze, Holder};
use crate::deploy::{FoundMark, LiveRollout, OutOfService, Standing, WantedRelease, compare};
use crate::model::{
    ASTRAY, Digest, Environment, Failure, HostId, HostLock, HostState, Installed, Probe, Proof, ReleaseId, RestsOn,
    RolloutId, Site, Version,
};
use crate::release::Recorded;
use crate::rollout::Debt;
use crate::words::{Glyph, Look, Tone, count, folded, one_line, pad};

/// Holds what is known of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostStatusReport {
    /// Its name.
    pub host: HostId,
    /// Where it stands.
    pub site: Option<Site>,
    /// The groups that it is in.
    pub groups: Vec<String>,
    /// How it compares with the release.
    pub state: HostState,
    /// The version that it runs, as it says.
    pub version: Option<String>,
    /// The digest of what it runs.
    pub digest: Option<Digest>,
    /// How it is known that its files are those of what it runs; none where they were not looked at, or are not.
    pub proof: Option<Proof>,
    /// How long its answer took, in milliseconds.
    pub latency_ms: Option<u64>,
    /// What is wrong with it.
    pub error: Option<String>,
    /// What to try.
    pub hint: Option<String>,
    /// The release that was last finalized there.
    pub good: Option<ReleaseId>,
    /// Its lock, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<HostLock>,
}

impl HostStatusReport {
    /// Makes the report of a host from what it answered.
    pub fn new(
        host: HostId,
        site: Option<Site>,
        groups: Vec<String>,
        answer: &Result<Probe, Failure>,
        wanted: &WantedRelease,
        order: impl Fn(&Version, &Version) -> Ordering,
    ) -> Self {
        let (state, error) = compare(answer, wanted, order);
        let probe = answer.as_ref().ok();
        let (version, digest) = match probe.map(|probe| &probe.installed) {
            Some(Installed::Release { id, digest, .. }) => (Some(id.version().to_string()), *digest),
            Some(Installed::Unmanaged { version }) => (version.clone(), None),
            Some(Installed::Missing) => (probe.and_then(|probe| probe.packaged.as_ref()?.version.clone()), None),
            None => (None, None),
        };
        Self {
            host,
            site,
            groups,
            state,
            version,
            digest,
            proof: probe.and_then(|probe| probe.proof),
            latency_ms: probe.map(|probe| milliseconds(probe.latency)),
            error,
            hint: match answer {
                Ok(probe) => probe.astray.as_ref().map(|_| ASTRAY.to_owned()),
                Err(failure) => failure.hint.clone(),
            },
            good: probe.and_then(|probe| probe.good.clone()),
            lock: probe.and_then(|probe| probe.lock.clone()),
        }
    }
}

impl HostStatusReport {
    /// Says what it runs: a version, nothing where that was seen, and otherwise that nobody knows.
    #[must_use]
    pub fn runs(&self) -> &str {
        match (&self.version, self.state) {
            (Some(version), _) => version,
            (None, HostState::Missing) => "nothing",
            (None, _) => "unknown",
        }
    }

    /// Tells whether it runs the release, and has it finalized.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let good = self.good.as_ref().map(|good| good.version().as_str());
        self.state == HostState::Current && self.error.is_none() && good.is_some() && good == self.version.as_deref()
    }
}

/// Gives who took hosts out of service, each with the hosts.
fn taken_out_alike(out: &[OutOfService]) -> BTreeMap<String, Vec<HostId>> {
    let mut alike: BTreeMap<String, Vec<HostId>> = BTreeMap::new();
    for out in out {
        alike.entry(out.describe()).or_default().push(out.host.clone());
    }
    alike
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What hosts have in common that stand together: state, version and error.
type Alike<'a> = (HostState, Option<&'a str>, Option<&'a str>);

/// Holds what `status --output json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusReport {
    /// The version of the format.
    pub schema: u32,
    /// Whose fleet it is.
    pub environment: Environment,
    /// What it should run.
    pub release: WantedRelease,
    /// Its hosts, in the inventory's order.
    pub hosts: Vec<HostStatusReport>,
    /// How many hosts are in which state; every state is there.
    pub counts: BTreeMap<HostState, usize>,
    /// Who holds its lock on this machine.
    pub lock: Option<Holder>,
    /// Who froze it.
    pub freeze: Option<Freeze>,
    /// The rollout that runs, or waits to be resumed.
    pub rollout: Option<LiveRollout>,
    /// What was found out about the release.
    pub mark: Option<FoundMark>,
    /// The hosts that rollouts should have brought their release and did not, and none did since.
    pub debt: Vec<Debt>,
    /// The hosts that are out of service, as far as coalmine took them out.
    pub out_of_service: Vec<OutOfService>,
    /// What was written down last on the branch that deploy servers share; null where there is no such branch.
    pub recorded: Option<Recorded>,
    /// What beside the hosts is not known, since a file of the state folder cannot be read: a sentence for each.
    pub unknown: Vec<String>,
}

impl StatusReport {
    /// Makes the report of a fleet.
    #[must_use]
    pub fn new(environment: Environment, release: WantedRelease, hosts: Vec<HostStatusReport>) -> Self {
        let mut counts: BTreeMap<HostState, usize> = HostState::ALL.into_iter().map(|state| (state, 0)).collect();
        for host in &hosts {
            *counts.entry(host.state).or_default() += 1;
        }
        Self {
            schema: 1,
            environment,
            release,
            hosts,
            counts,
            lock: None,
            freeze: None,
            rollout: None,
            mark: None,
            debt: Vec::new(),
            out_of_service: Vec::new(),
            recorded: None,
            unknown: Vec::new(),
        }
    }

    /// Adds how the environment stands.
    #[must_use]
    pub fn standing(self, standing: Standing) -> Self {
        let Standing { lock, freeze, rollout, mark, mut debt, out_of_service, recorded, unknown } = standing;
        // Who was caught up meanwhile owes nothing any more.
        let settled: HashSet<&HostId> =
            self.hosts.iter().filter(|host| host.is_settled()).map(|host| &host.host).collect();
        debt.retain(|owed| !settled.contains(&owed.host));
        Self { lock, freeze, rollout, mark, debt, out_of_service, recorded, unknown, ..self }
    }

    /// Counts the hosts in a state.
    #[must_use]
    pub fn count(&self, state: HostState) -> usize {
        self.counts.get(&state).copied().unwrap_or(0)
    }

    /// Gives the exit code of `status`: 0 when every host is current, 4 when some were unreachable, else 9.
    ///
    /// An unreachable host counts before an outdated one: 9 says that every host was reached.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if self.count(HostState::Current) == self.hosts.len() {
            0
        } else if self.count(HostState::Unreachable) > 0 {
            4
        } else {
            9
        }
    }

    /// Writes the status for people; `each` is a line for every host, else hosts that are alike stand together.
    #[must_use]
    pub fn text(&self, look: Look, each: bool) -> Vec<String> {
        let WantedRelease { version, commit, digest } = &self.release;
        let digest =
            digest.map_or_else(|| "never built here".to_owned(), |digest| format!("digest {}", digest.short()));
        let commit = commit.as_ref().map(|commit| format!("commit {}, ", commit.short()));
        let title = format!("{}: {}, release {version}", self.environment, count(self.hosts.len(), "host"));
        let mut lines = vec![format!("{} ({}{digest})", look.paint(Tone::Strong, &title), commit.unwrap_or_default())];
        let counts: Vec<String> = HostState::ALL
            .into_iter()
            .filter(|&state| self.count(state) > 0)
            .map(|state| {
                let glyph = Glyph::of_state(state);
                format!("{} {}", look.glyph(glyph), look.paint(glyph.tone(), &format!("{} {state}", self.count(state))))
            })
            .collect();
        lines.push(format!("  {}", counts.join("   ")));
        lines.push(String::new());
        lines.extend(if each { self.table(look) } else { self.groups(look) });
        lines.extend(self.proofs());
        lines.extend(self.record(look));
        lines.extend(self.debts(look));
        lines.extend(self.services(look));
        lines.extend(self.locks(look));
        lines
    }

    /// Names the hosts that are out of service, those together that were taken out alike.
    fn services(&self, look: Look) -> Vec<String> {
        let mut lines = Vec::new();
        for (why, hosts) in taken_out_alike(&self.out_of_service) {
            let (number, names) = (count(hosts.len(), "host"), folded(&hosts, 400, look));
            let text = format!("out of service {}: {number}: {names}", one_line(&why, 200, look));
            lines.extend([String::new(), format!("{} {text}", look.glyph(Glyph::Attention))]);
            if let [host] = hosts.as_slice() {
                lines.push(format!(
                    "      try: coalmine -e {} repool {host}    when it may serve again",
                    self.environment
                ));
            }
        }
        lines
    }

    /// Names the hosts that are locked, but for those of the rollout that runs here: what a dead one left stands in the way of others.
    fn locks(&self, look: Look) -> Vec<String> {
        let mut held: BTreeMap<(&RolloutId, bool), (&HostLock, Vec<HostId>)> = BTreeMap::new();
        let runs = self.rollout.as_ref().filter(|rollout| rollout.running).map(|rollout| &rollout.rollout);
        for host in &self.hosts {
            if let Some(lock) = host.lock.as_ref().filter(|lock| Some(&lock.holder.rollout) != runs) {
                let found = held.entry((&lock.holder.rollout, lock.over)).or_insert_with(|| (lock, Vec::new()));
                found.1.push(host.host.clone());
            }
        }
        let mut lines = Vec::new();
        for ((rollout, over), (lock, hosts)) in held {
            lines.push(String::new());
            let owner = one_line(&lock.holder.owner.0, 120, look);
            let until = lock.holder.until.strftime("%Y-%m-%d %H:%M:%S UTC");
            let (number, names) = (count(hosts.len(), "host"), folded(&hosts, 400, look));
            let text = if over {
                format!(
                    "left locked by rollout {rollout} of {owner}: {number}: {names}; the next rollout takes that over"
                )
            } else {
                format!(
                    "locked for rollout {rollout} by {owner}, until {until} by the hosts' clocks: {number}: {names}"
                )
            };
            lines.push(format!("{} {text}", look.glyph(Glyph::Attention)));
            let waits = self.rollout.as_ref().is_some_and(|live| !live.running && live.rollout == *rollout);
            if waits {
                lines.push(format!("      try: coalmine resume {rollout}    goes on with it"));
            }
            if let Some(host) = hosts.first() {
                lines.push(format!(
                    "      try: coalmine -e {} unlock --host {host}    breaks that lock",
                    self.environment
                ));
            }
        }
        lines
    }

    /// Says what the answers about files rest on.
    fn proofs(&self) -> Vec<String> {
        let all: Vec<Proof> = self.hosts.iter().filter_map(|host| host.proof).collect();
        let untouched: Vec<_> =
            all.iter().filter(|proof| proof.rests_on == RestsOn::Metadata).map(|proof| proof.hashed_at).collect();
        let mut parts = Vec::new();
        if let Some(first) = untouched.iter().min() {
            let day = first.strftime("%Y-%m-%d");
            parts.push(format!("{} untouched since they were hashed ({day} or later)", count(untouched.len(), "host")));
        }
        if all.len() > untouched.len() {
            parts.push(format!("{} hashed now", count(all.len() - untouched.len(), "host")));
        }
        if parts.is_empty() { Vec::new() } else { vec![String::new(), format!("files: of {}", parts.join(", of "))] }
    }

    /// Says what the branch has that deploy servers share: who looks at it on another one has no other history.
    fn record(&self, look: Look) -> Vec<String> {
        let Some(recorded) = &self.recorded else { return Vec::new() };
        let Recorded { release, by, at, reason, .. } = recorded;
        let why = reason.as_ref().map(|reason| format!(": {}", one_line(reason, 100, look))).unwrap_or_default();
        let by = one_line(&by.0, 60, look);
        vec![String::new(), format!("on record: {release} since {} by {by}{why}", at.strftime("%Y-%m-%d %H:%M UTC"))]
    }

    /// Names the hosts in debt, those together that ended alike.
    fn debts(&self, look: Look) -> Vec<String> {
        let lines = debt_lines(&self.environment, None, &self.debt, look);
        if lines.is_empty() { lines } else { [vec![String::new()], lines].concat() }
    }

    fn groups(&self, look: Look) -> Vec<String> {
        let mut places: BTreeMap<Alike<'_>, Vec<&HostStatusReport>> = BTreeMap::new();
        for host in &self.hosts {
            // Two builds of one version are two things; their text says so.
            let key = (host.state, host.version.as_deref(), host.error.as_deref());
            places.entry(key).or_default().push(host);
        }
        let mut groups: Vec<_> = places.into_iter().collect();
        groups.sort_by_key(|((state, ..), hosts)| (*state, std::cmp::Reverse(hosts.len())));
        let versions =
            self.hosts.iter().filter_map(|host| host.version.as_deref()).map(str::len).max().unwrap_or(0).min(32);
        let mut lines = Vec::new();
        for ((state, version, error), hosts) in groups {
            let glyph = Glyph::of_state(state);
            let ids: Vec<HostId> = hosts.iter().map(|host| host.host.clone()).collect();
            lines.push(
                format!(
                    "{} {} {}  {} ({})",
                    look.glyph(glyph),
                    look.paint(glyph.tone(), &pad(state.word(), 11)),
                    pad(&one_line(version.unwrap_or("-"), 32, look), versions),
                    folded(&ids, 400, look),
                    ids.len()
                )
                .trim_end()
                .to_owned(),
            );
            if let Some(error) = error {
                lines.push(format!("      {}", one_line(error, 200, look)));
            }
            if let Some(hint) = hosts.iter().find_map(|host| host.hint.as_deref()) {
                lines.push(format!("      try: {}", one_line(hint, 200, look)));
            }
        }
        lines
    }

    fn table(&self, look: Look) -> Vec<String> {
        let rows = self.hosts.iter().map(|host| {
            vec![
                host.host.to_string(),
                host.site.as_ref().map(ToString::to_string).unwrap_or_default(),
                host.state.to_string(),
                one_line(host.version.as_deref().unwrap_or("-"), 32, look),
                host.digest.map_or_else(|| "-".to_owned(), |digest| digest.short()),
                host.latency_ms.map(|ms| format!("{ms} ms")).unwrap_or_default(),
                one_line(&host.groups.join(","), 40, look),
                host.error.as_deref().map(|error| one_line(error, 120, look)).unwrap_or_default(),
            ]
        });
        let heads = ["host", "site", "state", "version", "digest", "answer", "groups", "error"];
        super::table::table(&heads, rows.collect(), look, |row, column| {
            let state = self.hosts.get(row).map(|host| host.state).filter(|_| column == 2)?;
            Some(Glyph::of_state(state).tone())
        })
    }
}
