//! A model of the lock of one host (`assets/remote/lease.sh`), of which every state is looked at.
//!
//! Scripts of two rollouts run beside each other, a step at a time in any order: they take, renew, hold through a phase, let
//! go, free and take over. Their conductors lose answers and ask once more, crash and come back, or do nothing for as long as
//! they like, as one that sleeps. A script ends by its deadline. What is one rename(2) on a host is one step here.

use std::collections::{HashSet, VecDeque};

/// How long a lease lasts that nobody renews, how long a phase may last, and for how long it asks for the lease.
const LEASE: u8 = 1;
const PHASE: u8 = 1;
const NEED: u8 = 2;
/// When the world ends.
const LATEST: u8 = 3;
/// How many scripts run at once.
const AT_ONCE: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Lease {
    until: u8,
    token: u8,
    rollout: u8,
    term: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Take,
    Renew,
    Phase,
    Free,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Script {
    kind: Kind,
    rollout: u8,
    term: u8,
    fence: u8,
    at: u8,
    seen: Option<Lease>,
    number: u8,
    end: u8,
    id: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Conductor {
    term: u8,
    token: Option<u8>,
    /// How many it may still start of each kind.
    left: [u8; 4],
    crashes: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    time: u8,
    lock: Option<Lease>,
    /// The last lease that is over.
    last: u8,
    /// Phases that made their mark: when they end, and whose.
    marks: Vec<(u8, u8)>,
    scripts: Vec<Script>,
    conductors: [Conductor; 2],
    granted: u8,
    granted_to: (u8, u8),
    /// Whose leases came to an end, freed or taken over.
    ended: [bool; 2],
}

/// Says what the model leaves out, to see that it would find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    /// A phase lets go of the lease, or the lock is freed, whatever else runs.
    Marks,
    /// Renewing takes what is free.
    Fence,
    /// A token is not made greater than those of who came and went meanwhile.
    Settling,
}

impl World {
    fn new(story: &Story) -> Self {
        let conductor = |left, crashes| Conductor { term: 1, token: None, left, crashes };
        Self {
            time: 0,
            lock: None,
            last: 0,
            marks: Vec::new(),
            scripts: Vec::new(),
            conductors: [conductor(story.one, story.crashes), conductor(story.other, 0)],
            granted: 0,
            granted_to: (0, 0),
            ended: [false; 2],
        }
    }

    /// Gives every world that can be next, or what is broken.
    fn next(&self, without: Without) -> Result<Vec<Self>, String> {
        let mut next = Vec::new();
        if self.time < LATEST {
            let mut later = self.clone();
            later.time += 1;
            later.scripts.retain(|script| script.end >= later.time);
            // A mark that nobody removes ends by its time.
            later.marks.retain(|(end, _)| *end >= later.time);
            next.push(later);
        }
        for rollout in 0..2u8 {
            self.start(rollout, &mut next);
        }
        for place in 0..self.scripts.len() {
            next.extend(self.step(place, without)?);
        }
        Ok(next)
    }

    fn start(&self, rollout: u8, next: &mut Vec<Self>) {
        let conductor = self.conductors[rollout as usize];
        if conductor.crashes > 0 {
            let mut crashed = self.clone();
            let conductor = &mut crashed.conductors[rollout as usize];
            *conductor = Conductor { term: 2, token: None, crashes: 0, ..*conductor };
            next.push(crashed);
        }
        for (index, kind) in [Kind::Take, Kind::Renew, Kind::Phase, Kind::Free].into_iter().enumerate() {
            let fence = match (kind, conductor.token) {
                (Kind::Take, None) => 0,
                (Kind::Take, Some(_)) | (_, None) => continue,
                (_, Some(token)) => token,
            };
            if conductor.left[index] == 0 || self.scripts.len() >= AT_ONCE {
                continue;
            }
            let mut started = self.clone();
            started.conductors[rollout as usize].left[index] -= 1;
            let is_free = |id: &u8| {
                self.scripts.iter().all(|script| script.id != *id) && self.marks.iter().all(|(_, of)| of != id)
            };
            let (term, end) = (conductor.term, self.time + PHASE);
            let id = (1..).find(is_free).unwrap();
            started.scripts.push(Script { kind, rollout, term, fence, at: 0, seen: None, number: 0, end, id });
            next.push(started);
        }
    }

    fn step(&self, place: usize, without: Without) -> Result<Vec<Self>, String> {
        let mut world = self.clone();
        let script = self.scripts[place];
        let ours = |lease: Option<Lease>| {
            lease.is_some_and(|lease| lease.rollout == script.rollout && lease.token == script.fence)
        };
        let go = |world: &mut Self, at: u8| world.scripts[place].at = at;
        let lost = |world: &mut Self| {
            world.scripts.remove(place);
            world.marks.retain(|(_, of)| *of != script.id);
            let others = self.lock.is_some_and(|lease| (lease.rollout, lease.term) != (script.rollout, script.term));
            if others || self.granted > script.fence || self.ended[script.rollout as usize] {
                Ok(())
            } else {
                Err(format!("{script:?} was told that its lock is lost, and nobody came"))
            }
        };
        // Renames the lease that was read, where it is still there.
        let rename = |world: &mut Self, to: Option<Lease>| {
            let there = world.lock == script.seen;
            if there {
                if to.is_none() {
                    world.last = world.last.max(script.seen.map_or(0, |lease| lease.token));
                }
                world.lock = to;
            }
            there
        };
        let others_run = |world: &Self| world.marks.iter().any(|(end, of)| *of != script.id && *end >= world.time);
        match (script.kind, script.at) {
            (Kind::Take, 0) => {
                world.scripts[place].seen = world.lock;
                world.scripts[place].number = world.last;
                go(&mut world, 1);
            }
            (Kind::Take, 1) => match script.seen {
                None => {
                    // A folder is renamed to where there is none.
                    let token = script.number + 1;
                    let lease = Lease { until: world.time + LEASE, token, rollout: script.rollout, term: script.term };
                    if world.lock.is_none() {
                        world.lock = Some(lease);
                        world.scripts[place].seen = Some(lease);
                        go(&mut world, 2);
                    } else {
                        go(&mut world, 0);
                    }
                }
                Some(lease) if lease.rollout == script.rollout => {
                    if lease.term > script.term {
                        world.scripts.remove(place);
                        return Ok(vec![world]);
                    }
                    let token = lease.token + u8::from(lease.term < script.term);
                    let until = lease.until.max(world.time + LEASE);
                    let renewed = Lease { until, token, rollout: script.rollout, term: script.term };
                    if rename(&mut world, Some(renewed)) {
                        world.scripts[place].seen = Some(renewed);
                        go(&mut world, 2);
                    } else {
                        go(&mut world, 0);
                    }
                }
                Some(lease) if lease.until >= world.time => {
                    world.scripts.remove(place);
                }
                Some(lease) => {
                    if rename(&mut world, None) {
                        world.ended[lease.rollout as usize] = true;
                    }
                    go(&mut world, 0);
                }
            },
            (Kind::Take, _) => {
                let Some(lease) = script.seen.filter(|_| world.lock == script.seen) else {
                    go(&mut world, 0);
                    return Ok(vec![world]);
                };
                if world.last >= lease.token && without != Without::Settling {
                    let settled = Lease { token: world.last + 1, ..lease };
                    world.lock = Some(settled);
                    world.scripts[place].seen = Some(settled);
                } else {
                    return world.grant(place, lease);
                }
            }
            (Kind::Renew, 0) | (Kind::Free, 0) | (Kind::Phase, 1) => {
                world.scripts[place].seen = world.lock;
                go(&mut world, script.at + 1);
                if script.kind == Kind::Renew && without == Without::Fence && world.lock.is_none() {
                    let (rollout, term, token) = (script.rollout, script.term, script.fence);
                    world.lock = Some(Lease { until: world.time + LEASE, token, rollout, term });
                    world.scripts.remove(place);
                } else if !ours(world.lock) {
                    lost(&mut world)?;
                }
            }
            (Kind::Renew, _) => {
                let Some(lease) = script.seen else { return Ok(Vec::new()) };
                let until = lease.until.max(world.time + LEASE);
                if until == lease.until || rename(&mut world, Some(Lease { until, ..lease })) {
                    world.scripts.remove(place);
                } else {
                    go(&mut world, 0);
                }
            }
            (Kind::Free, _) => {
                if without != Without::Marks && others_run(&world) {
                    world.scripts.remove(place);
                } else if rename(&mut world, None) {
                    world.ended[script.rollout as usize] = true;
                    world.scripts.remove(place);
                } else {
                    go(&mut world, 0);
                }
            }
            (Kind::Phase, 0) => {
                world.marks.push((world.time + NEED, script.id));
                go(&mut world, 1);
            }
            (Kind::Phase, 2) => {
                let Some(lease) = script.seen else { return Ok(Vec::new()) };
                let until = (world.time + NEED).max(lease.until + 1);
                let held = Lease { until, ..lease };
                if rename(&mut world, Some(held)) {
                    world.scripts[place].seen = Some(held);
                    go(&mut world, 3);
                } else {
                    go(&mut world, 1);
                }
            }
            (Kind::Phase, 3) => {
                go(&mut world, 4);
                if !ours(world.lock) {
                    lost(&mut world)?;
                }
            }
            (Kind::Phase, 4) => {
                let holder = world.lock.map(|lease| lease.rollout);
                let overtaken = self.granted > script.fence && self.granted_to.0 != script.rollout;
                if holder != Some(script.rollout) || overtaken {
                    return Err(format!("{script:?} writes, and the lock is {:?}", world.lock));
                }
                go(&mut world, 5);
            }
            (Kind::Phase, 5) => {
                world.marks.retain(|(_, of)| *of != script.id);
                // What it made of the lease is what it may take back.
                if world.lock == script.seen {
                    go(&mut world, 6);
                } else {
                    world.scripts.remove(place);
                }
            }
            (Kind::Phase, _) => {
                if let Some(lease) = script.seen
                    && (without == Without::Marks || !others_run(&world))
                {
                    let until = (world.time + LEASE).min(lease.until);
                    rename(&mut world, Some(Lease { until, ..lease }));
                }
                world.scripts.remove(place);
            }
        }
        Ok(vec![world])
    }

    /// Gives a lease to who took it; the answer may be lost.
    fn grant(mut self, place: usize, lease: Lease) -> Result<Vec<Self>, String> {
        let script = self.scripts.remove(place);
        let again = lease.token == self.granted && self.granted_to == (lease.rollout, lease.term);
        if !again && lease.token <= self.granted {
            return Err(format!("{lease:?} is given, and token {} was given before", self.granted));
        }
        (self.granted, self.granted_to) = (lease.token, (lease.rollout, lease.term));
        let lost = self.clone();
        let conductor = &mut self.conductors[script.rollout as usize];
        if conductor.term == script.term {
            conductor.token = Some(lease.token);
        }
        Ok(vec![self, lost])
    }
}

/// Says how many scripts two rollouts may start: to take, to renew, of phases and to free.
struct Story {
    one: [u8; 4],
    crashes: u8,
    other: [u8; 4],
}

/// A renewal beside a phase, and a retry of whichever answer was lost, while another waits for the lock.
const BESIDE: Story = Story { one: [2, 1, 1, 0], crashes: 0, other: [1, 0, 0, 0] };
/// A phase beside its first copy, and the lock freed beside both.
const TWICE: Story = Story { one: [1, 0, 2, 1], crashes: 0, other: [1, 0, 0, 0] };
/// A conductor that dies, and the next one of its rollout.
const RESUMED: Story = Story { one: [2, 0, 1, 0], crashes: 1, other: [1, 0, 0, 0] };
/// Two that take and free, in any order, and one that comes back late.
const BACK: Story = Story { one: [1, 1, 1, 1], crashes: 0, other: [1, 0, 0, 1] };

/// Looks at every world that can come of a story; gives how many there are, or what is broken and how it came to that.
fn explore(story: &Story, without: Without) -> Result<usize, String> {
    let mut seen = HashSet::new();
    let mut waiting = VecDeque::from([World::new(story)]);
    while let Some(world) = waiting.pop_front() {
        let next = world.next(without).map_err(|why| format!("{why}\nin {world:#?}"))?;
        for mut world in next {
            // Which of them began first makes no difference.
            world.scripts.sort_unstable_by_key(|script| script.id);
            world.marks.sort_unstable();
            if seen.insert(world.clone()) {
                waiting.push_back(world);
            }
        }
    }
    Ok(seen.len())
}

#[test]
fn whoever_lost_a_lease_writes_nothing_and_nobody_loses_it_to_himself() {
    for story in [BESIDE, TWICE, RESUMED, BACK] {
        let worlds = explore(&story, Without::Nothing).unwrap_or_else(|why| panic!("{why}"));
        println!("{worlds} worlds");
        assert!(worlds > 5_000, "only {worlds} worlds were looked at");
    }
}

#[test]
fn what_holds_the_protocol_together_is_missed_where_it_is_missing() {
    for (story, without) in [(TWICE, Without::Marks), (BACK, Without::Fence), (BACK, Without::Settling)] {
        let found = explore(&story, without);
        assert!(found.is_err(), "nothing is broken without {without:?}: {found:?}");
    }
}
