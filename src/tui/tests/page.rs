//! The page of a host: what is told of it, what can be done from it, and that it asks nothing more once it is closed.

use std::ffi::OsString;
use std::time::Duration;

use super::fixture::{Console, at, facts, host, operator, rollout_id, version};
use super::screens::in_flight;
use crate::deploy::{HostPast, OutOfService, WantedRelease};
use crate::model::{
    Bytes, Digest, Environment, Failure, FailureClass, HostState, Installed, Pooling, Probe, Proof, ReleaseId, RestsOn,
    StageName,
};
use crate::plan::PlanKind;
use crate::report::{HostPage, HostStatusReport};
use crate::rollout::{HostEnd, Outcome};
use crate::tui::app::{Layer, Screen};
use crate::tui::messages::{EnvironmentFacts, Message, PagePart, PlanGoal, Request, Source, Ticket};

const SIZES: [(u16, u16); 5] = [(60, 15), (80, 24), (114, 36), (120, 40), (200, 50)];
const MW05: &str = "mw05.eqiad.wmnet";

fn id(name: &str, digest: u8) -> ReleaseId {
    ReleaseId::new(&version(name), &Digest([digest; 32]))
}

fn answer(room_kib: &str) -> Box<HostPage> {
    let probe = Probe {
        installed: Installed::Release {
            id: id("4.282.1", 7),
            digest: Some(Digest([7; 32])),
            drift: Some("2 entries differ, 1 too many: bin/scap".to_owned()),
        },
        proof: Some(Proof { rests_on: RestsOn::Hashes, hashed_at: at("2026-11-21T12:00:00Z") }),
        good: Some(id("4.282.1", 7)),
        previous: Some(id("4.282.0", 6)),
        releases: vec![id("4.282.1", 7), id("4.282.0", 6)],
        facts: [
            ("room", room_kib),
            ("inodes", "412000"),
            ("clock", "1795266042"),
            ("os", "debian-12"),
            ("machine", "x:1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        differs: vec!["bin/scap".to_owned(), "lib/scap/tasks.py".to_owned()],
        surplus: vec!["lib/scap/tasks.py.orig".to_owned()],
        log: vec!["2026-11-02T09:16:00Z 20261102T091500Z-aaaa primed 4.282.1-07070707".to_owned()],
        latency: Duration::from_millis(41),
        ..Probe::default()
    };
    let wanted = WantedRelease { version: version("4.283.0"), commit: None, digest: Some(Digest([26; 32])) };
    let answered = Ok(probe.clone());
    let order = |one: &crate::model::Version, other: &crate::model::Version| one.as_str().cmp(other.as_str());
    let status = HostStatusReport::new(host(MW05), None, vec!["api".to_owned()], &answered, &wanted, order);
    assert_eq!(status.state, HostState::Drifted);
    let environment = Environment::new("production").unwrap();
    Box::new(HostPage::new(environment, wanted, status, Some(&probe), at("2026-11-21T13:00:00Z")))
}

fn past() -> Vec<HostPast> {
    let one = |name: &str, end, failure| HostPast {
        rollout: rollout_id(),
        kind: PlanKind::Install,
        version: version(name),
        operator: operator(),
        started: at("2026-11-02T09:15:00Z"),
        took_s: Some(184.0),
        outcome: Some(Outcome::Completed),
        stage: Some(StageName::new("fleet").unwrap()),
        end,
        bytes: Bytes(73_085_747),
        retries: 1,
        left_out: None,
        failure,
    };
    let failure = Failure::new(FailureClass::Unhealthy, "gate \"answers\" failed: exit 1")
        .hint("the gate runs there: bin/scap version")
        .output("Traceback (most recent call last):\n  ImportError: no module named \u{1b}[31mscap");
    vec![one("4.283.0", HostEnd::RolledBack, Some(failure)), one("4.282.1", HostEnd::Healthy, None)]
}

/// Opens the page of a host on the fleet, and gives the number of its question.
fn opened(columns: u16, rows: u16) -> (Console, Ticket) {
    let mut console = Console::new(columns, rows);
    console.survey(40, 40);
    console.requests();
    console.press("/mw05<Enter><Enter>");
    let asked = console.requests();
    let [Request::OpenHost { ticket, host: of, wanted: None }] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(*of, host(MW05));
    let ticket = *ticket;
    (console, ticket)
}

fn told(console: &mut Console, ticket: Ticket) {
    console.send(Message::Page { ticket, part: PagePart::Answer(Ok(answer("183500"))) });
    console.send(Message::Page { ticket, part: PagePart::Past(Ok(past())) });
    let pooling = PagePart::Pooling { depool: Some(format!("confctl depool {MW05}")), repool: None };
    console.send(Message::Page { ticket, part: pooling });
}

#[test]
fn a_page_tells_what_the_host_has_what_happened_to_it_and_its_own_log() {
    for (columns, rows) in SIZES {
        let (mut console, ticket) = opened(columns, rows);
        assert!(console.screen().contains("is being asked") || rows < 20, "{}", console.screen());
        told(&mut console, ticket);
        insta::assert_snapshot!(format!("page_{columns}x{rows}"), console.screen());
    }
    let (mut console, ticket) = opened(120, 60);
    told(&mut console, ticket);
    let screen = console.screen();
    for text in [
        "≠ drifted",
        "should run    4.283.0",
        "good          4.282.1-07070707",
        "previous      4.282.0-06060606",
        "179.2 MiB free, 412000 entries",
        "42 s ahead of this machine",
        "M lib/scap/tasks.py",
        "+ lib/scap/tasks.py.orig",
        "install 4.283.0: rolled back, stage fleet",
        "  | Traceback (most recent call last):",
        "primed 4.282.1-07070707",
    ] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    assert!(!screen.contains("x:1") && !screen.contains('\u{1b}'), "{screen}");
}

#[test]
fn what_a_host_writes_into_its_log_is_seen_as_it_comes_by_whoever_reads_the_end() {
    let (mut console, ticket) = opened(100, 20);
    told(&mut console, ticket);
    console.press("G");
    let more = |lines: usize| (0..lines).map(|line| format!("2026-11-21T13:00:00Z r line {line}")).collect::<Vec<_>>();
    console.send(Message::Page { ticket, part: PagePart::Log(Ok(more(30))) });
    assert!(console.screen().contains("line 29"), "{}", console.screen());
    console.press("k");
    console.send(Message::Page { ticket, part: PagePart::Log(Ok(more(60))) });
    assert!(!console.screen().contains("line 59"), "who scrolled back stays: {}", console.screen());
    // That it cannot be asked any more takes nothing away.
    console.send(Message::Page { ticket, part: PagePart::Log(Err("connection reset".to_owned())) });
    console.press("G");
    assert!(console.screen().contains("line 59"), "{}", console.screen());
}

#[test]
fn a_page_that_is_closed_is_asked_for_no_more_and_late_answers_are_nobody_s() {
    let (mut console, ticket) = opened(100, 30);
    console.press("<Esc>");
    assert_eq!(console.requests(), [Request::CloseHost]);
    told(&mut console, ticket);
    assert!(console.state.page().is_none());
    console.press("j<Enter>");
    assert!(
        console
            .requests()
            .iter()
            .any(|asked| matches!(asked, Request::OpenHost { ticket: other, .. } if *other != ticket))
    );
    told(&mut console, ticket);
    assert!(console.state.page().is_some_and(|page| page.answer.here().is_none()));
    // Asked again, it is another question.
    console.press("r");
    assert!(matches!(console.requests().as_slice(), [Request::OpenHost { .. }]));
}

#[test]
fn a_shell_borrows_the_terminal_and_the_console_comes_back() {
    let (mut console, ticket) = opened(100, 30);
    told(&mut console, ticket);
    console.press("!");
    assert_eq!(console.requests(), [Request::Shell { host: host(MW05) }]);
    let argv: Vec<OsString> = ["ssh", "--", MW05].map(OsString::from).to_vec();
    console.send(Message::Login(argv.clone()));
    assert_eq!(console.requests(), [Request::Lend(argv)]);
    console.send(Message::Returned(Some("ssh could not get there".to_owned())));
    assert_eq!(console.requests(), [Request::Redraw]);
    assert!(console.screen().contains("ssh could not get there") && console.state.page().is_some());
}

#[test]
fn what_is_done_from_a_page_is_done_to_its_host_alone() {
    let (mut console, ticket) = opened(100, 30);
    told(&mut console, ticket);
    console.press("O");
    assert!(console.screen().contains("cannot repool: the configuration has no hooks.repool"), "{}", console.screen());
    console.press("t");
    assert!(console.screen().contains("cannot retry: no rollout is open that has it"), "{}", console.screen());
    console.press("o<Enter>");
    assert!(console.screen().contains("say why: that is journaled, and announced"), "{}", console.screen());
    console.press("its disk fails<Enter>");
    let screen = console.screen();
    for text in [
        "Take mw05.eqiad.wmnet out of service?",
        "Why, for everybody: its disk fails",
        "confctl depool mw05",
        "depool mw05.eqiad.wmnet --reason 'its disk fails'",
    ] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    assert!(console.requests().is_empty(), "nothing is done before it is answered");
    console.press("<Tab><Enter>");
    let asked = console.requests();
    let [Request::Pool { host: of, which: Pooling::Depool, reason, .. }] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    assert_eq!((of, reason.as_deref()), (&host(MW05), Some("its disk fails")));
    console.press("B");
    let asked = console.requests();
    let wanted = asked.iter().find_map(|asked| match asked {
        Request::LoadPlan { wanted, .. } => Some(wanted),
        _ => None,
    });
    let wanted = wanted.unwrap();
    assert_eq!((&wanted.goal, wanted.limit.as_ref().unwrap().expression.as_str()), (&PlanGoal::CatchUp, MW05));
    assert_eq!((console.state.screen, console.state.layers.len()), (Screen::Plan, 0));
    assert!(asked.contains(&Request::CloseHost));
}

#[test]
fn a_page_stays_on_its_host_and_marks_of_others_mean_nothing_there() {
    let run = in_flight();
    let mut console = Console::new(100, 30);
    console.watch(&run, Source::Live);
    console.press("a/mw07<Enter><Enter>");
    assert!(matches!(console.state.layers.last(), Some(Layer::Detail { .. })));
    let asked = console.requests();
    let Some(Request::OpenHost { wanted: Some(wanted), .. }) = asked.last() else { panic!("{asked:?}") };
    let plan = run.state().plan().unwrap();
    assert_eq!((&wanted.version, wanted.digest), (&plan.version, Some(plan.digest)), "it is compared with what comes");
    console.press("t");
    let commands = super::fixture::commands(&mut console);
    assert_eq!(commands, [crate::model::Command::Retry { host: Some(host("mw07.eqiad.wmnet")) }]);
    console.press("n");
    assert!(console.screen().contains("Leave mw07.eqiad.wmnet out?"), "{}", console.screen());
    console.press("<Esc>?");
    assert!(console.screen().contains("a host's page"), "{}", console.screen());
    console.press("<Esc>m");
    assert!(console.screen().contains("bootstrap mw07.eqiad.wmnet"), "{}", console.screen());
}

#[test]
fn a_host_that_is_out_of_service_says_who_took_it_out_and_why() {
    let out = |name: &str, by: Option<&str>| OutOfService {
        host: host(name),
        by: by.map(|by| crate::model::Operator(by.into())),
        reason: by.map(|_| "its disk fails".to_owned()),
        rollout: None,
        since: by.map(|_| at("2026-11-21T08:30:00Z")),
    };
    for (columns, rows) in SIZES {
        let mut console = Console::new(columns, rows);
        console.survey(40, 40);
        let alone = vec![out(MW05, Some("alice@deploy1"))];
        console.send(Message::Environment(EnvironmentFacts { out_of_service: alone.clone().into(), ..facts() }));
        let screen = console.screen();
        assert!(screen.contains("! out of service: mw05.eqiad.wmnet by alice@deploy1"), "{screen}");
        let two = vec![out("mw03.codfw.wmnet", None), out(MW05, Some("alice@deploy1"))];
        console.send(Message::Environment(EnvironmentFacts { out_of_service: two.into(), ..facts() }));
        let screen = console.screen();
        assert!(screen.contains("! out of service: 2 hosts: mw03.codfw.wmnet,mw05.eqiad"), "{screen}");
        console.press("/mw05<Enter><Enter>");
        let screen = console.screen();
        assert!(screen.contains("out of service by alice@deploy1 since"), "{screen}");
        // Whoever takes it back reads why it was taken out.
        let asked = console.requests();
        let Some(Request::OpenHost { ticket, .. }) = asked.last() else { panic!("{asked:?}") };
        let pooling = PagePart::Pooling { depool: None, repool: Some(format!("confctl pool {MW05}")) };
        console.send(Message::Page { ticket: *ticket, part: pooling });
        console.press("O");
        let screen = console.screen();
        assert!(screen.contains("It was taken out by alice@deploy1 since"), "{screen}");
        console.press("<Esc><Esc>");
        console.send(Message::Environment(facts()));
        assert!(!console.screen().contains("out of service"), "{}", console.screen());
    }
}
