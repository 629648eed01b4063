//! Plays a scenario with the whole engine, in virtual time, with a person at the keyboard.

use std::cell::RefCell;
use std::io::Cursor;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use coalmine::engine::{Engine, Handle, Known, Parts, Settings, VirtualClock};
use coalmine::host::sim::{Change, SimFleet};
use coalmine::journal::{Journal, Memory, Records};
use coalmine::model::{Command, HostId, Installed, ReleaseId, RolloutId};
use coalmine::rollout::{Event, Machine, Mode, Record, State};
use jiff::SignedDuration;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};

use crate::scenario::{Scenario, SimSite, command, epoch, operator, release};

/// No rollout of the simulator takes longer: soaks are hours, and people answer within one.
const LONGEST: Duration = Duration::from_secs(12 * 24 * 3600);

/// Holds what came of a scenario.
pub(crate) struct Played {
    pub(crate) records: Vec<Record>,
    pub(crate) state: State,
    pub(crate) fleet: SimFleet,
    pub(crate) site: Arc<SimSite>,
    /// Which laws were broken while it ran.
    pub(crate) broken: Vec<String>,
    pub(crate) resumes: usize,
    /// When it was gone on with for the last time, and when it was over.
    pub(crate) resumed_at: Option<Instant>,
    pub(crate) done_at: Option<Instant>,
    /// Whether it had switched a host before, or seen there what another did, or not begun at all.
    pub(crate) has_claims: bool,
}

/// Runs something in virtual time.
pub(crate) fn in_virtual_time<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

pub(crate) fn records_of(memory: &Memory) -> Result<Vec<Record>, String> {
    Records::new(Cursor::new(memory.bytes()), "memory").collect::<Result<_, _>>().map_err(|error| error.to_string())
}

pub(crate) fn parts(
    scenario: &Scenario,
    fleet: &SimFleet,
    site: &Arc<SimSite>,
    clock: VirtualClock,
) -> Parts<SimFleet, SimSite> {
    let checks = scenario.checks_of();
    Parts {
        fleet: Arc::new(fleet.clone()),
        site: Arc::clone(site),
        releases: Arc::new(|id: &ReleaseId| Some(release(id.version().as_str())).filter(|found| found.id == *id)),
        checks: Arc::new(move |_: &HostId, _: Option<&ReleaseId>| checks.clone()),
        clock: Arc::new(clock),
        knows: Arc::new(|_: &RolloutId| Known::Nothing),
    }
}

/// Says what becomes of the machine that conducts, beside losing its power.
#[derive(Debug, Clone, Default)]
pub(crate) struct Habits {
    /// When it sleeps, from when until when after the beginning: a closed lid, a stopped process.
    pub(crate) naps: Vec<(Duration, Duration)>,
    /// How far its clock is off, when the first conductor starts, the second, and so on; the last one stays.
    pub(crate) off: Vec<SignedDuration>,
}

impl Habits {
    /// Gives the clock of a conductor that starts now.
    fn clock(&self, conductor: usize, right: &VirtualClock) -> VirtualClock {
        let off = self.off.get(conductor).or(self.off.last()).copied().unwrap_or_default();
        VirtualClock::new(clock_now(right) + off)
    }
}

/// Does nothing while the machine sleeps; `woke` is called when it has slept.
async fn but_asleep<T>(naps: &[(Instant, Instant)], future: impl Future<Output = T>, mut woke: impl FnMut()) -> T {
    let mut future = pin!(future);
    let mut alarm: Option<Pin<Box<Sleep>>> = None;
    std::future::poll_fn(|context| {
        let now = Instant::now();
        if let Some((_, until)) = naps.iter().find(|(from, until)| (*from..*until).contains(&now)) {
            let alarm = alarm.insert(Box::pin(sleep_until(*until)));
            return alarm.as_mut().poll(context).map(|()| unreachable!("it is not that late"));
        }
        if alarm.take().is_some() {
            woke();
        }
        future.as_mut().poll(context)
    })
    .await
}

/// Finds a host that another rollout has taken while this conductor slept, which was given its lock and never heard of the loss.
fn was_taken(scenario: &Scenario, memory: &Memory, fleet: &SimFleet) -> Option<HostId> {
    let records = records_of(memory).ok()?;
    let state = State::replay(&records);
    let resumed = records.iter().rposition(|record| matches!(record.event, Event::Resumed { .. })).unwrap_or(0);
    let conductors: Vec<&HostId> = records
        .iter()
        .skip(resumed)
        .filter_map(|record| match &record.event {
            Event::HostProbed { host, .. } => Some(host),
            _ => None,
        })
        .collect();
    let took = |change: &&(jiff::Timestamp, Change)| matches!(change.1, Change::Locked(_));
    scenario.hosts.iter().map(|host| &host.id).find_map(|id| {
        let status = state.hosts().iter().find(|host| host.id == *id)?;
        let last = fleet.get(id)?.disk().changes.into_iter().rfind(|change| took(&change))?;
        let is_others = last.1 != Change::Locked(scenario.plan.rollout.clone());
        (conductors.contains(&id) && status.locked && !status.lost && is_others).then(|| id.clone())
    })
}

/// Plays a scenario to its end; the power fails after the given line of the journal, once.
pub(crate) fn play(scenario: &Scenario, power_fails_after: Option<usize>) -> Played {
    in_virtual_time(async { play_in(scenario, scenario.fleet(), power_fails_after).await })
}

pub(crate) async fn play_in(scenario: &Scenario, fleet: SimFleet, power_fails_after: Option<usize>) -> Played {
    play_as(scenario, fleet, power_fails_after, &Habits::default()).await
}

/// As [`play_in`], on a machine that sleeps now and then, and whose clock is off.
pub(crate) async fn play_as(
    scenario: &Scenario,
    fleet: SimFleet,
    power_fails_after: Option<usize>,
    habits: &Habits,
) -> Played {
    let site = Arc::new(SimSite::new(scenario.seed, scenario.weather));
    let right = VirtualClock::new(epoch());
    let mut clock = habits.clock(0, &right);
    let begin = Instant::now();
    let naps: Vec<_> = habits.naps.iter().map(|(from, until)| (begin + *from, begin + *until)).collect();
    // How many records there were when it woke and others had come: the next one says so.
    let lost_at: RefCell<Vec<(usize, HostId)>> = RefCell::default();
    let memory = Memory::new();
    memory.cut_after(power_fails_after);
    let mut played = Played {
        records: Vec::new(),
        state: State::new(),
        fleet: fleet.clone(),
        site: Arc::clone(&site),
        broken: Vec::new(),
        resumes: 0,
        resumed_at: None,
        done_at: None,
        has_claims: false,
    };
    let (machine, first) = Machine::plan(scenario.plan.clone(), clock_now(&clock));
    let mut journal = Journal::new(memory.clone(), "memory");
    let mut next = match journal.append([&first]) {
        Ok(()) => Some(machine),
        Err(_) => None,
    };
    let mut person = Person::new(scenario);
    if !naps.is_empty() {
        person.answered_within = Duration::from_secs(1200);
    }
    let end = Instant::now() + LONGEST;
    loop {
        if let Some(machine) = next.take() {
            let settings =
                Settings { lock_wait: scenario.lock_wait, lease: scenario.lease, ..Settings::new(operator("amy")) };
            let journal = Journal::new(memory.clone(), "memory");
            // Another process knows nothing of the leases that the one before was given.
            let seen = fleet.from_another_server();
            for (from, until) in &naps {
                seen.suspend(*from, *until);
            }
            let (engine, handle) = Engine::new(machine, journal, parts(scenario, &seen, &site, clock), settings);
            let conducted = async {
                tokio::select! {
                    biased;
                    () = power_failure(&memory) => None,
                    finished = engine.run() => Some(finished),
                    () = person.sit(&handle, &memory, &mut played.broken) => None,
                    () = sleep_until(end) => None,
                }
            };
            let finished = but_asleep(&naps, conducted, || {
                lost_at.borrow_mut().extend(was_taken(scenario, &memory, &fleet).map(|host| (memory.lines(), host)));
            })
            .await;
            match finished {
                Some(Ok(finished)) if finished.state.mode() == Mode::Finished => {
                    played.state = finished.state;
                    played.done_at = Some(Instant::now());
                    break;
                }
                Some(Ok(finished)) if finished.state.suspended().is_none() => {
                    played.broken.push("the engine left a rollout that is neither over nor suspended".to_owned());
                    played.state = finished.state;
                    break;
                }
                Some(Ok(_)) | None if Instant::now() < end => {}
                Some(Err(_)) if memory.was_cut() => {}
                Some(Err(error)) => played.broken.push(format!("the engine failed: {error}")),
                _ => {}
            }
            if Instant::now() >= end {
                played.broken.push(format!("law 10: it does not end; {}", person.last));
                break;
            }
            sleep(Duration::from_secs(person.random.u64(0..300))).await;
        }
        played.resumes += 1;
        memory.mend();
        memory.cut_after(None);
        let Ok(records) = records_of(&memory) else { break };
        clock = habits.clock(played.resumes, &right);
        played.resumed_at = Some(Instant::now());
        let before = State::replay(&records);
        played.has_claims |= before.anything_switched() || before.mode() == Mode::Planned || before.plan().is_none();
        // What another did before this one ever had the lock, it has seen, and goes over on purpose.
        played.has_claims |= records.iter().any(|record| match &record.event {
            Event::HostProbed { host, installed, .. } => scenario.plan.hosts.iter().any(|planned| {
                planned.host == *host && planned.from.as_ref().and_then(Installed::release) != installed.release()
            }),
            _ => false,
        });
        match Machine::resume(State::replay(&records), clock_now(&clock)) {
            Some(machine) => next = Some(machine),
            // The power failed before there was a plan: somebody starts anew.
            None => {
                let (machine, first) = Machine::plan(scenario.plan.clone(), clock_now(&clock));
                if let Err(error) = Journal::new(memory.clone(), "memory").append([&first]) {
                    played.broken.push(error.to_string());
                    break;
                }
                next = Some(machine);
            }
        }
    }
    match records_of(&memory) {
        Ok(records) => played.records = records,
        Err(error) => played.broken.push(format!("the journal cannot be read: {error}")),
    }
    for (line, host) in lost_at.into_inner() {
        let next = played.records.get(line).map(|record| &record.event);
        if !matches!(next, Some(Event::LockLost { .. } | Event::Resumed { .. })) {
            played.broken.push(format!("law 12: {host} was another's when it woke, and it wrote {next:?}"));
        }
    }
    if played.broken.is_empty() && State::replay(&played.records) != played.state {
        played.broken.push("law 6: the journal gives another state than the engine had".to_owned());
    }
    played
}

pub(crate) fn clock_now(clock: &VirtualClock) -> jiff::Timestamp {
    coalmine::engine::Clock::now(clock)
}

/// Ends when the power has failed; looks whenever its neighbours in a `select!` have moved.
async fn power_failure(memory: &Memory) {
    std::future::poll_fn(|_| if memory.was_cut() { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// Gives the commands of a scenario, and answers whatever waits for a person.
struct Person {
    random: fastrand::Rng,
    scenario: Scenario,
    start: Instant,
    patience: u32,
    answered_within: Duration,
    last: String,
    shadow: Shadow,
}

/// Follows a journal that grows, as a console would.
#[derive(Default)]
struct Shadow {
    state: State,
    place: usize,
}

impl Shadow {
    fn follow(&mut self, memory: &Memory) -> Result<(), String> {
        let bytes = memory.bytes_from(self.place);
        for line in bytes.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            let text = std::str::from_utf8(line).map_err(|error| error.to_string())?;
            self.state.apply(&Record::from_line(text).map_err(|error| error.to_string())?);
            self.place += line.len();
        }
        Ok(())
    }
}

impl Person {
    fn new(scenario: &Scenario) -> Self {
        Self {
            random: fastrand::Rng::with_seed(scenario.seed ^ 0x5eed),
            scenario: scenario.clone(),
            start: Instant::now(),
            patience: 12,
            answered_within: Duration::from_secs(1),
            last: String::new(),
            shadow: Shadow::default(),
        }
    }

    async fn sit(&mut self, handle: &Handle, memory: &Memory, broken: &mut Vec<String>) {
        loop {
            let nap = Duration::from_millis(self.random.u64(1..1_200_000));
            let due = self.scenario.commands.first().map(|(at, _)| self.start + *at);
            let wake = due.map_or(Instant::now() + nap, |due| due.min(Instant::now() + nap));
            sleep_until(wake).await;
            if due.is_some_and(|due| due <= wake) {
                let (_, command) = self.scenario.commands.remove(0);
                self.give(handle, command, broken).await;
            }
            let Some(state) = handle.state().await else { std::future::pending().await };
            // Law 6, for the prefix that is there now.
            match self.shadow.follow(memory) {
                Ok(()) if self.shadow.state == state || memory.was_cut() => {}
                Ok(()) => broken.push(format!("law 6: at record {} the journal gives another state", state.seq())),
                Err(error) => broken.push(error),
            }
            self.last = format!("{:?}, paused: {:?}, stopping: {:?}", state.mode(), state.paused(), state.stopping());
            let waits = state.paused().is_some() || matches!(state.mode(), Mode::Promoting { .. });
            if waits && self.scenario.commands.is_empty() {
                self.patience = self.patience.saturating_sub(1);
                let command = match (self.patience, self.random.u8(0..4)) {
                    (0, _) => Command::Abort,
                    (_, 0..2) => Command::Continue,
                    _ => command(&mut self.random, &self.scenario.plan),
                };
                self.give(handle, command, broken).await;
            }
        }
    }

    async fn give(&mut self, handle: &Handle, command: Command, broken: &mut Vec<String>) {
        match timeout(self.answered_within, handle.command(command.clone(), operator("eve"))).await {
            Ok(Ok(())) => {}
            Ok(Err(rejection)) if rejection.0.is_empty() => broken.push(format!("law 10: {command:?}: no reason")),
            Ok(Err(_)) => {}
            Err(_) => broken.push(format!("law 10: {command:?} was not answered")),
        }
        if command == Command::Abort {
            let longest = Duration::from_secs(3600 * (4 + self.scenario.plan.hosts.len() as u64));
            sleep(longest).await;
            if handle.state().await.is_some() {
                broken.push("law 10: it was aborted and goes on".to_owned());
            }
        }
    }
}
