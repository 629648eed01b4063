//! Commands from other terminals, signals, and what is answered when nothing runs.

use std::io::{BufRead as _, BufReader};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::fleet::{Answer, Fleet, kill, until};

#[test]
fn an_abort_from_another_terminal_takes_two_seconds() {
    let fleet = Fleet::up(3);
    let rollout = fleet.detach(&["1.2.0", "--soak", "10m"]);
    let mut watching = fleet.start(&["attach", "--output", "jsonl"]);
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut heard = Vec::new();
    for line in lines.by_ref() {
        heard.push(line.unwrap());
        if heard.last().unwrap().contains("\"kind\":\"soak_started\"") {
            break;
        }
    }
    // What this machine takes meanwhile to start a command and to ask every host something.
    let start = Instant::now();
    fleet.coalmine(&["-v", "status", "1.2.0"]);
    let usual = start.elapsed();
    let start = Instant::now();
    fleet.coalmine(&["abort"]).exits(0).says(&format!("abort: accepted by rollout {rollout}"));
    heard.extend(lines.map(Result::unwrap));
    let took = start.elapsed();
    assert!(took < Duration::from_secs(2).max(usual * 2), "{took:?}, and a status took {usual:?}");
    assert_eq!(watching.wait().unwrap().code(), Some(5));
    // Whoever watches hears what the journal has, no more and no less.
    let journaled: Vec<String> = heard.into_iter().filter(|line| !line.contains("\"host_progress\"")).collect();
    let journal = std::fs::read_to_string(fleet.journal(&rollout)).unwrap();
    assert_eq!(journaled.join("\n"), journal.trim_end());
    assert!(journal.contains("\"kind\":\"abort_requested\",\"by\":"));
    fleet.coalmine(&["abort", &rollout]).exits(1).says("is over: stopped");
    // Whoever begins to follow when it is over hears the same end.
    fleet.coalmine(&["show", "--follow", &rollout]).exits(5).says("Stopped");
    fleet.coalmine(&["show", &rollout]).exits(0);
}

#[test]
fn a_signal_ends_whoever_follows_and_not_the_rollout() {
    let fleet = Fleet::up(2);
    let rollout = fleet.detach(&["1.2.0", "--soak", "10m"]);
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut following = fleet.start(&["attach", "--headless"]);
        let mut lines = BufReader::new(following.stdout.take().unwrap()).lines().map(Result::unwrap);
        lines.find(|line| line.contains(" soaks for ")).unwrap();
        kill(following.id().try_into().unwrap(), signal);
        Answer::of(following.wait_with_output().unwrap())
            .exits(8)
            .says(&format!("rollout {rollout} goes on in process"));
    }
    fleet.coalmine(&["abort"]).exits(0);
    fleet.wait_for_the_end(&rollout);
}

#[test]
fn a_conductor_that_stands_still_is_told_of_and_heard_again() {
    let fleet = Fleet::up(2);
    let rollout = fleet.detach(&["1.2.0", "--soak", "10m"]);
    fleet.wait_for(&rollout, "soak_started");
    let mut following = fleet.start(&["attach", "--headless"]);
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.contains(" soaks for ")).unwrap();
    let conductor = fleet.conductor().unwrap();
    kill(conductor, Signal::STOP);
    let mut told = BufReader::new(following.stderr.take().unwrap()).lines().map(Result::unwrap);
    told.find(|line| line.contains(&format!("the conductor of rollout {rollout} did not answer within 10 s"))).unwrap();
    kill(conductor, Signal::CONT);
    fleet.coalmine(&["abort"]).exits(0);
    assert_eq!(following.wait().unwrap().code(), Some(5));
}

#[test]
fn a_rollout_is_paused_continued_and_rolled_back_from_elsewhere() {
    let fleet = Fleet::up(3);
    fleet.coalmine(&["pause"]).exits(1).says("no rollout runs");
    let rollout = fleet.detach(&["1.2.0", "--soak", "10m"]);
    fleet.wait_for(&rollout, "soak_started");
    fleet.coalmine(&["pause", &rollout]).exits(0);
    fleet.coalmine(&["pause"]).exits(1).says("refuses `pause`: it is paused already");
    fleet.coalmine(&["continue"]).exits(0);
    fleet.coalmine(&["skip", "--host", "nowhere"]).exits(1).says("nowhere takes no part in it");
    fleet.coalmine(&["rollback", "--to", "1.1.0", "--yes"]).exits(2).says("goes back as a whole");
    let answer = fleet.coalmine(&["rollback", "--output", "jsonl"]).exits(0).says("rollback: accepted");
    assert_eq!(answer.stdout, "", "a reader of events gets events only");
    fleet.coalmine(&["show", "--follow"]).exits(6);
    for (host, log) in fleet.host_logs(&rollout) {
        let switched = log.iter().any(|line| line.contains(" switched to "));
        let back = log.iter().any(|line| line.contains("went back") || line.contains("back to"));
        assert_eq!(switched, back, "{host}: {log:#?}");
    }
}

#[test]
fn signals_stop_a_rollout_the_more_often_the_harder() {
    let fleet = Fleet::up(3);
    // 270 KiB at this rate keep the transfer going for as long as the test looks at it.
    fleet.fault("mw01.eqiad.sandbox", "slow:4096");
    let headless = fleet.start(&["install-world", "1.2.0", "--yes", "--headless", "--soak", "1s"]);
    let pid = i32::try_from(headless.id()).unwrap();
    let rollout = until("the rollout", || {
        let folders = std::fs::read_dir(fleet.state.join("rollouts")).ok()?;
        folders.filter_map(Result::ok).next().map(|folder| folder.file_name().into_string().unwrap())
    });
    fleet.wait_for(&rollout, "locked");
    let primed = || fleet.records(&rollout).iter().filter(|record| record["phase"] == "primed").count();
    until("the others", || (primed() == 4).then_some(()));
    kill(pid, Signal::HUP);
    kill(pid, Signal::INT);
    fleet.wait_for(&rollout, "suspended");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(fleet.coalmine(&["pause"]).code, Some(1), "it takes no other command any more");
    kill(pid, Signal::INT);
    let answer = Answer::of(headless.wait_with_output().unwrap()).exits(130);
    assert_eq!(primed(), 4, "a transfer was waited for");
    let answer = answer
        .says("SIGINT: no new host is started, those under way finish")
        .says("SIGINT: waiting for 1 host that gets the release")
        .says("SIGINT, the second signal: transfers are cancelled");
    answer.says(&format!("`{}` goes on with it", fleet.proposed(&format!("resume {rollout}"))));
    fleet.fault("mw01.eqiad.sandbox", "none");
    fleet.coalmine(&["resume", "--due"]).exits(0).says("it was interrupted by hand");
    fleet.coalmine(&["resume"]).exits(0).says("1.2.0 runs on 3 hosts");
}

#[test]
fn a_shut_down_conductor_is_due_and_found_from_anywhere() {
    let fleet = Fleet::up(2);
    let rollout = fleet.detach(&["1.2.0", "--soak", "10m"]);
    fleet.wait_for(&rollout, "soak_started");
    kill(fleet.conductor().unwrap(), Signal::TERM);
    fleet.wait_for(&rollout, "suspended");
    let waits = format!("`{}` goes on with it", fleet.proposed(&format!("resume {rollout}")));
    until("its end", || fleet.coalmine(&["abort"]).stderr.contains(&waits).then_some(()));
    let mut due = std::process::Command::new(crate::fleet::coalmine());
    due.args(["resume", "--due", "--state-dir"]).arg(&fleet.state).current_dir("/");
    let due = Answer::of(due.output().unwrap()).exits(0);
    assert_eq!(due.stdout.trim(), rollout, "{due:?}");
    fleet.coalmine(&["abort"]).exits(0);
    fleet.coalmine(&["show", "--follow"]).exits(5);
    fleet.coalmine(&["resume"]).exits(1).says("no rollout waits to be resumed");
}

#[test]
fn who_decides_earlier_says_why_and_is_told_to_everybody() {
    let fleet = Fleet::up(3);
    let heard = fleet.dir.join("announced");
    let config = fleet.dir.join("coalmine.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let hooks = format!("\n[hooks]\nannounce = [\"sh\", \"-c\", \"cat >> {0}; echo >> {0}\"]\n", heard.display());
    std::fs::write(&config, text + &hooks).unwrap();
    let rollout = fleet.detach(&["1.2.0", "--soak", "1h"]);
    fleet.wait_for(&rollout, "soak_started");
    fleet.coalmine(&["promote", &rollout]).exits(2).says("--reason");
    fleet.coalmine(&["promote", "--reason", " "]).exits(1).says("it wants a reason, which is journaled and announced");
    fleet.coalmine(&["hold", "--reason", "odd graphs"]).exits(0).says(&format!("hold: accepted by rollout {rollout}"));
    fleet.coalmine(&["hold", "--reason", "odd graphs"]).exits(1).says("it is held already");
    // The soak is over at once, and still nothing follows.
    fleet.coalmine(&["soak", "--left", "0s", "--reason", "quiet"]).exits(0);
    fleet.wait_for(&rollout, "promotion_needed");
    fleet.coalmine(&["soak", "--left", "1h", "--reason", "quiet"]).exits(1).says("waits for promotion");
    fleet.coalmine(&["promote", "--reason", "the graphs are\nthe monitoring's"]).exits(0);
    until("the second soak", || {
        let journal = std::fs::read_to_string(fleet.journal(&rollout)).unwrap_or_default();
        (journal.matches("\"kind\":\"soak_started\"").count() == 2).then_some(())
    });
    fleet.coalmine(&["promote", "--reason", "a fix is urgent"]).exits(0);
    fleet.coalmine(&["show", "--follow"]).exits(0);
    let journal = std::fs::read_to_string(fleet.journal(&rollout)).unwrap();
    for record in [
        "\"kind\":\"held\"",
        "\"reason\":\"odd graphs\"",
        "\"kind\":\"soak_changed\"",
        "\"reason\":\"the graphs are the monitoring's\"",
        "\"promotes\":true",
    ] {
        assert!(journal.contains(record), "{record}: {journal}");
    }
    let heard = std::fs::read_to_string(heard).unwrap();
    for told in ["is held by ", "odd graphs", "the soak of stage canary is ended by", "promoted by", "a fix is urgent"]
    {
        assert!(heard.contains(told), "{told}: {heard}");
    }
}
