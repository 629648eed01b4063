//! What an environment found out about releases: a fold over its marks, and over what its hosts remember.
//!
//! A verdict is a fact about a host and an identity (version and digest). A release is **bad in the environment** when at least as
//! many targets left it, or were to leave it, as hold it good: one host that was taken back says nothing about a hundred that run it well.
//! Somebody's own mark is about the whole environment, and holds until it is taken back. One on a version that was not built yet holds for
//! whatever is built of it.

use std::collections::{BTreeMap, BTreeSet};

use super::marks::{Mark, MarkRecord};
use crate::expr::Expression;
use crate::model::{Environment, FoundBad, HostId, Operator, Probe, ReleaseId, Version};

/// Holds what is known of one release.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Known {
    good: BTreeSet<HostId>,
    bad: BTreeSet<HostId>,
    overall: Option<Overall>,
    last_bad: Option<FoundBad>,
    /// Somebody took back what was known: hosts that remember it otherwise do not count.
    unmarked: bool,
    /// The place of its last mark among all.
    at: usize,
}

/// A verdict that is about no host in particular.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overall {
    /// Somebody said so.
    Said { good: bool },
    /// A rollout of an earlier coalmine, which did not tell on which hosts.
    Found { good: bool },
}

/// Holds what an environment found out about releases.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Verdicts {
    releases: BTreeMap<ReleaseId, Known>,
}

impl Verdicts {
    /// Folds the marks of an environment.
    #[must_use]
    pub fn of(marks: &[MarkRecord], environment: &Environment) -> Self {
        let mut verdicts = Self::default();
        for (at, mark) in marks.iter().enumerate().filter(|(_, mark)| mark.environment == *environment) {
            let known = verdicts.releases.entry(mark.release.clone()).or_default();
            known.at = at;
            known.take(mark);
        }
        verdicts
    }

    /// Takes in what a host remembers, which another deploy server may have brought about.
    pub fn hear(&mut self, host: &HostId, probe: &Probe) {
        for id in probe.goods() {
            let known = self.releases.entry(id.clone()).or_default();
            if !known.unmarked && !known.bad.contains(host) {
                known.good.insert(host.clone());
            }
        }
        for id in &probe.bad {
            let known = self.releases.entry(id.clone()).or_default();
            if known.unmarked {
                continue;
            }
            known.good.remove(host);
            known.bad.insert(host.clone());
            if known.last_bad.is_none() {
                known.last_bad = Some(FoundBad {
                    by: Operator("another deploy server".into()),
                    reason: "hosts went back from it".to_owned(),
                    at: None,
                    rollout: None,
                    on: 0,
                    of: 0,
                    everywhere: false,
                });
            }
        }
    }

    /// Tells whether no host should get a release, nor go back to it.
    #[must_use]
    pub fn is_bad(&self, release: &ReleaseId) -> bool {
        self.known(release).is_some_and(Known::is_bad)
    }

    /// Gives what decides about a release: what is known of it, unless somebody's word about its version does.
    fn known(&self, release: &ReleaseId) -> Option<&Known> {
        let said = |known: &&Known| matches!(known.overall, Some(Overall::Said { .. }));
        let own = self.releases.get(release);
        own.filter(said).or_else(|| self.releases.get(&ReleaseId::unbuilt(release.version())).filter(said)).or(own)
    }

    /// Lists the releases that are bad in the environment.
    #[must_use]
    pub fn bad(&self) -> Vec<ReleaseId> {
        self.releases.keys().filter(|id| self.is_bad(id)).cloned().collect()
    }

    /// Gives the versions that nobody should install by another name than their own, and why: of several builds of one, the one that was
    /// judged last counts.
    #[must_use]
    pub fn bad_versions(&self) -> BTreeMap<Version, String> {
        let mut last: BTreeMap<&Version, (&ReleaseId, &Known)> = BTreeMap::new();
        for (id, known) in &self.releases {
            let entry = last.entry(id.version()).or_insert((id, known));
            if known.at >= entry.1.at {
                *entry = (id, known);
            }
        }
        let bad = last.into_values().filter(|(id, _)| self.is_bad(id));
        bad.filter_map(|(id, _)| Some((id.version().clone(), self.against(id)?.describe()))).collect()
    }

    /// Says what was found against a release: everywhere, or on some hosts only; none where nothing was.
    #[must_use]
    pub fn against(&self, release: &ReleaseId) -> Option<FoundBad> {
        self.known(release).and_then(Known::against)
    }

    /// Tells whether a release is good: on at least one target, or by somebody's word.
    #[must_use]
    pub fn is_good(&self, release: &ReleaseId) -> bool {
        self.known(release).is_some_and(Known::is_good)
    }

    /// Counts the targets on which a release was finalized and not left since.
    #[must_use]
    pub fn good_on(&self, release: &ReleaseId) -> usize {
        self.releases.get(release).map_or(0, |known| known.good.len())
    }

    /// Gives the releases of a version of which anything is known, the latest mark last.
    pub fn of_version<'a>(&'a self, version: &'a Version) -> impl Iterator<Item = &'a ReleaseId> {
        let mut found: Vec<(&ReleaseId, &Known)> =
            self.releases.iter().filter(|(id, _)| id.version() == version).collect();
        found.sort_by_key(|(_, known)| known.at);
        found.into_iter().map(|(id, _)| id)
    }

    /// Says what is known of a version: of several builds, of the one that was judged last.
    #[must_use]
    pub fn mark_of(&self, version: &Version) -> Option<Mark> {
        let judged = self.of_version(version).last()?;
        match self.against(judged).filter(|found| found.everywhere) {
            Some(found) => Some(Mark::Bad { reason: found.describe() }),
            None => self.is_good(judged).then_some(Mark::Good),
        }
    }
}

impl Known {
    fn take(&mut self, mark: &MarkRecord) {
        let hosts = mark.hosts.as_deref().map(unfold);
        match (&mark.verdict, hosts) {
            (Mark::Unmarked, _) => *self = Self { unmarked: true, at: self.at, ..Self::default() },
            (Mark::Good, Some(hosts)) => {
                self.unmarked = false;
                // What was installed in spite of it, and ended well.
                if matches!(self.overall, Some(Overall::Found { .. })) {
                    self.overall = None;
                }
                for host in hosts {
                    self.bad.remove(&host);
                    self.good.insert(host);
                }
            }
            (Mark::Good, None) => {
                self.unmarked = false;
                self.bad.clear();
                self.overall = Some(overall(mark, true));
            }
            (Mark::Bad { reason }, hosts) => {
                self.unmarked = false;
                self.last_bad = Some(FoundBad {
                    by: mark.by.clone().unwrap_or_else(|| Operator("a rollout".into())),
                    reason: reason.clone(),
                    at: Some(mark.at),
                    rollout: mark.rollout.clone(),
                    on: mark.on.unwrap_or(0),
                    of: mark.of.unwrap_or(0),
                    everywhere: false,
                });
                let Some(hosts) = hosts else {
                    self.overall = Some(overall(mark, false));
                    return;
                };
                if matches!(self.overall, Some(Overall::Found { .. })) {
                    self.overall = None;
                }
                for host in hosts {
                    self.good.remove(&host);
                    self.bad.insert(host);
                }
            }
        }
    }

    fn is_bad(&self) -> bool {
        match self.overall {
            Some(Overall::Said { good } | Overall::Found { good }) => !good,
            None => !self.bad.is_empty() && self.bad.len() >= self.good.len(),
        }
    }

    fn is_good(&self) -> bool {
        match self.overall {
            Some(Overall::Said { good } | Overall::Found { good }) => good,
            None => !self.good.is_empty() && !self.is_bad(),
        }
    }

    fn against(&self) -> Option<FoundBad> {
        let everywhere = self.is_bad();
        if !everywhere && self.bad.is_empty() {
            return None;
        }
        let mut found = self.last_bad.clone()?;
        found.everywhere = everywhere;
        // Of all rollouts together, where hosts are known.
        if !self.bad.is_empty() {
            (found.on, found.of) = (self.bad.len(), self.bad.len() + self.good.len());
        }
        Some(found)
    }
}

fn overall(mark: &MarkRecord, good: bool) -> Overall {
    if mark.rollout.is_none() { Overall::Said { good } } else { Overall::Found { good } }
}

/// Reads hosts as marks have them; what cannot be read names none, and so judges none.
pub(super) fn unfold(hosts: &str) -> Vec<HostId> {
    Expression::new(hosts).ok().and_then(|expression| expression.list().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::RolloutId;

    fn id(version: &str) -> ReleaseId {
        format!("{version}-00000001").parse().unwrap()
    }

    fn mark(verdict: Mark, hosts: Option<&str>) -> MarkRecord {
        let rollout = RolloutId::new("r1").unwrap();
        let production = Environment::new("production").unwrap();
        let counted = hosts.map(|hosts| unfold(hosts).len());
        MarkRecord {
            hosts: hosts.map(str::to_owned),
            on: counted,
            of: counted,
            ..MarkRecord::new(Timestamp::UNIX_EPOCH, id("1.2.0"), production, Some(rollout), verdict)
        }
    }

    fn said(verdict: Mark) -> MarkRecord {
        MarkRecord { rollout: None, by: Some(Operator("amy@d1".into())), ..mark(verdict, None) }
    }

    fn bad(reason: &str) -> Mark {
        Mark::Bad { reason: reason.into() }
    }

    fn fold(marks: &[MarkRecord]) -> Verdicts {
        Verdicts::of(marks, &Environment::new("production").unwrap())
    }

    #[test]
    fn one_host_that_went_back_says_nothing_about_those_that_run_it_well() {
        let good = mark(Mark::Good, Some("mw[01-10]"));
        let verdicts = fold(&[good.clone(), mark(bad("loses data"), Some("mw01"))]);
        assert!(!verdicts.is_bad(&id("1.2.0")) && verdicts.is_good(&id("1.2.0")));
        assert_eq!(verdicts.good_on(&id("1.2.0")), 9);
        let against = verdicts.against(&id("1.2.0")).unwrap();
        assert_eq!((against.everywhere, against.on, against.reason.as_str()), (false, 1, "loses data"));
        let verdicts = fold(&[good, mark(bad("loses data"), Some("mw[01-05]"))]);
        assert!(verdicts.is_bad(&id("1.2.0")), "as many left it as hold it");
        assert!(verdicts.against(&id("1.2.0")).unwrap().everywhere);
    }

    #[test]
    fn nobodys_success_is_no_verdict_and_another_environments_neither() {
        assert_eq!(fold(&[]).against(&id("1.2.0")), None);
        let elsewhere =
            MarkRecord { environment: Environment::new("beta").unwrap(), ..mark(bad("gate"), Some("mw01")) };
        assert!(!fold(&[elsewhere]).is_bad(&id("1.2.0")));
        assert!(fold(&[mark(bad("gate"), Some("mw01"))]).is_bad(&id("1.2.0")), "what was never good anywhere");
    }

    #[test]
    fn what_is_said_of_a_version_before_it_is_built_holds_for_whatever_is_built_of_it() {
        let version = Version::new("1.2.0").unwrap();
        let unbuilt = |verdict| MarkRecord { release: ReleaseId::unbuilt(&version), ..said(verdict) };
        let built: ReleaseId = "1.2.0-0000000a".parse().unwrap();
        let good = MarkRecord { release: built.clone(), ..mark(Mark::Good, Some("mw[01-10]")) };
        for marks in [vec![unbuilt(bad("CVE"))], vec![unbuilt(bad("CVE")), good.clone()]] {
            let verdicts = fold(&marks);
            assert!(verdicts.is_bad(&built) && verdicts.bad_versions().contains_key(&version), "{marks:?}");
            assert!(verdicts.against(&built).unwrap().reason.contains("CVE"));
            assert!(matches!(verdicts.mark_of(&version), Some(Mark::Bad { .. })));
            assert!(!verdicts.is_bad(&id("1.2.1")));
        }
        let itself = MarkRecord { release: built.clone(), ..said(Mark::Good) };
        assert!(fold(&[unbuilt(bad("CVE")), itself]).is_good(&built), "what is said of the build itself");
        let taken_back = fold(&[unbuilt(bad("CVE")), unbuilt(Mark::Unmarked), good]);
        assert!(taken_back.is_good(&built) && taken_back.bad_versions().is_empty());
    }

    #[test]
    fn a_persons_mark_holds_until_it_is_taken_back() {
        let good = mark(Mark::Good, Some("mw[01-10]"));
        assert!(fold(&[good.clone(), said(bad("CVE"))]).is_bad(&id("1.2.0")));
        assert!(fold(&[said(bad("CVE")), good.clone()]).is_bad(&id("1.2.0")), "no rollout takes it back");
        let taken_back = [good, said(bad("CVE")), said(Mark::Unmarked)];
        assert_eq!(fold(&taken_back).against(&id("1.2.0")), None);
        assert!(fold(&[mark(bad("gate"), Some("mw01")), said(Mark::Good)]).is_good(&id("1.2.0")));
    }

    #[test]
    fn marks_of_an_earlier_coalmine_are_about_all_hosts_until_a_rollout_says_more() {
        let (good, found_bad) = (mark(Mark::Good, None), mark(bad("rolled back"), None));
        assert!(fold(&[good.clone(), found_bad.clone()]).is_bad(&id("1.2.0")));
        assert!(fold(&[found_bad.clone(), good]).is_good(&id("1.2.0")));
        assert!(fold(&[found_bad, mark(Mark::Good, Some("mw01"))]).is_good(&id("1.2.0")));
    }

    #[test]
    fn hosts_tell_what_another_deploy_server_did() {
        let host = |number: usize| HostId::new(&format!("mw{number:02}")).unwrap();
        let back = Probe { good: Some(id("1.1.0")), bad: vec![id("1.2.0")], ..Probe::default() };
        let down = Probe { good: Some(id("1.2.0")), previous: Some(id("1.1.0")), ..Probe::default() };
        let mut verdicts = fold(&[]);
        for (number, probe) in [(1, &back), (2, &down), (3, &back)] {
            verdicts.hear(&host(number), probe);
        }
        assert_eq!(verdicts.bad(), [id("1.2.0")]);
        assert!(verdicts.is_good(&id("1.1.0")));
        let against = verdicts.against(&id("1.2.0")).unwrap();
        assert_eq!((against.on, against.of), (2, 3));
        // What was taken back here is not brought up again by hosts that remember it.
        let mut verdicts = fold(&[said(Mark::Unmarked)]);
        verdicts.hear(&host(1), &back);
        assert!(!verdicts.is_bad(&id("1.2.0")));
    }
}
