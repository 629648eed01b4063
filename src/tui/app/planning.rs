use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::fleet::{contains, natural, sites};
use crate::expr::fold;
use crate::model::{HostId, Installed, Slot, Version};
use crate::plan::{LeftOutReason, OnFailure, Plan};
use crate::tui::messages::{Groups, Limit, PlanGoal, PlanWanted, Ticket, VersionRow};
use crate::tui::rows::{Cursor, Field, GroupBy, Rows, Sort, Standing, Table, Values, widest};
use crate::words::{Glyph, Tone};

/// Holds what was asked for and is either on its way, there, or refused.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// It was not asked for.
    #[default]
    None,
    /// It was asked for.
    Asked,
    /// It is there.
    Here(T),
    /// It could not be had.
    Failed(String),
}

impl<T> Answer<T> {
    /// Gives it if it is there.
    pub const fn here(&self) -> Option<&T> {
        match self {
            Self::Here(it) => Some(it),
            Self::None | Self::Asked | Self::Failed(_) => None,
        }
    }
}

impl<T> From<Result<T, String>> for Answer<T> {
    fn from(result: Result<T, String>) -> Self {
        match result {
            Ok(it) => Self::Here(it),
            Err(why) => Self::Failed(why),
        }
    }
}

/// Says which side of the plan screen takes the keys.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The versions.
    #[default]
    Versions,
    /// The plan of one of them.
    Plan,
}

/// Holds install-world's flags as they were set on the plan screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags {
    /// `--skip-unreachable`.
    pub skip_unreachable: bool,
    /// `--on-failure`.
    pub on_failure: OnFailure,
    /// `--no-soak`.
    pub no_soak: bool,
    /// `--prime`.
    pub prime: bool,
}

impl Default for Flags {
    fn default() -> Self {
        // On a terminal somebody is there to decide.
        Self { skip_unreachable: false, on_failure: OnFailure::Pause, no_soak: false, prime: false }
    }
}

/// Holds hosts that take no part for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOutGroup {
    /// Why.
    pub reason: LeftOutReason,
    /// How many.
    pub count: usize,
    /// Their names, folded.
    pub hosts: String,
    /// What was wrong with the first of them.
    pub message: String,
}

/// Holds a plan with what is shown of it.
#[derive(Debug)]
pub struct PlanTable {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The hosts that take no part.
    pub left_out: Vec<LeftOutGroup>,
    hosts: Vec<HostId>,
    /// The stage and the wave, from 1, of each host.
    places: Vec<(usize, usize)>,
    groups: Arc<Groups>,
    widest: u16,
}

impl PlanTable {
    fn new(plan: Arc<Plan>, groups: Arc<Groups>) -> Self {
        let mut places = Vec::with_capacity(plan.hosts.len());
        for (stage, (_, waves)) in plan.waves().enumerate() {
            for (wave, hosts) in waves.iter().enumerate() {
                places.extend(std::iter::repeat_n((stage, wave + 1), hosts.len()));
            }
        }
        let mut reasons: BTreeMap<LeftOutReason, Vec<&crate::plan::LeftOut>> = BTreeMap::new();
        for out in &plan.left_out {
            reasons.entry(out.reason).or_default().push(out);
        }
        let left_out = reasons
            .into_iter()
            .map(|(reason, outs)| LeftOutGroup {
                reason,
                count: outs.len(),
                hosts: fold(&outs.iter().map(|out| out.host.clone()).collect::<Vec<_>>()),
                message: outs.first().map(|out| out.message.clone()).unwrap_or_default(),
            })
            .collect();
        let hosts: Vec<HostId> = plan.hosts.iter().map(|host| host.host.clone()).collect();
        Self { widest: widest(&hosts), hosts, places, groups, left_out, plan }
    }

    /// Gives the name of a host's stage, and its wave, from 1.
    #[must_use]
    pub fn place(&self, row: usize) -> Option<(&str, usize)> {
        let &(stage, wave) = self.places.get(row)?;
        Some((self.plan.stages.get(stage)?.name.as_str(), wave))
    }

    /// Says what a host runs now.
    #[must_use]
    pub fn from(&self, row: usize) -> &str {
        match self.plan.hosts.get(row).map(|host| &host.from) {
            Some(Some(Installed::Release { id, .. })) => id.version().as_str(),
            Some(Some(Installed::Unmanaged { version })) => version.as_deref().unwrap_or("unmanaged"),
            Some(Some(Installed::Missing)) => "none",
            Some(None) | None => "unknown",
        }
    }
}

impl Table for PlanTable {
    fn hosts(&self) -> &[HostId] {
        &self.hosts
    }

    fn widest(&self) -> u16 {
        self.widest
    }

    fn has(&self, row: usize, field: Field, value: &str) -> bool {
        let site = self.plan.hosts.get(row).and_then(|host| host.site.as_ref()).map_or("", |site| &site.0);
        match field {
            Field::State | Field::Group => false,
            Field::Site => site.eq_ignore_ascii_case(value),
            Field::Version => !value.is_empty() && self.from(row).to_lowercase().starts_with(value),
            Field::Stage => self.place(row).is_some_and(|(stage, _)| stage.eq_ignore_ascii_case(value)),
        }
    }

    fn values(&self, field: Field) -> Values {
        match field {
            Field::State => Values::Nowhere("hosts of a plan have no state: the fleet and the rollout tell it"),
            Field::Site => Values::These(sites(self.plan.hosts.iter().filter_map(|host| host.site.as_ref()))),
            Field::Stage => Values::These(self.plan.stages.iter().map(|stage| stage.name.to_string()).collect()),
            Field::Version | Field::Group => Values::Any,
        }
    }

    fn mentions(&self, row: usize, text: &str) -> bool {
        self.hosts.get(row).is_some_and(|host| contains(host.as_str(), text))
            || contains(self.from(row), text)
            || self.place(row).is_some_and(|(stage, _)| contains(stage, text))
    }

    fn compare(&self, sort: Sort, one: usize, other: usize) -> Ordering {
        match sort {
            Sort::Name => self.hosts.get(one).cmp(&self.hosts.get(other)),
            Sort::Version => natural(self.from(one), self.from(other)),
            _ => one.cmp(&other),
        }
    }

    fn kinds(&self) -> &'static [GroupBy] {
        &[GroupBy::Site, GroupBy::Stage, GroupBy::Version]
    }

    fn key(&self, row: usize, by: GroupBy) -> Cow<'_, str> {
        match by {
            GroupBy::Site => {
                self.plan.hosts.get(row).and_then(|host| host.site.as_ref()).map_or("", |site| &site.0).into()
            }
            GroupBy::Stage => self.place(row).map_or("", |(stage, _)| stage).into(),
            GroupBy::Version => self.from(row).into(),
            GroupBy::State | GroupBy::Nothing => "".into(),
        }
    }

    fn standing(&self, row: usize) -> (Standing, Glyph, Tone) {
        let is_new = matches!(self.plan.hosts.get(row).map(|host| &host.from), Some(Some(Installed::Missing)));
        let word = if is_new { "first time" } else { "replaced" };
        (Standing { urgency: u8::from(!is_new), word }, Glyph::Pending, Tone::Plain)
    }

    fn order(&self, one: &str, other: &str) -> Ordering {
        natural(other, one)
    }

    fn group(&self, name: &str) -> Option<&[HostId]> {
        self.groups.get(name).map(Vec::as_slice)
    }

    fn groups(&self) -> Vec<Arc<str>> {
        self.groups.keys().cloned().collect()
    }
}

/// Holds the plan screen.
#[derive(Debug, Default)]
pub struct Planning {
    /// What can be installed.
    pub versions: Answer<Vec<VersionRow>>,
    /// Which of it is selected.
    pub picker: Cursor,
    /// Which side takes the keys.
    pub side: Side,
    /// The hosts that it is limited to; all of them otherwise.
    pub limit: Option<Limit>,
    /// What was set.
    pub flags: Flags,
    /// Why, in the person's words.
    pub reason: String,
    /// The plan.
    pub plan: Answer<PlanTable>,
    /// Its hosts.
    pub rows: Rows,
    /// What the plan was asked for.
    pub wanted: Option<PlanWanted>,
    /// The question that the plan answers.
    pub ticket: Option<Ticket>,
    /// What is being done for it, until it is there.
    pub step: Option<String>,
    /// What the plan changes, a line for each thing that hosts run.
    pub changes: Vec<String>,
    groups: Arc<Groups>,
    /// Which version was selected, or planned, when the versions were last forgotten.
    kept: Option<Version>,
}

impl Planning {
    /// The orders that `s` goes through.
    pub const SORTS: [Sort; 3] = [Sort::Given, Sort::Name, Sort::Version];

    /// Gives the selected version.
    #[must_use]
    pub fn selected(&self) -> Option<&VersionRow> {
        self.versions.here()?.get(self.picker.place())
    }

    /// Takes the versions; the selection stays on its version and not on its line.
    pub fn take_versions(&mut self, versions: Result<Vec<VersionRow>, String>) {
        let kept = self.selected().map(|row| row.version.clone()).or_else(|| self.kept.take());
        self.versions = versions.into();
        let place = |kept: &Version| self.versions.here()?.iter().position(|row| row.version == *kept);
        match kept.as_ref().and_then(place) {
            Some(place) => {
                self.picker.fit(self.versions.here().map_or(0, Vec::len), 1);
                self.picker.go(place);
            }
            None => self.kept = kept,
        }
    }

    /// Says what a plan for the selected version is wanted for.
    #[must_use]
    pub fn want(&self) -> Option<PlanWanted> {
        Some(self.wanted_of(self.selected()?.version.clone(), PlanGoal::Install, None))
    }

    /// Says what the plan is wanted for that was asked for before, as the flags are now; where the cursor stands means nothing.
    #[must_use]
    pub fn want_again(&self) -> Option<PlanWanted> {
        let before = self.wanted.as_ref()?;
        Some(self.wanted_of(before.version.clone(), before.goal.clone(), before.slot.clone()))
    }

    /// Says what a plan is wanted for, with the flags as they are now.
    #[must_use]
    pub fn wanted_of(&self, version: Version, goal: PlanGoal, slot: Option<Slot>) -> PlanWanted {
        let Flags { skip_unreachable, on_failure, no_soak, prime } = self.flags;
        PlanWanted { goal, version, slot, limit: self.limit.clone(), skip_unreachable, on_failure, no_soak, prime }
    }

    /// Gives the version that the plan is of, or would be of.
    #[must_use]
    pub fn version(&self) -> Option<&Version> {
        self.wanted.as_ref().map(|wanted| &wanted.version).or_else(|| Some(&self.selected()?.version))
    }

    /// Forgets what was said for a rollout that has begun: why and how are asked anew for the next one.
    pub fn begun(&mut self) {
        self.forget();
        self.flags = Flags::default();
        self.reason.clear();
    }

    /// Takes the groups that hosts can be chosen by.
    pub fn group_by(&mut self, groups: &Arc<Groups>) {
        self.groups = Arc::clone(groups);
        if let Answer::Here(table) = &mut self.plan {
            table.groups = Arc::clone(groups);
        }
        self.rows.replaced();
    }

    /// Takes the answer to a question, unless another was asked since.
    pub fn answered(&mut self, ticket: Ticket, plan: Result<Arc<Plan>, String>) {
        if self.ticket == Some(ticket) {
            self.step = None;
            self.changes.clear();
            self.plan = plan.map(|plan| PlanTable::new(plan, Arc::clone(&self.groups))).into();
            self.rows.reset();
        }
    }

    /// Takes what the plan changes, unless another was asked for since.
    pub fn take_changes(&mut self, ticket: Ticket, lines: Vec<String>) {
        if self.ticket == Some(ticket) {
            self.changes = lines;
        }
    }

    /// Forgets the versions and the plan, which were read before something changed; what was set and typed stays.
    pub fn forget(&mut self) {
        let planned = self.version().cloned();
        self.kept = planned.or_else(|| self.kept.take());
        self.versions = Answer::None;
        self.plan = Answer::None;
        self.wanted = None;
        self.ticket = None;
        self.step = None;
        self.side = Side::Versions;
    }

    /// Gives the plan as it would be started: with the reason.
    #[must_use]
    pub fn confirmed(&self) -> Option<Arc<Plan>> {
        let plan = &self.plan.here()?.plan;
        let reason = self.reason.trim();
        if reason.is_empty() && self.changes.is_empty() {
            return Some(Arc::clone(plan));
        }
        let reason = if reason.is_empty() { plan.reason.clone() } else { Some(reason.to_owned()) };
        Some(Arc::new(Plan { reason, changes: self.changes.clone(), ..Plan::clone(plan) }))
    }

    /// Brings list and window up to date.
    pub fn fit(&mut self, picker_height: usize, height: usize) {
        let versions = self.versions.here().map_or(0, Vec::len);
        self.picker.fit(versions, picker_height);
        if let Answer::Here(table) = &self.plan {
            self.rows.fit(table, height);
        }
    }
}
