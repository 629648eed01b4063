//! Which built releases a deploy server keeps, and why: a pure choice of what is built and what is needed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use serde::Serialize;

use super::aside::Built;
use super::marks::{Mark, MarkRecord};
use super::verdicts::{Verdicts, unfold};
use crate::model::{Environment, HostId, ReleaseId};

/// Says why a built release is kept; of several reasons the first is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// A rollout installs it that a conductor runs.
    Runs,
    /// A rollout installs it that waits to be resumed.
    Waits,
    /// It was primed last, and something else was not installed since.
    Primed,
    /// It was finalized last, on some host at least.
    Finalized,
    /// Some host would go back to it.
    GoesBackTo,
    /// It is among the newest built.
    Newest,
    /// It is another product's, or nobody knows whose.
    Elsewhere,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Runs => "runs",
            Self::Waits => "waits",
            Self::Primed => "primed",
            Self::Finalized => "finalized",
            Self::GoesBackTo => "goes back to",
            Self::Newest => "newest",
            Self::Elsewhere => "elsewhere",
        })
    }
}

/// Holds what is needed, and where.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Needs(BTreeMap<ReleaseId, BTreeMap<Need, BTreeSet<Environment>>>);

impl Needs {
    /// Adds that an environment needs a release.
    pub fn add(&mut self, release: ReleaseId, need: Need, environment: &Environment) {
        self.0.entry(release).or_default().entry(need).or_default().insert(environment.clone());
    }

    /// Tells whether anybody needs a release.
    #[must_use]
    pub fn contains(&self, release: &ReleaseId) -> bool {
        self.0.contains_key(release)
    }

    fn first(&self, release: &ReleaseId) -> Option<(Need, BTreeSet<Environment>)> {
        self.0.get(release)?.first_key_value().map(|(need, environments)| (*need, environments.clone()))
    }
}

/// Holds a release that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The release.
    pub built: Built,
    /// Why.
    pub need: Need,
    /// Whose need it is, where an environment has it.
    pub environments: BTreeSet<Environment>,
}

/// Says what goes and what stays, each oldest build first.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What nobody needs.
    pub goes: Vec<Built>,
    /// What is kept.
    pub stays: Vec<Kept>,
}

/// Chooses among built releases: those of this product that nobody needs and that are not among the `keep` newest of it go.
pub fn choose(mut built: Vec<Built>, keep: usize, needs: &Needs, is_ours: impl Fn(&Built) -> bool) -> Choice {
    built.sort_by(|a, b| (a.built_at, &a.id).cmp(&(b.built_at, &b.id)));
    let ours = built.iter().rev().filter(|built| is_ours(built));
    let newest: HashSet<ReleaseId> = ours.take(keep).map(|built| built.id.clone()).collect();
    let mut choice = Choice::default();
    for built in built {
        let found = needs.first(&built.id).or_else(|| {
            let need = match newest.contains(&built.id) {
                true => Some(Need::Newest),
                false => (!is_ours(&built)).then_some(Need::Elsewhere),
            };
            need.map(|need| (need, BTreeSet::new()))
        });
        match found {
            Some((need, environments)) => choice.stays.push(Kept { built, need, environments }),
            None => choice.goes.push(built),
        }
    }
    choice
}

/// Finds what each host of an environment finalized last, and to what it would go back from there, by the marks that rollouts left.
///
/// `hosts` are those that it has; none is everybody whom a mark names.
#[must_use]
pub fn finalized(
    marks: &[MarkRecord],
    environment: &Environment,
    hosts: Option<&HashSet<HostId>>,
) -> BTreeSet<(ReleaseId, Need)> {
    // The key is none where a mark does not tell hosts.
    let mut by_host: HashMap<Option<HostId>, Vec<&ReleaseId>> = HashMap::new();
    for mark in marks.iter().filter(|mark| mark.environment == *environment && mark.rollout.is_some()) {
        let told = mark.hosts.as_deref().map(unfold);
        let named: Vec<Option<HostId>> = match (told, &mark.verdict) {
            (Some(told), _) => told.into_iter().map(Some).collect(),
            (None, Mark::Good) => vec![None],
            (None, Mark::Bad { .. } | Mark::Unmarked) => continue,
        };
        let is_meant = |host: &Option<HostId>| match (host, hosts) {
            (Some(host), Some(hosts)) => hosts.contains(host),
            (None, _) | (_, None) => true,
        };
        for host in named.into_iter().filter(is_meant) {
            let past = by_host.entry(host).or_default();
            match mark.verdict {
                Mark::Good if past.last() != Some(&&mark.release) => past.push(&mark.release),
                Mark::Bad { .. } => past.retain(|known| **known != mark.release),
                Mark::Good | Mark::Unmarked => {}
            }
        }
    }
    let verdicts = Verdicts::of(marks, environment);
    let mut found = BTreeSet::new();
    for past in by_host.values() {
        let Some(last) = past.last() else { continue };
        found.insert(((*last).clone(), Need::Finalized));
        // From what was found bad since, and from what is left then.
        let mut before = past.iter().rev().filter(|release| *release != last && !verdicts.is_bad(release));
        let Some(back) = before.next() else { continue };
        found.insert(((*back).clone(), Need::GoesBackTo));
        if verdicts.is_bad(last) {
            found.extend(before.find(|release| *release != back).map(|release| ((*release).clone(), Need::GoesBackTo)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{Bytes, Digest, Operator, RolloutId};

    fn id(version: &str) -> ReleaseId {
        format!("{version}-00000001").parse().unwrap()
    }

    fn production() -> Environment {
        Environment::new("production").unwrap()
    }

    fn built(version: &str, day: i64) -> Built {
        Built {
            id: id(version),
            commit: "a".repeat(40).parse().unwrap(),
            digest: Digest([1; 32]),
            built_at: Timestamp::from_second(day * 86_400).unwrap(),
            bytes: Bytes(1),
        }
    }

    fn goes(choice: &Choice) -> Vec<&str> {
        choice.goes.iter().map(|built| built.id.version().as_str()).collect()
    }

    fn why(choice: &Choice, version: &str) -> Option<Need> {
        choice.stays.iter().find(|kept| kept.built.id == id(version)).map(|kept| kept.need)
    }

    #[test]
    fn what_nobody_needs_goes_oldest_first_and_each_that_stays_says_why() {
        // Of the order of builds, and not of versions: an old one may be built again.
        let all = || vec![built("1.0", 9), built("5.0", 1), built("4.0", 2), built("3.0", 3), built("2.0", 4)];
        let mut needs = Needs::default();
        needs.add(id("4.0"), Need::GoesBackTo, &production());
        needs.add(id("4.0"), Need::Finalized, &production());
        let choice = choose(all(), 2, &needs, |_| true);
        assert_eq!(goes(&choice), ["5.0", "3.0"]);
        assert_eq!(why(&choice, "4.0"), Some(Need::Finalized), "the first reason is told");
        assert_eq!(choice.stays[0].environments.iter().collect::<Vec<_>>(), [&production()]);
        assert_eq!((why(&choice, "1.0"), why(&choice, "2.0")), (Some(Need::Newest), Some(Need::Newest)));
        assert_eq!(goes(&choose(all(), 0, &needs, |_| true)), ["5.0", "3.0", "2.0", "1.0"]);
        assert_eq!(goes(&choose(all(), 9, &needs, |_| true)), [""; 0]);
    }

    #[test]
    fn what_is_not_ours_stays_and_takes_no_place_among_the_newest() {
        let all = vec![built("1.0", 1), built("2.0", 2), built("3.0", 3), built("9.0", 4)];
        let choice = choose(all, 1, &Needs::default(), |built| built.id != id("9.0"));
        assert_eq!(goes(&choice), ["1.0", "2.0"]);
        assert_eq!((why(&choice, "3.0"), why(&choice, "9.0")), (Some(Need::Newest), Some(Need::Elsewhere)));
    }

    fn mark(version: &str, verdict: Mark, hosts: Option<&str>) -> MarkRecord {
        let rollout = RolloutId::new("r1").unwrap();
        MarkRecord {
            hosts: hosts.map(str::to_owned),
            ..MarkRecord::new(Timestamp::UNIX_EPOCH, id(version), production(), Some(rollout), verdict)
        }
    }

    fn good(version: &str, hosts: &str) -> MarkRecord {
        mark(version, Mark::Good, Some(hosts))
    }

    fn bad(version: &str, hosts: &str) -> MarkRecord {
        mark(version, Mark::Bad { reason: "gate".into() }, Some(hosts))
    }

    fn needed(marks: &[MarkRecord], hosts: Option<&str>) -> Vec<(String, Need)> {
        let hosts = hosts.map(|hosts| unfold(hosts).into_iter().collect());
        let found = finalized(marks, &production(), hosts.as_ref());
        found.into_iter().map(|(release, need)| (release.version().to_string(), need)).collect()
    }

    fn pairs(expected: &[(&str, Need)]) -> Vec<(String, Need)> {
        expected.iter().map(|(version, need)| ((*version).to_owned(), *need)).collect()
    }

    #[test]
    fn each_host_needs_what_it_finalized_last_and_what_it_would_go_back_to() {
        use Need::{Finalized, GoesBackTo};
        let all = [good("1.0", "mw[1-3]"), good("2.0", "mw[1-3]"), good("3.0", "mw[1-3]"), good("4.0", "mw1")];
        let found = needed(&all, None);
        assert_eq!(found, pairs(&[("2.0", GoesBackTo), ("3.0", Finalized), ("3.0", GoesBackTo), ("4.0", Finalized)]));
        // Who left the environment needs nothing any more.
        assert_eq!(needed(&all, Some("mw1")), pairs(&[("3.0", GoesBackTo), ("4.0", Finalized)]));
        assert_eq!(needed(&[good("1.0", "mw1"), good("1.0", "mw1")], None), pairs(&[("1.0", Finalized)]));
        let elsewhere = MarkRecord { environment: Environment::new("beta").unwrap(), ..good("9.0", "mw1") };
        assert_eq!(needed(&[elsewhere], None), []);
        assert_eq!(needed(&[mark("1.0", Mark::Good, None)], Some("mw1")), pairs(&[("1.0", Finalized)]));
    }

    #[test]
    fn nobody_goes_back_to_what_was_found_bad() {
        use Need::{Finalized, GoesBackTo};
        let back = [good("1.0", "mw1"), good("2.0", "mw1"), good("3.0", "mw1"), good("2.0", "mw1"), bad("3.0", "mw1")];
        assert_eq!(needed(&back, None), pairs(&[("1.0", GoesBackTo), ("2.0", Finalized)]));
        let said = MarkRecord {
            rollout: None,
            by: Some(Operator("amy@d1".into())),
            ..mark("3.0", Mark::Bad { reason: "CVE".into() }, None)
        };
        // What runs is bad by somebody's word: it is what was finalized last, and what is good after that has a way back too.
        let all = [good("1.0", "mw1"), good("2.0", "mw1"), good("3.0", "mw1"), said];
        assert_eq!(needed(&all, None), pairs(&[("1.0", GoesBackTo), ("2.0", GoesBackTo), ("3.0", Finalized)]));
    }
}
