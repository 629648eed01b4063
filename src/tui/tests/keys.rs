//! Every key on every screen, and under everything that lies over one: it does what its help says, says why not, or does nothing.

use crossterm::event::{KeyEvent, KeyModifiers};

use super::fixture::{Console, Run, given_plan, past, versions};
use super::screens::in_flight;
use crate::tui::app::{Flags, Layer, LineKind, LogSize, Screen, Side};
use crate::tui::keymap::{Action, BINDINGS, Binding, Context, Key};
use crate::tui::messages::{Message, Request, Source};
use crate::tui::rows::{GroupBy, Sort};

/// What of a console a key can change.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    screen: Screen,
    layers: usize,
    top: Option<Top>,
    log: LogSize,
    follow: bool,
    place: usize,
    marks: usize,
    has_range: bool,
    sort: (Sort, bool),
    grouped: GroupBy,
    flags: Flags,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Top {
    Dialog,
    Line(LineKind),
    Help(usize),
    Text(usize),
    Page(usize),
    Failures(usize),
    Menu(usize),
    Columns(usize),
}

fn seen(console: &Console) -> Seen {
    let state = &console.state;
    let rows = state.rows();
    let place = match state.screen {
        Screen::History => state.past.place(),
        Screen::Plan if state.planning.side == Side::Versions => state.planning.picker.place(),
        _ => rows.and_then(|rows| rows.selected()).unwrap_or(0),
    };
    Seen {
        screen: state.screen,
        layers: state.layers.len(),
        top: state.layers.last().map(|layer| match layer {
            Layer::Dialog(_) => Top::Dialog,
            Layer::Line(line) => Top::Line(line.kind),
            Layer::Help { top } => Top::Help(*top),
            Layer::Text { top, .. } => Top::Text(*top),
            Layer::Detail { top } => Top::Page(*top),
            Layer::Failures(cursor) => Top::Failures(cursor.place()),
            Layer::Menu(cursor, _) => Top::Menu(cursor.place()),
            Layer::Columns(cursor, _) => Top::Columns(cursor.place()),
        }),
        log: state.log,
        follow: state.follow,
        place,
        marks: rows.map_or(0, |rows| rows.marks().len()),
        has_range: rows.is_some_and(|rows| rows.has_range()),
        sort: rows.map_or_else(Default::default, |rows| rows.sort()),
        grouped: rows.map_or(GroupBy::Nothing, |rows| rows.grouped_by()),
        flags: state.planning.flags,
    }
}

/// The screens, the plan once with its versions and once with its hosts.
const SCREENS: [(Screen, Side); 5] = [
    (Screen::Fleet, Side::Versions),
    (Screen::Plan, Side::Versions),
    (Screen::Plan, Side::Plan),
    (Screen::Rollout, Side::Versions),
    (Screen::History, Side::Versions),
];

fn on(screen: Screen, side: Side, run: &Run) -> Console {
    let mut console = Console::new(100, 30);
    console.survey(6, 6);
    console.send(Message::Opened { rollout: super::fixture::rollout_id(), source: Source::Live });
    console.send(Message::Records { rollout: super::fixture::rollout_id(), records: run.records.clone() });
    console.send(Message::Tick(run.now));
    key(&mut console, '2');
    console.send(Message::Versions(Ok(versions())));
    if side == Side::Plan {
        console.send(Message::Key(KeyEvent::new(crossterm::event::KeyCode::Enter, KeyModifiers::NONE)));
        let ticket = console.state.planning.ticket.unwrap();
        console.send(Message::Plan { ticket, plan: Ok(given_plan()) });
    }
    key(&mut console, '4');
    console.send(Message::History(Ok(past())));
    let number = Screen::ALL.iter().position(|&known| known == screen).unwrap();
    key(&mut console, char::from(b'1' + u8::try_from(number).unwrap()));
    console.state.fit();
    // In the middle, so that every way to move leads somewhere.
    key(&mut console, 'j');
    console.requests();
    console
}

fn key(console: &mut Console, c: char) {
    console.send(Message::Key(KeyEvent::new(crossterm::event::KeyCode::Char(c), KeyModifiers::NONE)));
}

fn press(console: &mut Console, key: Key) -> (Seen, Seen, Vec<Request>) {
    let before = seen(console);
    console.requests();
    console.send(Message::Key(key.event()));
    (before, seen(console), console.requests())
}

fn asks(requests: &[Request], wanted: impl Fn(&Request) -> bool) -> bool {
    requests.iter().any(wanted)
}

/// Tells whether what happened is what the help of an action says.
fn does(action: Action, before: &Seen, after: &Seen, requests: &[Request]) -> bool {
    use Action as A;
    let opens = |top: Top| after.top == Some(top) && after.layers == before.layers + 1;
    let line = |kind| opens(Top::Line(kind));
    let dialog = || opens(Top::Dialog);
    let commands = || asks(requests, |it| matches!(it, Request::Command { .. }));
    let plans = || after.screen == Screen::Plan && asks(requests, |it| matches!(it, Request::LoadPlan { .. }));
    match action {
        A::Fleet => after.screen == Screen::Fleet,
        A::Plan => after.screen == Screen::Plan,
        A::Rollout => after.screen == Screen::Rollout,
        A::History => after.screen == Screen::History,
        A::NextScreen | A::PreviousScreen => after.screen != before.screen,
        A::Enter => {
            after.layers == before.layers + 1
                || asks(requests, |it| matches!(it, Request::LoadPlan { .. } | Request::OpenRollout(_)))
        }
        A::Back => after.layers <= before.layers && after.screen == before.screen,
        A::Down => after.place == before.place + 1,
        A::Up => after.place + 1 == before.place,
        A::First | A::PageUp | A::HalfUp => after.place < before.place,
        A::Last | A::PageDown | A::HalfDown => after.place > before.place,
        A::Mark => after.marks == 1,
        A::MarkRange => after.has_range,
        A::MarkAll => after.marks > 1,
        A::Unmark => after.marks == 0,
        A::Filter => line(LineKind::Filter),
        A::Sort => after.sort.0 != before.sort.0,
        A::Reverse => after.sort.1 != before.sort.1,
        A::Group => after.grouped != before.grouped,
        A::Columns => opens(Top::Columns(0)),
        A::Survey => asks(requests, |it| matches!(it, Request::Survey)),
        A::Reload => asks(requests, |it| matches!(it, Request::LoadVersions | Request::LoadHistory)),
        A::Install => after.screen == Screen::Plan && (before.screen == Screen::Fleet || dialog()),
        A::Reason => line(LineKind::Reason),
        A::SkipUnreachable | A::OnFailure | A::NoSoak | A::PrimeOnly => after.flags != before.flags,
        A::Continue => dialog() || commands() || asks(requests, |it| matches!(it, Request::OpenRollout(_))),
        A::Pause => commands(),
        A::Abort => dialog(),
        A::Rollback => dialog() || plans(),
        A::Retry => commands(),
        A::Skip => dialog(),
        A::Failures => opens(Top::Failures(0)),
        A::Copy | A::CopyFailure => asks(requests, |it| matches!(it, Request::CopyToClipboard(_))),
        A::Write => asks(requests, |it| matches!(it, Request::WriteFile { .. })),
        A::Log => (after.log == LogSize::Hidden) != (before.log == LogSize::Hidden),
        A::LogFull => (after.log == LogSize::Full) != (before.log == LogSize::Full),
        A::Follow => after.follow != before.follow && after.log != LogSize::Hidden,
        A::Menu => opens(Top::Menu(0)),
        A::Help => opens(Top::Help(0)),
        A::Suspend => asks(requests, |it| matches!(it, Request::Suspend)),
        A::Redraw => asks(requests, |it| matches!(it, Request::Redraw)),
        A::Quit => dialog() || asks(requests, |it| matches!(it, Request::Quit)),
        A::Command | A::Environment | A::Soak | A::Promote | A::Hold | A::Lock => line(LineKind::Command),
        A::Unlock => dialog(),
        A::Debt => plans(),
        A::Compare => asks(requests, |it| matches!(it, Request::Compare { .. })),
        A::Report => asks(requests, |it| matches!(it, Request::Report { .. })),
        A::Shell => asks(requests, |it| matches!(it, Request::Shell { .. })),
        A::Depool => line(LineKind::Why),
        A::Repool => dialog(),
        A::Bootstrap => plans() && after.layers == 0,
    }
}

fn named(binding: &Binding) -> String {
    format!("{}.{}", binding.context.name(), binding.command())
}

#[test]
fn every_key_does_on_every_screen_what_its_help_says_or_says_why_not() {
    let run = in_flight();
    for (screen, side) in SCREENS {
        for binding in BINDINGS {
            for &pressed in binding.keys.iter() {
                let mut console = on(screen, side, &run);
                let (name, keys) = (named(binding), pressed.to_string());
                let place = format!("{keys} ({name}) on {screen:?} {side:?}");
                if !console.state.contexts().contains(&binding.context) {
                    continue;
                }
                let refused = console.state.refusal(binding.action);
                let (before, after, requests) = press(&mut console, pressed);
                let told = console.state.notice.as_ref().map(|notice| notice.text.as_str());
                match refused {
                    Some(why) => {
                        assert_eq!(told, Some(format!("cannot {}: {why}", binding.word).as_str()), "{place}");
                        assert_eq!(before, after, "{place} was refused and did something");
                        assert!(requests.is_empty(), "{place}: {requests:?}");
                    }
                    None => {
                        let done = does(binding.action, &before, &after, &requests);
                        assert!(done, "{place}: {before:?} to {after:?}, {requests:?}, told {told:?}");
                    }
                }
            }
        }
    }
}

fn over(console: &mut Console, layer: usize) -> bool {
    let lines = || (0..60).map(|line| line.to_string()).collect();
    match layer {
        0 => console.state.layers.push(Layer::Help { top: 1 }),
        1 => console.state.layers.push(Layer::Text { title: "text".to_owned(), lines: lines(), top: 1 }),
        2 => key(console, 'm'),
        3 if console.state.screen == Screen::Rollout => key(console, 'e'),
        4 if console.state.rows().is_some() => key(console, 'C'),
        5 if console.state.selected_host().is_some() => {
            console.send(Message::Key(KeyEvent::new(crossterm::event::KeyCode::Enter, KeyModifiers::NONE)));
        }
        _ => return false,
    }
    console.state.fit();
    !console.state.layers.is_empty()
}

#[test]
fn under_what_lies_over_a_screen_a_key_does_what_its_help_says_or_nothing() {
    let run = in_flight();
    for (screen, side) in SCREENS {
        for layer in 0..6 {
            for binding in BINDINGS {
                let Some(&pressed) = binding.keys.first() else { continue };
                let mut console = on(screen, side, &run);
                if !over(&mut console, layer) {
                    continue;
                }
                let place = format!("{pressed} ({}) on {screen:?} {side:?}, layer {layer}", named(binding));
                let contexts = console.state.contexts();
                let means = console.state.settings.keys.lookup(pressed.event(), contexts);
                if means != Some(binding.action) || !contexts.contains(&binding.context) {
                    continue;
                }
                let refused = console.state.refusal(binding.action).is_some();
                let (before, after, requests) = press(&mut console, pressed);
                let is_page = matches!(before.top, Some(Top::Page(_)));
                let closed = after.layers + 1 == before.layers;
                let moved = after.layers == before.layers && after.screen == before.screen && requests.is_empty();
                let right = match binding.action {
                    Action::Back | Action::Quit => closed,
                    Action::Suspend => does(binding.action, &before, &after, &requests),
                    Action::Help if is_page => does(binding.action, &before, &after, &requests),
                    Action::Menu if is_page => does(binding.action, &before, &after, &requests),
                    _ if is_page && binding.context == Context::Host => match binding.action {
                        _ if refused => before == after && requests.is_empty() && console.state.notice.is_some(),
                        Action::Survey => asks(&requests, |it| matches!(it, Request::OpenHost { .. })),
                        action => does(action, &before, &after, &requests),
                    },
                    // It closes what it opened, does what was chosen, or scrolls.
                    Action::Help | Action::Menu | Action::Failures | Action::Enter => {
                        closed
                            || moved
                            || asks(&requests, |it| matches!(it, Request::KeepColumns(_)))
                            || before.layers == 1
                    }
                    Action::Copy => moved || asks(&requests, |it| matches!(it, Request::CopyToClipboard(_))),
                    _ if binding.context == Context::Moves => moved,
                    _ => before == after && requests.is_empty(),
                };
                assert!(right, "{place}: {before:?} to {after:?}, {requests:?}");
            }
        }
    }
}
