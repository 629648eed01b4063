//! Which host gets a release from which: by one rule, so that a plan can show it and a conductor that resumes finds the same.

use std::collections::{HashMap, HashSet};

use super::request::{Member, Request};
use super::types::{HostPlan, Plan, PlanKind};
use crate::model::{Carrier, HostId, RolloutId, Site};

/// How many more relays of its site a host tries when its own fails it.
const MORE: usize = 2;

/// Says which hosts may pass a release on.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Relays {
    /// These, in the inventory's order; whoever of them did not answer does not.
    pub candidates: Vec<HostId>,
    /// How many hosts one of them feeds before some of those feed the others.
    pub fan_out: usize,
    /// This machine, under whatever names: what comes from it comes directly.
    pub here: Vec<HostId>,
}

/// Gives every host of a site with relays the one that it gets the release from.
///
/// Neighbours in the inventory have the same relay, and all relays of a site about as many hosts. Where more than `fan_out` hosts are behind
/// each of them, as many of those as the square root of what there is to feed pass it on: that is the least time for two
/// levels, since a relay then feeds as many hosts as there are relays beside it.
pub(super) fn assign(hosts: &mut [HostPlan], request: &Request) {
    let plan = &request.plan;
    if plan.kind == PlanKind::Rollback || !plan.policy.carriers.contains(&Carrier::Relay) {
        return;
    }
    let Relays { candidates, fan_out, here } = &request.relays;
    let answers = |member: &&Member| member.answer.as_ref().is_some_and(Result::is_ok);
    let members: HashMap<&HostId, &Member> =
        request.masters.iter().chain(&request.fleet).filter(answers).map(|member| (&member.host, member)).collect();
    let mut tops: HashMap<Option<&Site>, Vec<&HostId>> = HashMap::new();
    for member in candidates.iter().filter(|host| !here.contains(host)).filter_map(|host| members.get(host)) {
        tops.entry(member.site.as_ref()).or_default().push(&member.host);
    }
    let chosen: HashSet<&HostId> = tops.values().flatten().copied().collect();
    let mut behind: HashMap<Option<Site>, Vec<usize>> = HashMap::new();
    for (index, host) in hosts.iter().enumerate() {
        if host.lost.is_none() && !chosen.contains(&host.host) && !here.contains(&host.host) {
            behind.entry(host.site.clone()).or_default().push(index);
        }
    }
    for (site, behind) in behind {
        let Some(tops) = tops.get(&site.as_ref()) else { continue };
        let tops: Vec<HostId> = tops.iter().map(|host| (*host).clone()).collect();
        let (middle, leaves) = levels(&behind, tops.len(), *fan_out);
        give(hosts, &middle, &tops);
        let feeding: Vec<HostId> =
            middle.iter().filter_map(|&index| hosts.get(index)).map(|host| host.host.clone()).collect();
        give(hosts, &leaves, if feeding.is_empty() { &tops } else { &feeding });
    }
}

/// Parts the hosts of a site in those that pass on to others, and the others; one level has none of the former.
fn levels(behind: &[usize], tops: usize, fan_out: usize) -> (Vec<usize>, Vec<usize>) {
    if behind.len() <= tops.saturating_mul(fan_out.max(1)) {
        return (Vec::new(), behind.to_vec());
    }
    let middle = behind.len().saturating_mul(tops).isqrt().clamp(1, behind.len());
    // Each stands before those that it feeds.
    let mut parted = (Vec::new(), Vec::new());
    let mut last = None;
    for (at, &index) in behind.iter().enumerate() {
        let block = at * middle / behind.len();
        if last.replace(block) == Some(block) { parted.1.push(index) } else { parted.0.push(index) }
    }
    parted
}

/// Gives hosts their relays, in blocks of about one size.
fn give(hosts: &mut [HostPlan], behind: &[usize], relays: &[HostId]) {
    for (at, &index) in behind.iter().enumerate() {
        let relay = relays.get(at * relays.len() / behind.len().max(1));
        if let (Some(host), Some(relay)) = (hosts.get_mut(index), relay) {
            host.relay = Some(relay.clone());
        }
    }
}

/// Tells how a release travels to the hosts of a plan, for whoever brings it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carriage {
    /// The rollout that it is about.
    pub rollout: RolloutId,
    /// What is tried, in this order.
    pub carriers: Vec<Carrier>,
    relays: HashMap<HostId, Vec<HostId>>,
    clients: HashMap<HostId, Vec<HostId>>,
}

impl Carriage {
    /// Gives the relays that a host tries, its own first and then others of its site; none for a host that has no relay.
    #[must_use]
    pub fn relays_of(&self, host: &HostId) -> &[HostId] {
        self.relays.get(host).map(Vec::as_slice).unwrap_or_default()
    }

    /// Gives the hosts that may come to a relay, whether it is theirs or the next they try; none where the host is no relay.
    #[must_use]
    pub fn clients_of(&self, relay: &HostId) -> &[HostId] {
        self.clients.get(relay).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Plan {
    /// Tells how the release travels.
    #[must_use]
    pub fn carriage(&self) -> Carriage {
        let carriers = &self.policy.carriers;
        let carriers = if carriers.is_empty() { vec![Carrier::Direct] } else { carriers.clone() };
        let mut sites: HashMap<&Option<Site>, Vec<&HostId>> = HashMap::new();
        for host in &self.hosts {
            if let Some(relay) = &host.relay {
                let known = sites.entry(&host.site).or_default();
                // Neighbours have the same.
                if known.last() != Some(&relay) && !known.contains(&relay) {
                    known.push(relay);
                }
            }
        }
        let fed: HashSet<&HostId> =
            self.hosts.iter().filter(|host| host.relay.is_some()).map(|host| &host.host).collect();
        let (mut relays, mut clients) = (HashMap::<_, Vec<HostId>>::new(), HashMap::<HostId, Vec<HostId>>::new());
        for host in &self.hosts {
            let Some(own) = &host.relay else { continue };
            let known = sites.get(&host.site).map(Vec::as_slice).unwrap_or_default();
            let at = known.iter().position(|relay| *relay == own).unwrap_or_default();
            // Whoever passes on gets it from above alone: two that wait for each other get nothing.
            let passes_on = known.contains(&&host.host);
            let others = known.iter().cycle().skip(at + 1).take(known.len().saturating_sub(1));
            let others = others.filter(|relay| !passes_on || !fed.contains(**relay)).take(MORE);
            let tried: Vec<HostId> = std::iter::once(own).chain(others.copied()).cloned().collect();
            for relay in &tried {
                clients.entry(relay.clone()).or_default().push(host.host.clone());
            }
            relays.insert(host.host.clone(), tried);
        }
        Carriage { rollout: self.rollout.clone(), carriers, relays, clients }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::super::{Member, Plan, Relays, Request, make};
    use crate::model::{Carrier, Digest, Environment, Failure, FailureClass, HostId, Probe, RolloutId, Site, Version};
    use crate::plans;

    fn host(name: &str) -> HostId {
        HostId::new(name).unwrap()
    }

    fn member(name: &str) -> Member {
        let site = name.split('.').nth(1).map(|site| Site(site.into()));
        Member { host: host(name), site, selected: true, answer: Some(Ok(Probe::default())), step: None }
    }

    fn planned(masters: &[&str], fleet: &[String], fan_out: usize, change: impl FnOnce(&mut Request)) -> Plan {
        let environment = Environment::new("production").unwrap();
        let mut plan =
            plans::plan(RolloutId::new("r1").unwrap(), environment, Version::new("1.0").unwrap(), Digest([1; 32]));
        plan.policy.carriers = vec![Carrier::Relay, Carrier::Direct];
        let mut request = Request {
            plan,
            concurrency: None,
            soak: None,
            masters: masters.iter().map(|name| member(name)).collect(),
            fleet: fleet.iter().map(|name| member(name)).collect(),
            stages: Vec::new(),
            relays: Relays { candidates: masters.iter().map(|name| host(name)).collect(), fan_out, here: Vec::new() },
            masters_alone: false,
        };
        change(&mut request);
        make(request).unwrap()
    }

    fn fed(plan: &Plan) -> BTreeMap<String, Vec<String>> {
        let mut fed: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for host in &plan.hosts {
            let relay = host.relay.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
            fed.entry(relay).or_default().push(host.host.to_string());
        }
        fed
    }

    #[test]
    fn hosts_get_it_from_a_relay_of_their_own_site_evenly_and_neighbours_from_the_same() {
        let fleet: Vec<String> = ["a1.x", "a2.x", "a3.x", "a4.x", "b1.y", "c1.z"].map(String::from).to_vec();
        let plan = planned(&["m1.x", "m2.x", "m3.y", "m4.y"], &fleet, 32, |request| {
            request.relays.here = vec![host("m4.y")];
        });
        let expected = [
            ("-", vec!["m1.x", "m2.x", "m3.y", "m4.y", "c1.z"]),
            ("m1.x", vec!["a1.x", "a2.x"]),
            ("m2.x", vec!["a3.x", "a4.x"]),
            ("m3.y", vec!["b1.y"]),
        ];
        let expected: BTreeMap<String, Vec<String>> = expected
            .into_iter()
            .map(|(relay, hosts)| (relay.to_owned(), hosts.into_iter().map(String::from).collect()))
            .collect();
        assert_eq!(fed(&plan), expected);
        let carriage = plan.carriage();
        assert_eq!(carriage.relays_of(&host("a1.x")), [host("m1.x"), host("m2.x")]);
        assert_eq!(carriage.relays_of(&host("a4.x")), [host("m2.x"), host("m1.x")]);
        assert_eq!(carriage.relays_of(&host("c1.z")), []);
        assert_eq!(carriage.clients_of(&host("m2.x")).len(), 4);
    }

    #[test]
    fn who_did_not_answer_relays_nothing_and_without_the_word_nobody_does() {
        let fleet = ["a1.x".to_owned()];
        let lost = planned(&["m1.x"], &fleet, 32, |request| {
            request.masters[0].answer = Some(Err(Failure::new(FailureClass::Unreachable, "no route")));
        });
        let direct = planned(&["m1.x"], &fleet, 32, |request| request.plan.policy.carriers.clear());
        for plan in [lost, direct] {
            assert!(plan.hosts.iter().all(|host| host.relay.is_none()), "{:?}", fed(&plan));
        }
    }

    #[test]
    fn where_many_are_behind_one_the_square_root_of_them_pass_it_on() {
        for hosts in [33_usize, 100, 1000, 10_000] {
            let fleet: Vec<String> = (0..hosts).map(|n| format!("h{n:05}.x")).collect();
            let plan = planned(&["m1.x"], &fleet, 32, |_| {});
            let fed: HashMap<HostId, usize> =
                plan.hosts.iter().filter_map(|host| host.relay.clone()).fold(HashMap::new(), |mut fed, relay| {
                    *fed.entry(relay).or_default() += 1;
                    fed
                });
            let middle = fed[&host("m1.x")];
            assert_eq!(middle, hosts.isqrt(), "of {hosts}");
            assert_eq!(fed.len(), middle + 1);
            let most = fed.iter().filter(|(relay, _)| **relay != host("m1.x")).map(|(_, fed)| *fed).max().unwrap();
            assert!(most <= middle + 2, "{most} behind one of {middle}");
            // Never in a circle, and never more than two away.
            let carriage = plan.carriage();
            for host in plan.hosts.iter().filter(|host| fed.contains_key(&host.host)) {
                for relay in carriage.relays_of(&host.host) {
                    assert_eq!(carriage.relays_of(relay), [], "{} from {relay}", host.host);
                }
            }
        }
        let few: Vec<String> = (0..32).map(|n| format!("h{n:05}.x")).collect();
        assert_eq!(fed(&planned(&["m1.x"], &few, 32, |_| {}))["m1.x"].len(), 32);
    }
}
