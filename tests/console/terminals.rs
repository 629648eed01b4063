use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::fleet::{Fleet, kill, until};
use crate::journey::promoted_by_hand;
use crate::process::stat;
use crate::terminal::{CTRL_L, ENTER, Opening, Terminal};

/// A console that has lost its terminal ends after half a second; a busy machine makes more of it, as much as of one that is told to end.
const ENDS_WITHIN: Duration = Duration::from_secs(2);
/// What a console needs to end, far from what one that turns in circles would take.
const BUSY_AT_MOST: Duration = Duration::from_millis(700);

#[test]
fn a_rollout_does_not_notice_what_becomes_of_its_consoles() {
    let fleet = Fleet::up(3);
    promoted_by_hand(&fleet);
    let opening = Opening { arguments: &["install-world", "1.2.0"], ..Opening::BARE };
    let mut starter = Terminal::open(&fleet, &opening);
    starter.shows("Type the number of hosts to go ahead");
    starter.press("3");
    starter.press(ENTER);
    starter.shows("stage canary waits for promotion");
    let conductor = fleet.conductor().unwrap();
    let rollout = std::fs::read_dir(fleet.state.join("rollouts")).unwrap().next().unwrap().unwrap();
    let rollout = rollout.file_name().into_string().unwrap();

    // One that may only watch says so, and does nothing.
    let mut watcher = Terminal::open(&fleet, &Opening { arguments: &["attach", "--read-only"], ..Opening::BARE });
    watcher.shows("waits for promotion");
    watcher.shows("read-only");
    for key in ["x", "c", "R", "p"] {
        watcher.press(key);
        watcher.shows("this console is read-only");
        watcher.press("j");
        watcher.wait("no notice", |screen| !screen.contents().contains("this console is read-only"));
    }

    // One that is told to end from outside gives the terminal back as it was.
    let attached = || {
        let console = Terminal::open(&fleet, &Opening { arguments: &["attach"], ..Opening::BARE });
        console.shows("waits for promotion");
        console
    };
    let mut usual = Duration::ZERO;
    for signal in [Signal::INT, Signal::QUIT, Signal::TERM] {
        let told = attached();
        assert!(told.look(|screen| screen.alternate_screen() && screen.hide_cursor() && screen.bracketed_paste()));
        let start = Instant::now();
        kill(told.pid(), signal);
        told.wait("the screen before", |screen| {
            !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
        });
        told.ends();
        usual = usual.max(start.elapsed());
    }

    // One whose window is closed ends by itself.
    let pid = starter.pid();
    let busy = stat(pid).unwrap().busy;
    let mut child = starter.hang_up();
    let start = Instant::now();
    let ended = until("the end of a console without a terminal", || stat(pid).filter(|stat| stat.state == 'Z'));
    let took = start.elapsed();
    assert!(took < ENDS_WITHIN.max(usual * 4), "{took:?}, and one that is told takes {usual:?}");
    let busy = ended.busy.saturating_sub(busy);
    assert!(busy < BUSY_AT_MOST, "{busy:?}");
    child.wait().unwrap();

    // One is killed, and one is on a terminal that nobody reads any more.
    let killed = attached();
    kill(killed.pid(), Signal::KILL);
    killed.ends();
    let mut stalled = attached();
    stalled.stall(true);
    for _ in 0..200 {
        stalled.press(CTRL_L);
    }
    let heard = stalled.heard();

    assert_eq!(fleet.conductor(), Some(conductor), "it goes on");
    fleet.coalmine(&["continue", &rollout]).exits(0);
    watcher.shows("completed (exit 0)");
    fleet.coalmine(&["show", &rollout]).exits(0).says("1.2.0 runs on 3 hosts");
    let journal = std::fs::read_to_string(fleet.journal(&rollout)).unwrap();
    assert!(!journal.contains(r#""kind":"suspended""#), "{journal}");
    fleet.coalmine(&["status", "1.2.0"]).exits(0);

    // Whoever reads again sees the end.
    stalled.stall(false);
    stalled.shows("completed (exit 0)");
    assert!(stalled.heard() - heard > 8192, "so little that nobody had to wait: {}", stalled.heard() - heard);
    for mut console in [stalled, watcher] {
        console.press("q");
        assert_eq!(console.ends(), 0);
    }
}

#[test]
fn a_conductor_that_stands_still_is_told_of_and_heard_again() {
    let fleet = Fleet::up(3);
    promoted_by_hand(&fleet);
    fleet.coalmine(&["install-world", "1.2.0", "--yes", "--detach", "--promote", "manual"]).exits(8);
    let mut console = Terminal::open(&fleet, &Opening { arguments: &["attach"], ..Opening::BARE });
    console.shows("waits for promotion");
    let conductor = fleet.conductor().unwrap();
    kill(conductor, Signal::STOP);
    console.shows("cannot hear the conductor");
    kill(conductor, Signal::CONT);
    console.wait("its voice", |screen| {
        let text = screen.contents();
        text.contains("waits for promotion") && !text.contains("cannot hear the conductor")
    });
    fleet.coalmine(&["abort"]).exits(0);
    console.shows("stopped (exit 5)");
    console.press("q");
    console.ends();
}
