//! How long a version took from its tag to the fleet, and where the time went.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::plan::StageKind;
use crate::rollout::{Event, Mode, Outcome, Record, State};
use crate::words::{between, measured, span};

/// Says where the time of a rollout went, in seconds; together it is all of it but the build, which came before.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize)]
pub struct Spent {
    /// Until its release was there: fetch and build.
    pub building_s: f64,
    /// Until its hosts gave their locks.
    pub waiting_s: f64,
    /// While the release travelled.
    pub priming_s: f64,
    /// While hosts were switched and checked.
    pub switching_s: f64,
    /// While stages had to stay healthy.
    pub soaking_s: f64,
    /// While it was paused, or waited for a person to promote a stage.
    pub held_s: f64,
    /// While hosts went back.
    pub rolling_back_s: f64,
    /// While no conductor ran.
    pub unattended_s: f64,
}

/// Holds how long a version took to come somewhere since it was tagged, in seconds, and where the time went.
///
/// A fold over records, beside the state's. What it never came to is null, as all of it is for what has no tag.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
pub struct LeadTime {
    /// Until the rollout began.
    pub tag_to_start_s: Option<f64>,
    /// Until all of the first stage of targets was switched.
    pub tag_to_canary_s: Option<f64>,
    /// Until the rollout was completed.
    pub tag_to_fleet_s: Option<f64>,
    /// Where the time of the rollout went.
    pub spent: Spent,
    #[serde(skip)]
    tagged: Option<Timestamp>,
    #[serde(skip)]
    last: Option<(Timestamp, Doing)>,
}

/// Says what a rollout does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Waiting,
    Priming,
    Switching,
    Soaking,
    Held,
    RollingBack,
    Nothing,
}

impl Doing {
    fn of(state: &State) -> Self {
        match state.mode() {
            Mode::Finished => Self::Nothing,
            Mode::RollingBack => Self::RollingBack,
            _ if state.suspended().is_some() => Self::Nothing,
            _ if state.paused().is_some() => Self::Held,
            Mode::Planned | Mode::Locking => Self::Waiting,
            Mode::Priming { .. } => Self::Priming,
            Mode::Switching { .. } | Mode::Finalizing => Self::Switching,
            Mode::Soaking { .. } => Self::Soaking,
            Mode::Promoting { .. } => Self::Held,
        }
    }
}

impl LeadTime {
    /// Folds records to it, and to the state.
    #[must_use]
    pub fn fold(records: &[Record]) -> (State, Self) {
        let (mut state, mut lead) = (State::new(), Self::default());
        for record in records {
            state.apply(record);
            lead.apply(record, &state);
        }
        (state, lead)
    }

    /// Takes a record that the state has taken already.
    pub fn apply(&mut self, record: &Record, state: &State) {
        if !record.event.is_journaled() {
            return;
        }
        if let Some((since, doing)) = self.last {
            let passed = between(since, record.at).as_secs_f64();
            *match (&record.event, doing) {
                // Nobody was there to do what it was doing.
                (Event::Resumed { .. }, _) | (_, Doing::Nothing) => &mut self.spent.unattended_s,
                (_, Doing::Waiting) => &mut self.spent.waiting_s,
                (_, Doing::Priming) => &mut self.spent.priming_s,
                (_, Doing::Switching) => &mut self.spent.switching_s,
                (_, Doing::Soaking) => &mut self.spent.soaking_s,
                (_, Doing::Held) => &mut self.spent.held_s,
                (_, Doing::RollingBack) => &mut self.spent.rolling_back_s,
            } += passed;
        }
        self.last = Some((record.at, Doing::of(state)));
        match &record.event {
            Event::ReleaseBuilt { tagged, took, .. } => {
                self.tagged = *tagged;
                self.spent.building_s = took.unwrap_or_default();
                self.tag_to_start_s = self.since_tag(state.started().unwrap_or(record.at));
            }
            Event::SoakStarted { stage, .. } | Event::Promoted { stage, .. } if self.tag_to_canary_s.is_none() => {
                let targets = state.plan().into_iter().flat_map(|plan| &plan.stages);
                let first = targets
                    .filter(|stage| stage.kind == StageKind::Targets && stage.hosts() > 0)
                    .map(|stage| &stage.name);
                if first.take(1).any(|first| first == stage) {
                    self.tag_to_canary_s = self.since_tag(record.at);
                }
            }
            Event::RolloutFinished { outcome: Outcome::Completed, .. } => {
                self.tag_to_fleet_s = self.since_tag(record.at);
            }
            _ => {}
        }
    }

    fn since_tag(&self, at: Timestamp) -> Option<f64> {
        Some(measured(self.tagged?, at)?.as_secs_f64())
    }

    /// Says how long it took since the tag, for people; none where there was no tag.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let steps = [
            ("to its rollout", self.tag_to_start_s),
            ("to the first stage", self.tag_to_canary_s),
            ("to the fleet", self.tag_to_fleet_s),
        ];
        let steps: Vec<String> =
            steps.into_iter().filter_map(|(what, took)| Some(format!("{} {what}", span(seconds(took?))))).collect();
        (!steps.is_empty()).then(|| format!("from the tag {}", steps.join(", ")))
    }
}

impl Spent {
    /// Says where the time went, for people, what took longest first.
    #[must_use]
    pub fn text(&self) -> String {
        let mut parts = [
            ("building", self.building_s),
            ("waiting for locks", self.waiting_s),
            ("priming", self.priming_s),
            ("switching", self.switching_s),
            ("soaking", self.soaking_s),
            ("waiting for a person", self.held_s),
            ("rolling back", self.rolling_back_s),
            ("without a conductor", self.unattended_s),
        ];
        parts.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let parts = parts.into_iter().filter(|(_, took)| *took >= 1.0);
        parts.map(|(what, took)| format!("{} {what}", span(seconds(took)))).collect::<Vec<_>>().join(", ")
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::LeadTime;
    use crate::model::{Operator, StageName};
    use crate::report::tests::story::{Story, plan};
    use crate::rollout::{Event, Outcome, PauseReason};

    fn by() -> Operator {
        Operator("eve@deploy01".into())
    }

    /// A rollout of what was tagged an hour before, that was paused for a minute and left without a conductor for two.
    fn story() -> (LeadTime, f64) {
        let mut story = Story::new(plan(9));
        let built = Event::ReleaseBuilt {
            release: story.plan.release.clone(),
            entries: 1,
            bytes: crate::model::Bytes(1),
            reused: false,
            tagged: Some(story.now() - SignedDuration::from_hours(1)),
            took: Some(42.0),
        };
        let began = story.now();
        story.happens(built);
        story.wait(3000);
        story.lock();
        story.prime(100);
        for stage in ["masters", "canary"] {
            story.start(stage);
            let hosts = story.hosts(stage);
            story.switch(&hosts);
            if stage == "canary" {
                let until = story.now() + SignedDuration::from_secs(600);
                story.happens(Event::SoakStarted { stage: StageName::new(stage).unwrap(), until });
                story.wait(600_000);
                story.happens(Event::PromotionNeeded { stage: StageName::new(stage).unwrap() });
                story.wait(30_000);
            }
            story.promote(stage);
        }
        story.start("fleet");
        story.happens(Event::Paused { why: PauseReason::Operator { by: by() } });
        story.wait(60_000);
        story.happens(Event::Continued { by: by() });
        story.happens(Event::Suspended { by: by() });
        story.wait(120_000);
        story.happens(Event::Resumed { by: by() });
        let hosts = story.hosts("fleet");
        story.switch(&hosts);
        story.promote("fleet");
        story.finish(Outcome::Completed);
        let took: Timestamp = story.now();
        (LeadTime::fold(&story.records).1, took.duration_since(began).as_secs_f64())
    }

    #[test]
    fn the_time_of_a_rollout_is_told_where_it_went() {
        let (lead, took) = story();
        let spent = lead.spent;
        assert_eq!((spent.building_s, spent.soaking_s, spent.held_s, spent.unattended_s), (42.0, 600.0, 90.0, 120.0));
        assert!(spent.waiting_s >= 3.0, "{spent:?}");
        let parts = spent.waiting_s + spent.priming_s + spent.switching_s + spent.soaking_s + spent.held_s;
        let all = parts + spent.rolling_back_s + spent.unattended_s;
        assert!((all - took).abs() < 0.001, "{all} is not {took}: {spent:?}");
        assert!(
            spent.text().starts_with("10m soaking, 2m without a conductor, 1m 30s waiting for a person, 42s building"),
            "{}",
            spent.text()
        );
    }

    #[test]
    fn it_is_counted_from_the_tag_to_the_first_stage_and_to_the_fleet() {
        let (lead, took) = story();
        assert_eq!(lead.tag_to_start_s, Some(3600.0));
        assert_eq!(lead.tag_to_fleet_s, Some(3600.0 + took));
        let canary = lead.tag_to_canary_s.unwrap();
        assert!(canary > 3600.0 && canary < 3700.0, "{canary}");
        assert!(
            lead.text()
                .unwrap()
                .starts_with("from the tag 1h to its rollout, 1h to the first stage, 1h 13m to the fleet"),
            "{:?}",
            lead.text()
        );
    }

    #[test]
    fn what_has_no_tag_has_no_lead_time() {
        let story = crate::report::tests::story::bad();
        let (_, lead) = LeadTime::fold(&story.records);
        assert_eq!(lead.text(), None);
        assert!(lead.spent.rolling_back_s >= 0.5, "{:?}", lead.spent);
    }
}
