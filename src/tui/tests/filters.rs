//! What is typed after `/` on every list of hosts: groups, names as people type them, and what is told where nothing is meant.

use super::fixture::{Console, given_plan, host, names, rollout_id, versions};
use super::screens::in_flight;
use crate::tui::app::Screen;
use crate::tui::keymap::{Action, Context, Keymap};
use crate::tui::messages::{Groups, Message, Request, Source};

/// Opens every screen that lists hosts.
fn lists() -> [(Screen, Console); 3] {
    let fleet = {
        let mut console = Console::new(100, 30);
        console.survey(40, 40);
        console
    };
    let plan = {
        let mut console = Console::new(100, 30);
        console.survey(40, 40).press("i");
        console.send(Message::Versions(Ok(versions()))).press("j<Enter>");
        let ticket = console.state.planning.ticket.unwrap();
        console.send(Message::Plan { ticket, plan: Ok(given_plan()) });
        console
    };
    let rollout = {
        let mut console = Console::new(100, 30);
        console.survey(40, 40).watch(&in_flight(), Source::Live);
        console
    };
    [(Screen::Fleet, fleet), (Screen::Plan, plan), (Screen::Rollout, rollout)]
}

fn shown(console: &Console) -> usize {
    console.state.rows().unwrap().shown().len()
}

fn told(console: &Console) -> &str {
    console.state.rows().unwrap().filter().error().unwrap_or_default()
}

#[test]
fn hosts_are_chosen_by_groups_on_every_list() {
    for (screen, mut console) in lists() {
        for filter in ["@canaries", "group:canaries", "@can*", "@canaries&mw[01-10]"] {
            console.press(&format!("/{filter}<Enter>"));
            assert_eq!((shown(&console), told(&console)), (2, ""), "{filter} on {screen:?}");
            console.press("<Esc>");
        }
        console.press("/@cannaries");
        assert!(told(&console).contains("did you mean `@canaries`?"), "on {screen:?}: {}", told(&console));
    }
}

#[test]
fn groups_are_known_without_a_survey_and_when_they_come_late() {
    let mut console = Console::new(100, 30);
    console.watch(&in_flight(), Source::Live).press("/@mine<Enter>");
    assert!(!told(&console).is_empty());
    let groups = Groups::from([("mine".into(), names(3))]);
    console.send(Message::Groups(groups));
    console.draw();
    assert_eq!((shown(&console), told(&console)), (3, ""));
    // Whoever opens it again finds them too, and a stage is still a group where no group has its name.
    console.send(Message::Opened { rollout: rollout_id(), source: Source::Live });
    console.send(Message::Records { rollout: rollout_id(), records: in_flight().records });
    console.draw();
    assert_eq!(shown(&console), 3);
    console.press("<Esc>/@canary<Enter>");
    assert_eq!((shown(&console), told(&console)), (2, ""));
}

#[test]
fn the_help_s_own_examples_choose_hosts_with_full_names() {
    let help = Keymap::default().binding(Action::Filter, &[Context::List]).unwrap().help;
    let examples: Vec<&str> = help.split('`').skip(1).step_by(2).filter(|example| *example != "!").collect();
    assert!(examples.contains(&"mw[01-10]") && examples.contains(&"@api"), "{examples:?}");
    let mut console = Console::new(100, 30);
    console.survey(40, 40);
    for (example, expected) in [("mw[01-10]", 10), ("@api", 38), ("!mw[01-10]", 30), ("mw01,mw[05-06]", 3)] {
        console.press(&format!("/{example}<Enter>"));
        assert_eq!((shown(&console), told(&console)), (expected, ""), "{example}");
        console.press("<Esc>");
    }
    console.press("/mw05<Enter>i");
    console.send(Message::Versions(Ok(versions()))).press("<Enter>");
    let limit = console.requests().into_iter().find_map(|request| match request {
        Request::LoadPlan { wanted, .. } => wanted.limit,
        _ => None,
    });
    assert_eq!(limit.unwrap().hosts, [host("mw05.eqiad.wmnet")], "and what is planned has the full ones");
}

#[test]
fn what_no_host_can_have_is_told_in_words() {
    for (screen, mut console) in lists() {
        let state = match screen {
            Screen::Fleet => "no state is \"xx\": current, outdated",
            Screen::Plan => "hosts of a plan have no state",
            _ => "no state is \"xx\": pending, connecting",
        };
        let stage = match screen {
            Screen::Fleet => "the fleet has no stages",
            _ => "no stage is \"xx\": masters, canary, fleet",
        };
        for (filter, expected) in [
            ("foo:bar", "no field is called \"foo\": state, site, version, group, stage"),
            ("!foo:bar", "no field is called \"foo\""),
            ("state:xx", state),
            ("!state:xx", state),
            ("site:xx", "no site is \"xx\": codfw, eqiad"),
            ("group:xx", "no group is \"xx\": api, canaries"),
            ("stage:xx", stage),
        ] {
            console.press(&format!("/{filter}"));
            assert!(told(&console).starts_with(expected), "{filter} on {screen:?}: {}", told(&console));
            console.press("<Esc>");
        }
        for filter in ["site:eqiad", "version:4", "2001:db8::1", "abcd::1"] {
            console.press(&format!("/{filter}"));
            assert_eq!(told(&console), "", "{filter} on {screen:?}");
            console.press("<Esc>");
        }
    }
    let (_, mut rollout) = lists().into_iter().nth(2).unwrap();
    rollout.press("/state:rolled_b");
    assert_eq!(told(&rollout), "");
    assert!(
        !rollout.press("<Esc>/state:xx").screen().contains("/state:xx_ by") && rollout.screen().contains("no state is")
    );
}
