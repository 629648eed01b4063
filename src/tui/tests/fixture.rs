//! Rollouts as the real machine makes them, and a console to show them on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use crate::model::{
    Bytes, Command, Digest, Environment, Failure, FailureClass, HostId, HostState, Installed, Operator, ReleaseId,
    RollBackTarget, RolloutId, Site, StageName, Verdict, Version,
};
use crate::plan::{
    Budget, HostPlan, LeftOut, LeftOutReason, Plan, PlanKind, Policy, Promote, StageGate, StageKind, StagePlan,
};
use crate::plans;
use crate::rollout::{Effect, Event, HostGate, Input, Machine, Outcome, Record, Task, TaskError, TaskOutput};
use crate::tui::app::App;
use crate::tui::messages::{
    EnvironmentFacts, HistoryRow, LiveRollout, LockFacts, Message, Request, Settings, Source, Standing, SurveyHost,
    SurveyRow, VersionRow,
};
use crate::tui::theme::Theme;
use crate::tui::view;

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn host(name: &str) -> HostId {
    HostId::new(name).unwrap()
}

pub(super) fn version(name: &str) -> Version {
    Version::new(name).unwrap()
}

pub(super) fn operator() -> Operator {
    Operator("alice@deploy1".into())
}

pub(super) fn rollout_id() -> RolloutId {
    RolloutId::new("20261121T130200Z-k3f9").unwrap()
}

fn release(name: &str, digest: u8) -> ReleaseId {
    ReleaseId::new(&version(name), &Digest([digest; 32]))
}

fn stage(name: &str, kind: StageKind, waves: Vec<usize>, soak: u64, promote: Promote) -> StagePlan {
    StagePlan {
        kind,
        concurrency: 10,
        soak: Duration::from_secs(soak),
        promote,
        budget: Budget { unreachable: 0, transfer: 2, activate: 1, unhealthy: 1 },
        ..plans::stage(StageName::new(name).unwrap(), waves)
    }
}

pub(super) fn names(count: usize) -> Vec<HostId> {
    let site = |i: usize| if i.is_multiple_of(3) { "codfw" } else { "eqiad" };
    (1..=count).map(|i| host(&format!("mw{i:02}.{}.wmnet", site(i)))).collect()
}

/// Plans 4.283.0 on a master, two canaries and the rest of so many hosts.
pub(super) fn plan(count: usize) -> Plan {
    let from = Installed::Release { id: release("4.282.1", 7), digest: Some(Digest([7; 32])), drift: None };
    let good = Some(RollBackTarget::Release { id: release("4.282.1", 7) });
    let planned = |host: HostId| HostPlan {
        site: host.as_str().split('.').nth(1).map(|site| Site(site.into())),
        from: Some(from.clone()),
        good: good.clone(),
        ..plans::host(host)
    };
    let mut canary = stage("canary", StageKind::Targets, vec![2], 900, Promote::Manual);
    canary.gates =
        vec![StageGate { name: "error rate".into(), every: Duration::from_secs(30), baseline: true, dry: false }];
    let rest = count - 2;
    let waves = if rest > 4 { vec![1, rest / 4, rest - 1 - rest / 4] } else { vec![rest] };
    Plan {
        reason: Some("security fix".to_owned()),
        policy: Policy { prime_width: 8, control_width: 16, ..plans::policy() },
        stages: vec![
            stage("masters", StageKind::Masters, vec![1], 0, Promote::Auto),
            canary,
            stage("fleet", StageKind::Targets, waves, 600, Promote::Auto),
        ],
        hosts: std::iter::once(host("deploy1.eqiad.wmnet")).chain(names(count)).map(planned).collect(),
        left_out: vec![
            LeftOut {
                host: host("mw90.eqiad.wmnet"),
                reason: LeftOutReason::Current,
                message: String::new(),
                is_master: false,
            },
            LeftOut {
                host: host("mw91.eqiad.wmnet"),
                reason: LeftOutReason::Current,
                message: String::new(),
                is_master: false,
            },
            LeftOut {
                host: host("mw95.codfw.wmnet"),
                reason: LeftOutReason::Unreachable,
                message: "connection timed out".to_owned(),
                is_master: false,
            },
        ],
        ..plans::plan(rollout_id(), Environment::new("production").unwrap(), version("4.283.0"), Digest([26; 32]))
    }
}

/// Runs a rollout: the machine decides, and whatever it asks for is done as the script says.
pub(super) struct Run {
    machine: Machine,
    pub(super) now: Timestamp,
    pub(super) records: Vec<Record>,
    open: Vec<Effect>,
    fail: BTreeMap<HostId, (Task, Failure)>,
    unhealthy: BTreeMap<HostId, String>,
    gate: (Verdict, f64, String),
}

impl Run {
    pub(super) fn new(plan: Plan) -> Self {
        let now = at("2026-11-21T13:02:00Z");
        let (machine, first) = Machine::plan(plan, now);
        let mut run = Self {
            machine,
            now,
            records: vec![first],
            open: Vec::new(),
            fail: BTreeMap::new(),
            unhealthy: BTreeMap::new(),
            gate: (Verdict::Pass, 3.1, String::new()),
        };
        run.step(Input::Begin { by: operator() });
        run
    }

    /// Makes a host's task fail.
    pub(super) fn failing(mut self, name: &str, task: Task, failure: Failure) -> Self {
        self.fail.insert(host(name), (task, failure));
        self
    }

    /// Makes a host fail its gate.
    pub(super) fn unhealthy(mut self, name: &str, message: &str) -> Self {
        self.unhealthy.insert(host(name), message.to_owned());
        self
    }

    /// Makes a host fail its gate, and again on the release that it goes back to.
    pub(super) fn sick_on_both(self, name: &str) -> Self {
        let task = Task::RollBack(RollBackTarget::Release { id: release("4.282.1", 7) });
        let failure = Failure::new(FailureClass::Unhealthy, "went back, and there too gate \"answers\" failed: exit 1");
        self.unhealthy(name, "exit 1").failing(name, task, failure)
    }

    /// Makes the gates of stages answer something.
    pub(super) fn gate(mut self, verdict: Verdict, value: f64, message: &str) -> Self {
        self.gate = (verdict, value, message.to_owned());
        self
    }

    pub(super) fn state(&self) -> &crate::rollout::State {
        self.machine.state()
    }

    pub(super) fn step(&mut self, input: Input) -> Option<Result<(), crate::rollout::Rejection>> {
        let step = self.machine.step(input, self.now);
        self.records.extend(step.records);
        self.open.extend(step.effects);
        step.reply
    }

    pub(super) fn command(&mut self, command: Command) -> Result<(), crate::rollout::Rejection> {
        self.step(Input::Command { command, by: operator() }).unwrap()
    }

    pub(super) fn pass(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        self.step(Input::Tick);
    }

    /// Does the oldest thing that is asked for; tells whether there was one.
    pub(super) fn perform_one(&mut self) -> bool {
        self.perform_if(|_, _| true)
    }

    /// Does the oldest thing that is asked for and may be done.
    fn perform_if(&mut self, may: impl Fn(&HostId, &Task) -> bool) -> bool {
        let place = self.open.iter().position(|effect| match effect {
            Effect::Start { host, task } => may(host, task),
            Effect::Ask { .. } | Effect::Hook { .. } | Effect::Cancel { .. } => true,
        });
        let Some(place) = place else { return false };
        match self.open.remove(place) {
            Effect::Start { host, task } => {
                let result = self.result(&host, &task);
                self.step(Input::Done { host, task, result });
            }
            Effect::Ask { stage, gate, scope } => {
                let (verdict, value, message) = self.gate.clone();
                self.step(Input::Gate { stage, gate, scope, verdict, value: Some(value), message });
            }
            Effect::Hook { hook, stage } => {
                self.step(Input::Hook { hook, stage, error: None });
            }
            Effect::Cancel { host } => {
                if let Some(place) =
                    self.open.iter().position(|open| matches!(open, Effect::Start { host: busy, .. } if *busy == host))
                    && let Effect::Start { host, task } = self.open.remove(place)
                {
                    self.step(Input::Done { host, task, result: Err(TaskError::Cancelled) });
                }
            }
        }
        true
    }

    fn result(&self, host: &HostId, task: &Task) -> Result<TaskOutput, TaskError> {
        if let Some((failing, failure)) = self.fail.get(host)
            && std::mem::discriminant(failing) == std::mem::discriminant(task)
        {
            return Err(TaskError::Failed(Box::new(failure.clone())));
        }
        let good = release("4.282.1", 7);
        Ok(match task {
            Task::Lock => TaskOutput::Locked {
                installed: Installed::Release { id: good.clone(), digest: Some(Digest([7; 32])), drift: None },
                good: Some(RollBackTarget::Release { id: good }),
                latency_ms: 41,
                taken_from: None,
            },
            Task::Prime => TaskOutput::Primed { already: false, bytes: Bytes(73_085_747), carried: None },
            Task::Activate => TaskOutput::Activated { already: false },
            Task::Check => TaskOutput::Checked {
                gates: vec![HostGate {
                    gate: "answers".into(),
                    verdict: if self.unhealthy.contains_key(host) { Verdict::Fail } else { Verdict::Pass },
                    message: self.unhealthy.get(host).cloned().unwrap_or_default(),
                    output: "Traceback (most recent call last):\n  ImportError: no module named scap".to_owned(),
                    dry: false,
                }],
            },
            _ => TaskOutput::Done,
        })
    }

    /// Goes on, a second for each thing that is done, until something holds or nothing is left to do.
    pub(super) fn until(&mut self, holds: impl Fn(&crate::rollout::State) -> bool) -> &mut Self {
        for _ in 0..20_000 {
            if holds(self.state()) || !self.perform_one() {
                break;
            }
            self.pass(1);
        }
        self
    }

    /// Does everything that is asked for and is allowed, and leaves the rest open.
    pub(super) fn only(&mut self, may: impl Fn(&HostId, &Task) -> bool) -> &mut Self {
        while self.perform_if(&may) {
            self.pass(1);
        }
        self
    }

    /// Says that bytes arrived.
    pub(super) fn progress(&mut self, name: &str, percent: u64, rate: u64) {
        let total = 73_085_747;
        let bytes = total * percent / 100;
        let event = Event::HostProgress {
            host: host(name),
            bytes: Bytes(bytes),
            total: Bytes(total),
            rate: Bytes(rate),
            eta: (total - bytes).checked_div(rate),
        };
        self.live(event);
    }

    /// Says that somebody keeps everybody waiting.
    pub(super) fn awaited(&mut self, name: &str, at_most_s: u64) {
        self.live(Event::HostsAwaited { hosts: vec![host(name)], at_most_s, without: String::new() });
    }

    fn live(&mut self, event: Event) {
        let seq = self.state().seq();
        self.records.push(Record { seq, at: self.now, rollout: rollout_id(), event });
    }
}

/// A console on a screen in memory.
pub(super) struct Console {
    pub(super) state: App,
    pub(super) asked: Vec<Request>,
    terminal: Terminal<TestBackend>,
}

impl Console {
    pub(super) fn new(columns: u16, rows: u16) -> Self {
        Self::with(settings(), columns, rows)
    }

    pub(super) fn with(settings: Settings, columns: u16, rows: u16) -> Self {
        let (state, asked) = App::new(settings, (columns, rows), view::LAYOUT);
        let terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        Self { state, asked, terminal }
    }

    pub(super) fn send(&mut self, message: Message) -> &mut Self {
        if let Message::Resize(columns, rows) = message {
            self.terminal.backend_mut().resize(columns, rows);
        }
        self.asked.extend(self.state.update(message));
        self
    }

    /// Presses keys, drawing after each as a person who looks would see it; `<Esc>` and the like are named keys.
    pub(super) fn press(&mut self, keys: &str) -> &mut Self {
        let mut rest = keys;
        while !rest.is_empty() {
            let (key, after) = read_key(rest);
            rest = after;
            self.send(Message::Key(key));
            self.draw();
            self.send(Message::Drawn);
        }
        self
    }

    /// Shows a rollout as it stands.
    pub(super) fn watch(&mut self, run: &Run, source: Source) -> &mut Self {
        self.send(Message::Opened { rollout: rollout_id(), source });
        self.send(Message::Records { rollout: rollout_id(), records: run.records.clone() });
        self.send(Message::Tick(run.now));
        self.press("3")
    }

    pub(super) fn draw(&mut self) -> &Buffer {
        self.state.fit();
        let Self { state, terminal, .. } = self;
        terminal.draw(|frame| view::draw(frame, state)).unwrap();
        self.terminal.backend().buffer()
    }

    /// Gives the screen as text, without the blanks at the ends of lines.
    pub(super) fn screen(&mut self) -> String {
        text(self.draw())
    }

    /// Gives what was asked for since the last time.
    pub(super) fn requests(&mut self) -> Vec<Request> {
        self.asked.drain(..).collect()
    }

    /// Sends a fleet that was surveyed: so many hosts answered, in all states.
    pub(super) fn survey(&mut self, count: usize, answered: usize) -> &mut Self {
        self.send(Message::Environment(facts()));
        self.send(Message::SurveyStarted { hosts: survey_hosts(count) });
        for (place, host) in names(count).into_iter().enumerate().take(answered) {
            self.send(Message::SurveyRow(Box::new(survey_row(place, host))));
        }
        if answered == count {
            self.send(Message::SurveyDone(Ok(())));
        }
        self
    }
}

fn read_key(text: &str) -> (KeyEvent, &str) {
    if let Some((name, after)) = text.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
        let key = match name {
            "Esc" => plain(KeyCode::Esc),
            "Enter" => plain(KeyCode::Enter),
            "Tab" => plain(KeyCode::Tab),
            "BackTab" => plain(KeyCode::BackTab),
            "Up" => plain(KeyCode::Up),
            "Down" => plain(KeyCode::Down),
            "Home" => plain(KeyCode::Home),
            "End" => plain(KeyCode::End),
            "PgUp" => plain(KeyCode::PageUp),
            "PgDn" => plain(KeyCode::PageDown),
            "Backspace" => plain(KeyCode::Backspace),
            _ => {
                let c = name.strip_prefix("Ctrl-").and_then(|rest| rest.chars().next()).unwrap();
                KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)
            }
        };
        return (key, after);
    }
    let c = text.chars().next().unwrap();
    (KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE), text.strip_prefix(c).unwrap())
}

pub(super) fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        for x in 0..buffer.area.width {
            line.push_str(buffer.cell((x, y)).unwrap().symbol());
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

pub(super) fn settings() -> Settings {
    Settings {
        invocation: crate::words::Typed::new(None, Some("production"), None),
        environment: Environment::new("production").unwrap(),
        environments: ["production", "beta"].map(|name| Environment::new(name).unwrap()).to_vec(),
        zone: TimeZone::UTC,
        theme: Theme::default(),
        keys: std::sync::Arc::default(),
        hidden: crate::tui::messages::Hidden::default(),
        read_only: false,
        mouse: false,
        now: at("2026-11-21T13:00:00Z"),
        open: None,
    }
}

pub(super) fn facts() -> EnvironmentFacts {
    EnvironmentFacts {
        name: Environment::new("production").unwrap(),
        channel: "tags".to_owned(),
        release: Some((version("4.283.0"), Some(Digest([26; 32])))),
        lock: None,
        rollouts: Vec::new(),
        debt: Vec::new(),
    }
}

pub(super) fn locked(facts: EnvironmentFacts) -> EnvironmentFacts {
    EnvironmentFacts {
        lock: Some(LockFacts {
            owner: Operator("bob@deploy2".into()),
            since: at("2026-11-21T08:30:00Z"),
            reason: Some("network maintenance in codfw".to_owned()),
        }),
        rollouts: vec![LiveRollout {
            rollout: rollout_id(),
            version: version("4.283.0"),
            emergency: false,
            operator: operator(),
            running: false,
        }],
        ..facts
    }
}

pub(super) fn survey_hosts(count: usize) -> Vec<SurveyHost> {
    names(count)
        .into_iter()
        .enumerate()
        .map(|(place, host)| SurveyHost {
            site: host.as_str().split('.').nth(1).map(|site| Site(site.into())),
            groups: vec![if place < 2 { "canaries".into() } else { "api".into() }],
            host,
        })
        .collect()
}

fn survey_row(place: usize, host: HostId) -> SurveyRow {
    let (state, version, behind, cause) = match place % 12 {
        3 => (HostState::Outdated, Some("4.282.1"), Some(1), None),
        5 => (HostState::Unreachable, None, None, Some("ssh: connect to host: Connection timed out")),
        7 => (HostState::Drifted, Some("4.283.0"), None, Some("2 files differ from the manifest: bin/scap, lib/x.py")),
        9 => (HostState::Missing, None, None, None),
        10 => (HostState::Outdated, Some("4.280.0"), Some(4), None),
        11 => (HostState::Unmanaged, Some("4.1"), None, Some("a real folder stands where the link belongs")),
        _ => (HostState::Current, Some("4.283.0"), None, None),
    };
    SurveyRow {
        host,
        settled: state == HostState::Current,
        state,
        version: version.map(str::to_owned),
        digest: None,
        behind,
        latency: Duration::from_millis(20 + 7 * place as u64),
        at: at("2026-11-21T13:00:04Z"),
        cause: cause.map(str::to_owned),
        facts: vec![("python3".to_owned(), "3.11.2".to_owned())],
    }
}

pub(super) fn versions() -> Vec<VersionRow> {
    let row = |name: &str, day: &str, built, standing, hosts| VersionRow {
        version: version(name),
        commit: "1a2b3c4d5e6f".repeat(4).get(..40).and_then(|name| name.parse().ok()),
        author: "Alice Doe".to_owned(),
        at: Some(at(&format!("2026-{day}T10:00:00Z"))),
        built,
        standing,
        hosts,
        head_of: None,
    };
    vec![
        row("4.284.0-rc1", "11-20", false, Standing::Untried, 0),
        row("4.283.0", "11-18", true, Standing::Good, 31),
        row("4.282.1", "11-02", true, Standing::Good, 4),
        row("4.282.0", "10-28", true, Standing::Bad("rolled back on 2026-10-28".to_owned()), 0),
        row("4.281.0", "10-02", false, Standing::Good, 0),
    ]
}

pub(super) fn past() -> Vec<HistoryRow> {
    let row = |id: &str, name: &str, outcome, minutes: u64, debt, kind| HistoryRow {
        rollout: RolloutId::new(id).unwrap(),
        kind,
        version: version(name),
        slot: None,
        emergency: false,
        operator: operator(),
        reason: Some("security fix".to_owned()),
        started: at("2026-11-02T09:15:00Z"),
        took: Some(Duration::from_secs(minutes * 60)),
        lead: (debt == 0).then(|| Duration::from_secs(93_600)),
        outcome,
        hosts: 40,
        debt,
    };
    vec![
        row("20261118T101500Z-aaaa", "4.283.0", None, 12, 0, PlanKind::Install),
        row("20261102T091500Z-bbbb", "4.282.1", Some(Outcome::Completed), 1510, 0, PlanKind::Install),
        row("20261028T100000Z-cccc", "4.282.0", Some(Outcome::RolledBack), 35, 40, PlanKind::Install),
        row("20261028T090000Z-dddd", "4.281.0", Some(Outcome::Completed), 4, 2, PlanKind::Rollback),
    ]
}

pub(super) fn given_plan() -> Arc<Plan> {
    Arc::new(Plan { reason: None, ..plan(24) })
}

/// Gives a console that follows a rollout which runs.
pub(super) fn watching(run: &Run) -> Console {
    let mut console = Console::new(100, 30);
    console.watch(run, Source::Live);
    console.requests();
    console
}

/// Gives the commands that were given to the rollout since.
pub(super) fn commands(console: &mut Console) -> Vec<Command> {
    let commands = console.requests().into_iter().filter_map(|request| match request {
        Request::Command { rollout, command, .. } => {
            assert_eq!(rollout, rollout_id());
            Some(command)
        }
        _ => None,
    });
    commands.collect()
}
