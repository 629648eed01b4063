//! Whatever is pressed, pasted, resized or told, nothing breaks, and nobody commands a rollout without confirming it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind};
use jiff::SignedDuration;
use proptest::prelude::*;

use super::fixture::{Console, facts, given_plan, locked, past, rollout_id, survey_hosts, versions};
use super::screens::{in_flight, rolled_back, soaking};
use crate::model::Command;
use crate::tui::app::Layer;
use crate::tui::messages::{Message, NotDone, Request, Source, Ticket};
use crate::tui::view;

fn key() -> impl Strategy<Value = Message> {
    let named = prop::sample::select(vec![
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Backspace,
        KeyCode::Delete,
        KeyCode::F(5),
    ]);
    let known = "1234jkgGvaA/sSrioucpxRtneyYwlLfm?q 0589:[]@!-é日zPhE";
    let typed = prop::sample::select(known.chars().collect::<Vec<_>>()).prop_map(KeyCode::Char);
    let code = prop_oneof![3 => typed, 2 => named, 1 => any::<char>().prop_map(KeyCode::Char)];
    let modifiers =
        prop_oneof![9 => Just(KeyModifiers::NONE), 1 => Just(KeyModifiers::CONTROL), 1 => Just(KeyModifiers::ALT)];
    (code, modifiers).prop_map(|(code, modifiers)| Message::Key(KeyEvent::new(code, modifiers)))
}

#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "a handful of them is made")]
enum Act {
    Send(Message),
    /// Keys in one go, as somebody types who does not look.
    Burst(&'static [KeyCode]),
    Draw,
    Feed(usize),
    Wait(u16),
}

const BURSTS: &[&[KeyCode]] = &[
    &[KeyCode::Char('3'), KeyCode::Char('x'), KeyCode::Tab, KeyCode::Enter],
    &[KeyCode::Char('3'), KeyCode::Char('n'), KeyCode::Right, KeyCode::Enter],
    &[KeyCode::Char('3'), KeyCode::Char('c'), KeyCode::Tab, KeyCode::Enter],
    &[KeyCode::Char('3'), KeyCode::Char('q'), KeyCode::Tab, KeyCode::Enter],
    &[
        KeyCode::Char('3'),
        KeyCode::Char('z'),
        KeyCode::Char('0'),
        KeyCode::Char('s'),
        KeyCode::Char(' '),
        KeyCode::Char('w'),
        KeyCode::Enter,
        KeyCode::Tab,
        KeyCode::Enter,
    ],
    &[KeyCode::Char('2'), KeyCode::Char('i'), KeyCode::Char('2'), KeyCode::Char('4'), KeyCode::Enter],
];

fn act() -> impl Strategy<Value = Act> {
    let size = prop_oneof![4 => (50u16..200, 10u16..60), 1 => (0u16..12, 0u16..6), 1 => (0u16..400, 0u16..4)];
    let told = prop::sample::select(vec![
        Message::Environment(facts()),
        Message::Environment(locked(facts())),
        Message::SurveyStarted { hosts: survey_hosts(30) },
        Message::SurveyStarted { hosts: Vec::new() },
        Message::SurveyDone(Ok(())),
        Message::SurveyDone(Err("no inventory".to_owned())),
        Message::Versions(Ok(versions())),
        Message::Versions(Err("no repository".to_owned())),
        Message::History(Ok(past())),
        Message::History(Ok(Vec::new())),
        Message::PlanStep { ticket: Ticket(1), what: "building\n4.283.0".to_owned() },
        Message::Plan { ticket: Ticket(1), plan: Ok(given_plan()) },
        Message::Plan { ticket: Ticket(2), plan: Err("two\nlines".to_owned()) },
        Message::Reply { ticket: Ticket(1), result: Ok(()) },
        Message::Reply { ticket: Ticket(2), result: Err(NotDone::Refused("no".to_owned())) },
        Message::Opened { rollout: rollout_id(), source: Source::Live },
        Message::Opened { rollout: rollout_id(), source: Source::Journal },
        Message::Disconnected { rollout: rollout_id(), why: "reset".to_owned(), gone: false },
        Message::Disconnected { rollout: rollout_id(), why: "reset".to_owned(), gone: true },
        Message::Notice("read this".to_owned()),
        Message::Resumed,
        Message::Mouse(MouseEvent {
            kind: MouseEventKind::ScrollDown,
            column: 3,
            row: 3,
            modifiers: KeyModifiers::NONE,
        }),
    ]);
    prop_oneof![
        12 => key().prop_map(Act::Send),
        4 => Just(Act::Draw),
        2 => prop::sample::select(BURSTS.to_vec()).prop_map(Act::Burst),
        2 => (0usize..60).prop_map(Act::Feed),
        1 => size.prop_map(|(columns, rows)| Act::Send(Message::Resize(columns, rows))),
        1 => ".{0,20}".prop_map(|text| Act::Send(Message::Paste(text))),
        2 => told.prop_map(Act::Send),
        1 => (0u16..4000).prop_map(Act::Wait),
    ]
}

/// Commands that stop or undo something; the others are harmless and need no dialog.
const fn is_dangerous(request: &Request) -> bool {
    match request {
        Request::Command { command, .. } => {
            matches!(
                command,
                Command::Abort
                    | Command::Rollback
                    | Command::Skip { .. }
                    | Command::Stop
                    | Command::Soak { .. }
                    | Command::Promote { .. }
            )
        }
        Request::StartRollout { .. } | Request::Resume { .. } => true,
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_breaks_and_nothing_is_commanded_unasked(which in 0usize..3, acts in prop::collection::vec(act(), 1..160)) {
        let run = match which { 0 => in_flight(), 1 => soaking(), _ => rolled_back() };
        let mut feed = run.records.iter().cloned();
        let mut console = Console::new(100, 30);
        console.survey(30, 12);
        console.watch(&run, Source::Live);
        let mut now = run.now;
        console.requests();
        for act in acts {
            let messages: Vec<Message> = match act {
                Act::Send(message) => vec![message],
                Act::Burst(codes) => codes.iter().map(|&code| Message::Key(code.into())).collect(),
                Act::Draw => {
                    console.draw();
                    vec![Message::Drawn]
                }
                Act::Feed(count) => {
                    let records = feed.by_ref().take(count).collect();
                    vec![Message::Records { rollout: rollout_id(), records }]
                }
                Act::Wait(seconds) => {
                    now = now.checked_add(SignedDuration::from_secs(seconds.into())).unwrap();
                    vec![Message::Tick(now)]
                }
            };
            for message in messages {
                let shown = !view::LAYOUT.is_too_small(console.state.size);
                let confirmed = shown && matches!(console.state.layers.last(), Some(Layer::Dialog(dialog)) if dialog.seen);
                let enter = matches!(&message, Message::Key(key) if key.code == KeyCode::Enter);
                console.send(message);
                for request in console.requests() {
                    if is_dangerous(&request) {
                        prop_assert!(confirmed && enter, "{request:?} without a dialog that was seen and answered");
                    }
                }
            }
            if console.state.is_over() {
                break;
            }
        }
        console.draw();
    }

    #[test]
    fn every_size_can_be_drawn(columns in 0u16..260, rows in 0u16..90, keys in "[1234lLm?eq/ji]{0,6}") {
        let mut console = Console::new(100, 30);
        console.survey(30, 30);
        console.watch(&in_flight(), Source::Live);
        console.press(&keys);
        console.send(Message::Resize(columns, rows));
        let buffer = console.draw();
        prop_assert_eq!((buffer.area.width, buffer.area.height), (columns, rows));
    }
}
