//! Where a host goes back to: one rule, for the way back of a rollout that fails and for a rollback that is asked for.
//!
//! # What counts
//!
//! A host remembers what was finalized good *there*, the latest first (`good`, `previous` and `was` in its state file). A way
//! back takes off that list what it led away from. The deploy server adds one thing: which releases its environment found bad.
//! Of two hosts that are equal in this, one command makes the same.
//!
//! The **best** release of a host is the first of its list that was not found bad.
//!
//! | the host | a rollout fails there | `rollback` |
//! |---|---|---|
//! | runs its best | back to the best: that is what it ran | to the next of the list that was not found bad and can be had |
//! | runs something else: half-way, or found bad | back to the best | to the best |
//! | runs a release, and there is none left | to what it ran, where that was good once | nowhere, which is told |
//! | runs what was there before coalmine | back to that, whatever it is | stays |
//! | has nothing left but what was there before coalmine | back to that | back to that |
//! | never had a good one | back to none, if it ran none | to none, if coalmine put there what it runs |
//!
//! A release can be had that the host holds whole, or that this deploy server can send. It needs neither tag nor build: the
//! switch is a rename on the host, whose manifest proves the release.
//!
//! # A whole command
//!
//! Where any selected target runs something else than its best, that is what a rollback is for: the others stay. So a rollback
//! finishes what an earlier one could not do on hosts that were down, and takes back what was left half-way, and a second one
//! leads a step further. Hosts that would go to different places are a **mixed** answer: somebody has to say that each is to go to its own
//! (`--each`), or name the one that is meant (`--to`). With a name, only what was ever finalized on the host will do.

use std::collections::BTreeMap;

use super::request::Member;
use crate::model::{HostId, Installed, Probe, ReleaseId, RollBackTarget, Version};

/// Says where a host goes back to when what comes next fails there; none where nothing is known to have worked.
#[must_use]
pub fn way_back(probe: &Probe, is_bad: impl Fn(&ReleaseId) -> bool) -> Option<RollBackTarget> {
    if probe.runs_adopted() {
        return Some(RollBackTarget::Adopted);
    }
    let running = probe.installed.release();
    // Found bad since, and yet all that there is: what it ran is better than what just failed.
    let last_resort = || probe.goods().find(|good| Some(*good) == running);
    if let Some(id) = probe.goods().find(|good| !is_bad(good)).or_else(last_resort) {
        return Some(RollBackTarget::Release { id: id.clone() });
    }
    if has_adopted(probe) {
        return Some(RollBackTarget::Adopted);
    }
    matches!(probe.installed, Installed::Missing).then_some(RollBackTarget::Nothing)
}

fn has_adopted(probe: &Probe) -> bool {
    probe.adopted.as_ref().is_some_and(|adopted| !adopted.gone)
}

/// Says what a rollback asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackTo {
    /// What was good before.
    Last,
    /// What each host finalized under this version's name.
    Version(Version),
    /// This release.
    Release(ReleaseId),
    /// What was there before coalmine's first release.
    Adopted,
}

/// Says what a rollback does with a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// It goes there.
    Go(RollBackTarget),
    /// Nothing: it is where it should be.
    Stay,
    /// It has nowhere to go; why, in words behind the host's name.
    Nowhere(String),
}

/// Decides for every selected host that answered; `is_bad` is what the environment found out, `can_be_sent` what the store has.
#[must_use]
pub fn steps<'a>(
    members: impl IntoIterator<Item = &'a Member>,
    to: &BackTo,
    is_bad: impl Fn(&ReleaseId) -> bool,
    can_be_sent: impl Fn(&ReleaseId) -> bool,
) -> BTreeMap<HostId, Step> {
    let answers: Vec<(&HostId, &Probe)> = members
        .into_iter()
        .filter(|member| member.selected)
        .filter_map(|member| Some((&member.host, member.answer.as_ref()?.as_ref().ok()?)))
        .collect();
    let has = |probe: &Probe, id: &ReleaseId| probe.releases.contains(id) || can_be_sent(id);
    let decide = |probe: &Probe| match to {
        BackTo::Last => last(probe, &is_bad, |id| has(probe, id)),
        BackTo::Version(version) => {
            let named = probe.ever_good().find(|good| good.version() == version);
            named_step(probe, named, &version.to_string(), |id| has(probe, id))
        }
        BackTo::Release(id) => {
            let named = probe.ever_good().find(|good| *good == id);
            named_step(probe, named, &id.to_string(), |id| has(probe, id))
        }
        BackTo::Adopted => adopted_step(probe),
    };
    let unsettled = *to == BackTo::Last && answers.iter().any(|(_, probe)| !is_settled(probe, &is_bad));
    let step = |probe: &Probe| if unsettled && is_settled(probe, &is_bad) { Step::Stay } else { decide(probe) };
    answers.into_iter().map(|(host, probe)| (host.clone(), step(probe))).collect()
}

/// Tells whether a host runs the best that it has, so that a rollback would lead away from what is good.
fn is_settled(probe: &Probe, is_bad: impl Fn(&ReleaseId) -> bool) -> bool {
    let best = probe.goods().find(|good| !is_bad(good));
    match &probe.installed {
        Installed::Release { id, .. } => best == Some(id) || probe.runs_adopted(),
        Installed::Missing | Installed::Unmanaged { .. } => best.is_none(),
    }
}

fn last(probe: &Probe, is_bad: impl Fn(&ReleaseId) -> bool, can_be_had: impl Fn(&ReleaseId) -> bool) -> Step {
    let running = probe.installed.release();
    let settled = is_settled(probe, &is_bad);
    if settled && (running.is_none() || probe.runs_adopted()) {
        return Step::Stay;
    }
    let mut rest = probe.goods().filter(|good| !is_bad(good)).skip(usize::from(settled));
    if let Some(id) = rest.find(|good| can_be_had(good)) {
        return Step::Go(RollBackTarget::Release { id: id.clone() });
    }
    if has_adopted(probe) {
        return Step::Go(RollBackTarget::Adopted);
    }
    if running.is_some() && running == probe.pending.as_ref() && probe.ever_good().next().is_none() {
        return Step::Go(RollBackTarget::Nothing);
    }
    Step::Nowhere("has no release that was good there before".to_owned())
}

fn named_step(probe: &Probe, named: Option<&ReleaseId>, name: &str, can_be_had: impl Fn(&ReleaseId) -> bool) -> Step {
    let Some(id) = named else {
        return Step::Nowhere(format!("never had {name} as a good release"));
    };
    let is_whole = match &probe.installed {
        Installed::Release { id: running, digest, drift } => {
            running == id && digest.as_ref().is_none_or(|digest| id.has_digest(digest)) && drift.is_none()
        }
        Installed::Missing | Installed::Unmanaged { .. } => false,
    };
    if is_whole && probe.good.as_ref() == Some(id) {
        return Step::Stay;
    }
    if is_whole || can_be_had(id) {
        return Step::Go(RollBackTarget::Release { id: id.clone() });
    }
    Step::Nowhere(format!("holds {id} no more, and it cannot be sent from here"))
}

fn adopted_step(probe: &Probe) -> Step {
    match &probe.adopted {
        Some(adopted) if adopted.gone => {
            Step::Nowhere(format!("had {} before, and somebody removed that", adopted.place))
        }
        Some(_) if probe.runs_adopted() && probe.good.is_none() => Step::Stay,
        Some(_) => Step::Go(RollBackTarget::Adopted),
        None if probe.runs_adopted() => Step::Stay,
        // A package's copy stands elsewhere, and is what runs when the link is gone.
        None if probe.packaged.is_some() && probe.installed == Installed::Missing => Step::Stay,
        None if probe.packaged.is_some() => Step::Go(RollBackTarget::Nothing),
        None => Step::Nowhere("had nothing before coalmine's first release, or nothing was kept of it".to_owned()),
    }
}

/// Groups hosts by where they go; more than one group is a mixed answer. Hosts that stay are in none.
#[must_use]
pub fn answers(steps: &BTreeMap<HostId, Step>, of: impl Fn(&HostId) -> bool) -> BTreeMap<Step, Vec<HostId>> {
    let mut groups: BTreeMap<Step, Vec<HostId>> = BTreeMap::new();
    for (host, step) in steps.iter().filter(|(host, step)| **step != Step::Stay && of(host)) {
        groups.entry(step.clone()).or_default().push(host.clone());
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Adopted;

    fn id(version: &str) -> ReleaseId {
        format!("{version}-00000000").parse().unwrap()
    }

    /// A host that runs a version and had these finalized, the latest first, all of which it holds.
    fn host(running: &str, goods: &[&str]) -> Probe {
        let mut goods = goods.iter().map(|version| id(version));
        let installed = match running {
            "" => Installed::Missing,
            version => Installed::Release { id: id(version), digest: None, drift: None },
        };
        let mut probe =
            Probe { installed, good: goods.next(), previous: goods.next(), was: goods.collect(), ..Probe::default() };
        probe.releases = probe.goods().cloned().chain(probe.installed.release().cloned()).collect();
        probe
    }

    fn decide(probes: &[Probe], to: &BackTo, bad: &[&str]) -> Vec<String> {
        let members: Vec<Member> = probes
            .iter()
            .enumerate()
            .map(|(index, probe)| Member {
                host: HostId::new(&format!("mw{index:02}")).unwrap(),
                site: None,
                selected: true,
                answer: Some(Ok(probe.clone())),
                step: None,
            })
            .collect();
        let is_bad = |release: &ReleaseId| bad.contains(&release.version().as_str());
        let steps = steps(&members, to, is_bad, |_| false);
        steps.into_values().map(told).collect()
    }

    fn told(step: Step) -> String {
        match step {
            Step::Go(RollBackTarget::Release { id }) => id.version().to_string(),
            Step::Go(RollBackTarget::Adopted) => "adopted".to_owned(),
            Step::Go(RollBackTarget::Nothing) => "nothing".to_owned(),
            Step::Stay => "stays".to_owned(),
            Step::Nowhere(why) => format!("nowhere: {why}"),
        }
    }

    #[test]
    fn two_halves_of_a_fleet_go_back_to_the_same_release() {
        let all = ["1.2.0", "1.1.0", "1.0.0"];
        assert_eq!(decide(&[host("1.2.0", &all)], &BackTo::Last, &[]), ["1.1.0"]);
        // The first half is back, and what it left is not bad everywhere: the second half is not told of it.
        assert_eq!(decide(&[host("1.2.0", &all)], &BackTo::Last, &["1.2.0"]), ["1.1.0"]);
        assert_eq!(decide(&[host("1.1.0", &["1.1.0", "1.0.0"])], &BackTo::Last, &[]), ["1.0.0"]);
    }

    #[test]
    fn a_host_that_was_down_is_brought_back_alone() {
        let (back, down) = (host("1.1.0", &["1.1.0", "1.0.0"]), host("1.2.0", &["1.2.0", "1.1.0", "1.0.0"]));
        let hosts = [back.clone(), down.clone(), back.clone()];
        assert_eq!(decide(&hosts, &BackTo::Last, &["1.2.0"]), ["stays", "1.1.0", "stays"]);
        // Where nothing was found bad each has its own way, and that is a mixed answer.
        assert_eq!(decide(&hosts, &BackTo::Last, &[]), ["1.0.0", "1.1.0", "1.0.0"]);
    }

    #[test]
    fn a_downgrade_that_was_aborted_is_undone_and_not_finished() {
        let good = ["1.2.0", "1.1.0"];
        let hosts = [host("1.1.0", &good), host("1.2.0", &good)];
        assert_eq!(decide(&hosts, &BackTo::Last, &[]), ["1.2.0", "stays"]);
    }

    #[test]
    fn what_was_never_good_leads_to_what_was_and_where_nothing_was_to_none() {
        let mut half_way = host("2.0.0", &[]);
        assert_eq!(
            decide(&[half_way.clone()], &BackTo::Last, &[]),
            ["nowhere: has no release that was good there before"]
        );
        half_way.pending = Some(id("2.0.0"));
        let hosts = [half_way, host("2.0.0", &["1.0.0"]), host("1.0.0", &["1.0.0"]), host("", &[])];
        assert_eq!(decide(&hosts, &BackTo::Last, &[]), ["nothing", "1.0.0", "stays", "stays"]);
    }

    #[test]
    fn a_release_that_nobody_can_have_any_more_is_passed_over() {
        let mut probe = host("1.2.0", &["1.2.0", "1.1.0", "1.0.0"]);
        probe.releases.retain(|release| *release != id("1.1.0"));
        assert_eq!(decide(&[probe], &BackTo::Last, &[]), ["1.0.0"]);
    }

    #[test]
    fn a_name_means_what_the_host_finalized_and_nothing_else() {
        let to = BackTo::Version(Version::new("1.1.0").unwrap());
        let mut other = host("1.2.0", &["1.2.0", "1.1.0"]);
        other.previous = "1.1.0-11111111".parse().ok();
        other.releases.extend(other.previous.clone());
        let mut left = host("1.0.0", &["1.0.0"]);
        left.bad.push(id("1.1.0"));
        left.releases.push(id("1.1.0"));
        let hosts = [
            host("1.2.0", &["1.2.0", "1.1.0"]),
            other,
            left,
            host("1.1.0", &["1.1.0"]),
            host("1.2.0", &["1.2.0", "1.0.0"]),
        ];
        let answer = decide(&hosts, &to, &["1.1.0"]);
        assert_eq!(answer, ["1.1.0", "1.1.0", "1.1.0", "stays", "nowhere: never had 1.1.0 as a good release"]);
        let answer = decide(&hosts[..2], &BackTo::Release("1.1.0-11111111".parse().unwrap()), &[]);
        assert_eq!(answer, ["nowhere: never had 1.1.0-11111111 as a good release", "1.1.0"]);
    }

    #[test]
    fn what_was_there_before_is_gone_back_to_and_stays_reachable() {
        let adopted = |gone| Some(Adopted { place: "releases/20250104".into(), gone });
        let first = Probe { adopted: adopted(false), ..host("1.0.0", &["1.0.0"]) };
        assert_eq!(decide(std::slice::from_ref(&first), &BackTo::Last, &[]), ["adopted"]);
        assert_eq!(decide(std::slice::from_ref(&first), &BackTo::Adopted, &[]), ["adopted"]);
        let removed = Probe { adopted: adopted(true), ..first };
        assert_eq!(
            decide(&[removed], &BackTo::Adopted, &[]),
            ["nowhere: had releases/20250104 before, and somebody removed that"]
        );
        let there = Probe { installed: Installed::Unmanaged { version: None }, ..Probe::default() };
        assert_eq!(decide(&[there.clone(), host("1.0.0", &["1.0.0"])], &BackTo::Last, &[])[0], "stays");
        assert_eq!(way_back(&there, |_| false), Some(RollBackTarget::Adopted));
        // Kept as a release, and gone back to once: that is still what was there before.
        let kept = Probe {
            adopted: Some(Adopted { place: "releases/0.9.0-00000000".into(), gone: false }),
            ..host("0.9.0", &[])
        };
        assert_eq!(way_back(&kept, |_| false), Some(RollBackTarget::Adopted));
    }

    #[test]
    fn a_rollout_that_fails_leads_to_the_last_that_was_good_and_not_found_bad() {
        let back = |probe: &Probe, bad: &[&str]| {
            way_back(probe, |release| bad.contains(&release.version().as_str())).map(|target| told(Step::Go(target)))
        };
        let probe = host("1.2.0", &["1.2.0", "1.1.0"]);
        assert_eq!(back(&probe, &[]).as_deref(), Some("1.2.0"));
        assert_eq!(back(&probe, &["1.2.0"]).as_deref(), Some("1.1.0"));
        assert_eq!(back(&probe, &["1.2.0", "1.1.0"]).as_deref(), Some("1.2.0"), "what it ran, for want of a better");
        assert_eq!(back(&host("2.0.0", &["1.2.0"]), &[]).as_deref(), Some("1.2.0"));
        assert_eq!(back(&host("2.0.0", &[]), &[]), None);
        assert_eq!(back(&host("", &[]), &[]).as_deref(), Some("nothing"));
    }
}
