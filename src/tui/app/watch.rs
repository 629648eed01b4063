use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::arrivals::Arrivals;
use super::estimate::Pace;
use super::fleet::{contains, natural, sites};
use crate::model::{HostId, HostIdx, Installed, Phase, RolloutId, StageIdx};
use crate::rollout::{Event, HostStatus, Mode, Record, State};
use crate::tui::messages::{Groups, Source};
use crate::tui::rows::{Field, GroupBy, Rows, Sort, Standing, Table, Values, widest};
use crate::words::{Change, FailureGroup, Glyph, Status, Tone, Transfer, Transfers, failure_groups};

/// Says whether the conductor can be heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// It can.
    Up,
    /// It cannot; the rollout may well go on.
    Lost {
        /// Why, as far as known.
        why: String,
        /// Whether it is known to be gone.
        gone: bool,
    },
}

/// Holds what is known of the hosts of a rollout.
#[derive(Debug)]
pub struct WatchedTable {
    /// The rollout, as its records have made it.
    pub state: State,
    hosts: Vec<HostId>,
    stages: Groups,
    groups: Arc<Groups>,
    live: Transfers,
    now: Timestamp,
    /// Below this place, hosts that have not given their lock are being asked for it.
    asked_below: usize,
    widest: u16,
}

/// Holds a rollout that is watched, or was opened from the history.
#[derive(Debug)]
pub struct Watched {
    /// Its name.
    pub rollout: RolloutId,
    /// Where its records come from.
    pub source: Source,
    /// Whether its conductor can be heard.
    pub link: Link,
    /// Its hosts.
    pub table: WatchedTable,
    /// Which of them are shown.
    pub rows: Rows,
    /// How fast things went so far.
    pub pace: Pace,
    /// Hosts that keep everybody waiting, and until when at most; none once anything else happens.
    pub awaited: Option<(Vec<HostId>, Timestamp)>,
    /// When it was last known to go on; a conductor that died says no more.
    heard: Option<Timestamp>,
    groups: Vec<FailureGroup>,
    regroup: bool,
    counts: Vec<[usize; Phase::ALL.len()]>,
    recount: bool,
    stalled: Vec<(usize, Duration)>,
    arrivals: Arrivals,
}

impl WatchedTable {
    /// Gives a host of the rollout.
    #[must_use]
    pub fn host(&self, row: usize) -> Option<&HostStatus> {
        self.state.host(HostIdx(row))
    }

    /// Gives how far the transfer to a host is, while there is one.
    #[must_use]
    pub fn transfer(&self, row: usize) -> Option<&Transfer> {
        self.live.get(HostIdx(row))
    }

    /// Gives the transfers that have not stalled.
    pub fn moving(&self) -> impl Iterator<Item = &Transfer> {
        self.live.iter().map(|(_, transfer)| transfer).filter(|transfer| transfer.stalled(self.now).is_none())
    }

    /// Gives every transfer that is under way with its row, in the plan's order.
    pub fn under_way(&self) -> impl Iterator<Item = (usize, &Transfer)> {
        self.live.iter().map(|(index, transfer)| (index.0, transfer))
    }

    /// Gives every transfer that is under way.
    pub fn transfers(&self) -> impl Iterator<Item = &Transfer> {
        self.live.iter().map(|(_, transfer)| transfer)
    }

    /// Says how a host stands.
    #[must_use]
    pub fn status(&self, row: usize) -> Status {
        let Some(host) = self.state.host(HostIdx(row)) else {
            return Status::Pending;
        };
        Status::of(host, self.live.get(HostIdx(row)), row < self.asked_below, self.now)
    }

    fn stage_name(&self, row: usize) -> &str {
        self.state
            .host(HostIdx(row))
            .and_then(|host| self.state.stage(host.stage))
            .map_or("", |(stage, _)| stage.name.as_str())
    }

    fn site(&self, row: usize) -> &str {
        let planned = self.state.plan().and_then(|plan| plan.host(HostIdx(row)));
        planned.and_then(|host| host.site.as_ref()).map_or("", |site| &site.0)
    }

    fn runs(&self, row: usize) -> &str {
        let Some(host) = self.state.host(HostIdx(row)) else {
            return "";
        };
        if matches!(host.phase, Phase::Active | Phase::Checking | Phase::Healthy) {
            return self.state.plan().map_or("", |plan| plan.version.as_str());
        }
        host.from.as_ref().and_then(Installed::release).map_or("", |release| release.version().as_str())
    }
}

impl Table for WatchedTable {
    fn hosts(&self) -> &[HostId] {
        &self.hosts
    }

    fn widest(&self) -> u16 {
        self.widest
    }

    fn has(&self, row: usize, field: Field, value: &str) -> bool {
        match field {
            Field::State => {
                let word = self.status(row).word();
                word.starts_with(value) || word.starts_with(&value.replace(['_', '-'], " "))
            }
            Field::Site => self.site(row).eq_ignore_ascii_case(value),
            Field::Version => !value.is_empty() && self.runs(row).to_lowercase().starts_with(value),
            Field::Stage => self.stage_name(row).eq_ignore_ascii_case(value),
            Field::Group => false,
        }
    }

    fn values(&self, field: Field) -> Values {
        match field {
            Field::State => Values::These(Status::WORDS.map(str::to_owned).to_vec()),
            Field::Site => {
                let hosts = self.state.plan().map(|plan| plan.hosts.as_slice()).unwrap_or_default();
                Values::These(sites(hosts.iter().filter_map(|host| host.site.as_ref())))
            }
            Field::Stage => {
                let stages = self.state.plan().map(|plan| plan.stages.as_slice()).unwrap_or_default();
                Values::These(stages.iter().map(|stage| stage.name.to_string()).collect())
            }
            Field::Version | Field::Group => Values::Any,
        }
    }

    fn mentions(&self, row: usize, text: &str) -> bool {
        let failure = self.state.host(HostIdx(row)).and_then(|host| host.failure.as_ref());
        self.hosts.get(row).is_some_and(|host| contains(host.as_str(), text))
            || self.status(row).word().contains(text)
            || contains(self.stage_name(row), text)
            || contains(self.site(row), text)
            || failure.is_some_and(|failure| contains(&failure.message, text) || failure.class.word().contains(text))
    }

    fn compare(&self, sort: Sort, one: usize, other: usize) -> Ordering {
        match sort {
            Sort::State => self.status(one).urgency().cmp(&self.status(other).urgency()),
            Sort::Name => self.hosts.get(one).cmp(&self.hosts.get(other)),
            Sort::Version => natural(self.runs(one), self.runs(other)),
            Sort::Site => self.site(one).cmp(self.site(other)),
            Sort::Progress => {
                let part = |row: usize| self.live.get(HostIdx(row)).and_then(Transfer::part).unwrap_or(2.0);
                part(one).total_cmp(&part(other))
            }
            Sort::Given => one.cmp(&other),
        }
    }

    fn kinds(&self) -> &'static [GroupBy] {
        &[GroupBy::Site, GroupBy::Stage, GroupBy::Version, GroupBy::State]
    }

    fn key(&self, row: usize, by: GroupBy) -> Cow<'_, str> {
        match by {
            GroupBy::Site => self.site(row).into(),
            GroupBy::Stage => self.stage_name(row).into(),
            GroupBy::Version => self.runs(row).into(),
            GroupBy::State => self.status(row).word().into(),
            GroupBy::Nothing => "".into(),
        }
    }

    fn standing(&self, row: usize) -> (Standing, Glyph, Tone) {
        let status = self.status(row);
        (Standing { urgency: status.urgency(), word: status.word() }, status.glyph(), status.tone())
    }

    fn order(&self, one: &str, other: &str) -> Ordering {
        natural(other, one)
    }

    fn group(&self, name: &str) -> Option<&[HostId]> {
        // A stage can be asked for as a group too, where no group has its name.
        self.groups.get(name).or_else(|| self.stages.get(name)).map(Vec::as_slice)
    }

    fn groups(&self) -> Vec<Arc<str>> {
        let stages = self.stages.keys().filter(|stage| !self.groups.contains_key(*stage));
        self.groups.keys().chain(stages).cloned().collect()
    }
}

impl Watched {
    /// The orders that `s` goes through.
    pub const SORTS: [Sort; 4] = [Sort::Given, Sort::State, Sort::Progress, Sort::Name];

    /// Makes a rollout of which nothing is known yet.
    #[must_use]
    pub fn new(rollout: RolloutId, source: Source, now: Timestamp) -> Self {
        Self {
            rollout,
            source,
            link: Link::Up,
            table: WatchedTable {
                state: State::new(),
                hosts: Vec::new(),
                stages: Groups::default(),
                groups: Arc::default(),
                live: Transfers::default(),
                now,
                asked_below: 0,
                widest: 0,
            },
            rows: Rows::default(),
            pace: Pace::default(),
            heard: None,
            groups: Vec::new(),
            regroup: false,
            awaited: None,
            counts: Vec::new(),
            recount: true,
            stalled: Vec::new(),
            arrivals: Arrivals::default(),
        }
    }

    /// Takes the groups that hosts can be chosen by.
    pub fn group_by(&mut self, groups: &Arc<Groups>) {
        self.table.groups = Arc::clone(groups);
        self.rows.replaced();
    }

    /// Takes what happened.
    pub fn take(&mut self, record: &Record) {
        self.recount |= record.event.is_journaled();
        match &record.event {
            Event::HostsAwaited { hosts, at_most_s, .. } => {
                let until = record.at.checked_add(jiff::SignedDuration::from_secs((*at_most_s).cast_signed()));
                self.awaited = until.ok().map(|until| (hosts.clone(), until));
            }
            event if event.is_journaled() => self.awaited = None,
            _ => {}
        }
        let table = &mut self.table;
        self.pace.take(&table.state, record);
        table.state.apply(record);
        if let Event::RolloutPlanned { plan, .. } = &record.event {
            table.hosts = plan.hosts.iter().map(|host| host.host.clone()).collect();
            table.widest = widest(&table.hosts);
            table.stages.clear();
            for (row, host) in table.hosts.iter().enumerate() {
                let stage = table.state.host(HostIdx(row)).and_then(|host| table.state.stage(host.stage));
                if let Some((stage, _)) = stage {
                    table.stages.entry(stage.name.as_str().into()).or_default().push(host.clone());
                }
            }
            self.rows.reset();
        }
        match table.live.apply(record, &table.state) {
            Some(Change::Moved) => self.rows.moved(),
            Some(Change::Begun) => self.rows.touched(),
            Some(Change::Over) => {
                self.regroup = true;
                self.rows.touched();
            }
            None => {}
        }
        self.regroup |= matches!(record.event, Event::RolloutPlanned { .. });
    }

    /// Says how late it is.
    pub fn tick(&mut self, now: Timestamp) {
        if now > self.table.now {
            self.arrivals.sample(&self.table);
        }
        self.table.now = now;
        if self.is_running() {
            self.heard = Some(now);
        }
    }

    /// Takes from what was known of the same rollout before what its records do not tell.
    pub fn goes_on_from(&mut self, before: Self) {
        self.heard = before.heard;
        self.rows = before.rows;
        self.rows.reset();
    }

    /// Gives the time at which it is: now while it goes on, its end, or when it was last known to go on.
    #[must_use]
    pub fn stands_at(&self) -> Option<Timestamp> {
        let latest = self.state().latest();
        match self.state().mode() {
            _ if self.is_running() => Some(self.table.now),
            Mode::Finished => latest,
            _ => latest.max(self.heard),
        }
    }

    /// Brings up to date what is derived from the records and the time.
    pub fn derive(&mut self) {
        let table = &mut self.table;
        let now = table.now;
        let mut stalled: Vec<(usize, Duration)> = if self.link == Link::Up && self.source != Source::Journal {
            table.live.iter().filter_map(|(row, transfer)| Some((row.0, transfer.stalled(now)?))).collect()
        } else {
            Vec::new()
        };
        stalled.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
        if stalled.len() != self.stalled.len() {
            self.rows.touched();
        }
        self.stalled = stalled;
        self.arrivals.derive(table, &self.stalled);
        let asking = matches!(table.state.mode(), Mode::Locking);
        let width = table.state.plan().map_or(0, |plan| plan.policy.control_width);
        let asked_below =
            if asking { table.state.unlocked().take(width).last().map_or(0, |last| last.0 + 1) } else { 0 };
        if asked_below != table.asked_below {
            table.asked_below = asked_below;
            self.rows.touched();
        }
        if std::mem::take(&mut self.regroup) {
            self.groups = failure_groups(&table.state);
        }
        if std::mem::take(&mut self.recount) {
            self.counts = count(&table.state);
        }
    }

    /// Gives the rollout as its records have made it.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.table.state
    }

    /// Counts the hosts of a stage in a phase, as of when everything was last brought up to date.
    #[must_use]
    pub fn count_in(&self, stage: StageIdx, phase: Phase) -> usize {
        self.counts.get(stage.0).and_then(|counts| counts.get(phase as usize)).copied().unwrap_or(0)
    }

    /// Gives the hosts that failed, those with the same message together.
    #[must_use]
    pub fn groups(&self) -> &[FailureGroup] {
        &self.groups
    }

    /// Says how far the transfer of the release is, as a whole.
    #[must_use]
    pub const fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    /// Gives the rows whose transfers have stalled, and for how long, longest first.
    #[must_use]
    pub fn stalled(&self) -> &[(usize, Duration)] {
        &self.stalled
    }

    /// Tells whether it goes on, as far as known.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let gone = matches!(self.link, Link::Lost { gone: true, .. });
        self.source != Source::Journal && !gone && self.state().mode() != Mode::Finished
    }

    /// Tells whether it waits for a conductor to go on with it.
    #[must_use]
    pub fn can_resume(&self) -> bool {
        let unwatched = self.source == Source::Journal || matches!(self.link, Link::Lost { gone: true, .. });
        let state = self.state();
        unwatched && state.plan().is_some() && state.mode() != Mode::Finished
    }

    /// Gives the stage that the rollout is at.
    #[must_use]
    pub fn stage(&self) -> Option<StageIdx> {
        self.state().stage_at()
    }
}

/// Counts the hosts of each stage by phase, in one pass: at every frame each is asked for.
fn count(state: &State) -> Vec<[usize; Phase::ALL.len()]> {
    let mut counts = vec![[0; Phase::ALL.len()]; state.stages().len()];
    for host in state.hosts() {
        if let Some(count) = counts.get_mut(host.stage.0).and_then(|counts| counts.get_mut(host.phase as usize)) {
            *count += 1;
        }
    }
    counts
}
