//! The plan screen: what is planned is what was wanted, whatever the cursor and the last rollout left behind.

use super::fixture::{Console, given_plan, version, versions};
use crate::plan::OnFailure;
use crate::tui::app::{Answer, Flags, Layer};
use crate::tui::messages::{Message, NotDone, PlanWanted, Request, Ticket, VersionRow};

/// Opens the plan of 4.283.0, the second of the versions, on a console of a size.
fn planned(columns: u16, rows: u16) -> Console {
    let mut console = Console::new(columns, rows);
    console.survey(40, 40).press("i");
    console.send(Message::Versions(Ok(versions()))).press("j<Enter>");
    let (ticket, _) = asked(&mut console).unwrap();
    console.send(Message::Plan { ticket, plan: Ok(given_plan()) });
    console
}

/// Gives the last plan that was asked for.
fn asked(console: &mut Console) -> Option<(Ticket, PlanWanted)> {
    let plans = console.requests().into_iter().filter_map(|request| match request {
        Request::LoadPlan { ticket, wanted } => Some((ticket, wanted)),
        _ => None,
    });
    plans.last()
}

fn with_a_newer_one() -> Vec<VersionRow> {
    let mut rows = versions();
    rows.insert(0, VersionRow { version: version("4.285.0"), ..rows[0].clone() });
    rows
}

#[test]
fn a_plan_is_made_anew_for_the_version_that_it_was_made_for() {
    let mut console = planned(80, 24);
    console.press("R");
    let requests = console.requests();
    let [Request::LoadVersions, Request::LoadPlan { ticket, wanted }] = requests.as_slice() else {
        panic!("{requests:?}")
    };
    assert_eq!(wanted.version, version("4.283.0"));
    assert!(matches!(console.state.planning.plan, Answer::Asked), "the old plan is not what would be started");
    assert!(console.screen().contains("install 4.283.0"), "{}", console.screen());
    console.send(Message::Versions(Ok(with_a_newer_one())));
    console.send(Message::Plan { ticket: *ticket, plan: Ok(given_plan()) });
    assert_eq!(console.state.planning.selected().unwrap().version, version("4.283.0"), "the row is kept by version");
    // Every flag key plans the same version again.
    for key in ["u", "o", "z", "P", "R"] {
        console.press(key);
        assert_eq!(asked(&mut console).unwrap().1.version, version("4.283.0"), "{key}");
    }
}

#[test]
fn a_flag_key_plans_what_was_wanted_wherever_the_cursor_stands() {
    let mut console = planned(140, 40);
    console.press("<Esc>jjz");
    let (_, wanted) = asked(&mut console).unwrap();
    assert_eq!((wanted.version, wanted.no_soak), (version("4.283.0"), true));
    assert_eq!(console.state.planning.selected().unwrap().version, version("4.282.0"));
    // Without a plan there is nothing to make anew.
    let mut console = Console::new(80, 24);
    console.survey(40, 40).press("i");
    console.send(Message::Versions(Ok(versions()))).press("z");
    assert_eq!(asked(&mut console), None);
    console.press("<Enter>");
    assert!(asked(&mut console).unwrap().1.no_soak, "what was set before counts");
}

#[test]
fn versions_that_could_not_be_read_again_lose_no_row() {
    let mut console = planned(80, 24);
    console.press("R");
    console.send(Message::Versions(Err("no network".to_owned()))).press("R");
    console.send(Message::Versions(Ok(with_a_newer_one())));
    assert_eq!(console.state.planning.selected().unwrap().version, version("4.283.0"));
}

#[test]
fn what_was_said_for_a_rollout_that_began_is_not_said_for_the_next_one() {
    let mut console = planned(80, 24);
    console.press("ozursecurity fix<Enter>");
    let (ticket, _) = asked(&mut console).unwrap();
    console.send(Message::Plan { ticket, plan: Ok(given_plan()) }).press("i24<Enter>");
    let start = |console: &mut Console| {
        let started = console.requests().into_iter().find_map(|request| match request {
            Request::StartRollout { ticket, plan } => Some((ticket, plan.reason.clone())),
            _ => None,
        });
        started.unwrap()
    };
    let (ticket, reason) = start(&mut console);
    assert_eq!(reason.as_deref(), Some("security fix"));
    // One that was refused has not begun: nothing has to be typed again.
    console.send(Message::Reply { ticket, result: Err(NotDone::Refused("the environment is locked".to_owned())) });
    assert_eq!(console.state.planning.reason, "security fix");
    console.press("2i24<Enter>");
    let (ticket, _) = start(&mut console);
    console.send(Message::Reply { ticket, result: Ok(()) }).press("2");
    assert_eq!(console.state.planning.flags, Flags::default());
    console.send(Message::Versions(Ok(versions())));
    assert_eq!(console.state.planning.selected().unwrap().version, version("4.283.0"), "the row is kept, nothing else");
    console.press("<Enter>");
    let (ticket, wanted) = asked(&mut console).unwrap();
    assert_eq!((wanted.on_failure, wanted.no_soak, wanted.skip_unreachable), (OnFailure::Pause, false, false));
    console.send(Message::Plan { ticket, plan: Ok(given_plan()) }).press("i");
    let Some(Layer::Dialog(dialog)) = console.state.layers.last() else { panic!() };
    let line = dialog.command_line.clone().unwrap();
    assert_eq!(line, "coalmine -e production install-world 4.283.0 --on-failure pause");
}

#[test]
fn why_there_is_no_plan_is_read_to_its_end() {
    let why = "production is locked by alice@deploy1 for rollout 20260301-120000-abcd (process 1234) since noon: the switchover\n  \
               `coalmine attach 20260301-120000-abcd` shows it, `--wait-lock 30m` waits for it";
    for (columns, rows) in [(60, 15), (80, 24), (120, 40)] {
        let mut console = planned(columns, rows);
        console.press("R");
        let (ticket, _) = asked(&mut console).unwrap();
        console.send(Message::Plan { ticket, plan: Err(why.to_owned()) });
        let screen = console.screen();
        for word in ["switchover", "--wait-lock", "waits"] {
            assert!(screen.contains(word), "{word} at {columns}x{rows}:\n{screen}");
        }
    }
}
