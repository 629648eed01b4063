//! Rollouts in processes of their own, and what they left written.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::fs;

use rustix::fs::{CWD, Mode, mkfifoat};
use serde_json::Value;

use crate::fleet::{Answer, Fleet, until};

impl Fleet {
    /// Starts a rollout in a process of its own; gives its id.
    pub(crate) fn detach(&self, arguments: &[&str]) -> String {
        let words = [&["install-world", "--yes", "--detach"], arguments].concat();
        self.coalmine(&words).exits(8).stdout.trim().to_owned()
    }

    pub(crate) fn records(&self, rollout: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.journal(rollout)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Gives what every host noted of a rollout, with its name.
    pub(crate) fn host_logs(&self, rollout: &str) -> Vec<(String, Vec<String>)> {
        let hosts = fs::read_dir(self.dir.join("hosts")).unwrap();
        hosts
            .map(|host| {
                let host = host.unwrap();
                let text = fs::read_to_string(host.path().join("minewatch/.coalmine/log")).unwrap_or_default();
                let lines = text.lines().filter(|line| line.contains(rollout)).map(str::to_owned).collect();
                (host.file_name().into_string().unwrap(), lines)
            })
            .collect()
    }
}

#[test]
fn a_journal_or_a_freeze_that_is_damaged_hides_no_host_and_an_empty_one_is_no_success() {
    let fleet = Fleet::up(2);
    let rollout = fleet.detach(&["1.2.0", "--soak", "0s"]);
    fleet.wait_for_the_end(&rollout);
    let whole = fs::read_to_string(fleet.journal(&rollout)).unwrap();
    // As a disk leaves it that lost its power: zero bytes where a line was.
    let mut lines: Vec<String> = whole.lines().map(str::to_owned).collect();
    let middle = lines.len() / 2;
    lines[middle] = "\0".repeat(lines[middle].len());
    fs::write(fleet.journal(&rollout), lines.join("\n") + "\n").unwrap();
    let status = fleet.coalmine(&["status", "1.2.0"]).exits(0).says("whether hosts are out of service is not known");
    assert!(status.stdout.contains("2 current"), "{status:?}");
    fleet.coalmine(&["status", "1.2.0", "--output", "json"]).exits(0);
    fleet.coalmine(&["show", &rollout]).exits(1).says("not a record");

    // As a machine leaves it that went down while it was written.
    let frozen = fleet.state.join("locks/sandbox.frozen");
    fs::write(&frozen, "").unwrap();
    let status = fleet.coalmine(&["status", "1.2.0"]).exits(0);
    assert!(status.stdout.contains("2 current"), "{status:?}");
    status.says("not by whom");
    fleet.coalmine(&["plan", "1.1.0"]).exits(9).says("not by whom");
    fleet.coalmine(&["install-world", "1.2.0", "--yes"]).exits(1).says("not by whom");
    fs::remove_file(&frozen).unwrap();

    fs::write(fleet.journal(&rollout), "").unwrap();
    for format in ["text", "json", "jsonl", "markdown", "junit"] {
        fleet.coalmine(&["show", &rollout, "--output", format]).exits(1).says("never began");
    }
}

#[test]
fn a_rollout_is_gone_on_with_whatever_stands_where_its_log_and_its_socket_belong() {
    let fleet = Fleet::up(1);
    let rollout = fleet.detach(&["1.2.0", "--soak", "0s"]);
    fleet.wait_for_the_end(&rollout);
    let whole = fs::read_to_string(fleet.journal(&rollout)).unwrap();
    let begun: Vec<&str> = whole.lines().take(8).collect();
    fs::write(fleet.journal(&rollout), begun.join("\n") + "\n").unwrap();
    let folder = fleet.state.join("rollouts").join(&rollout);
    fs::remove_file(folder.join("conductor.log")).unwrap();
    mkfifoat(CWD, folder.join("conductor.log"), Mode::RUSR | Mode::WUSR).unwrap();
    fs::create_dir(folder.join("control.sock")).unwrap();
    let resumed = fleet.coalmine(&["resume", &rollout, "--detach"]).exits(8);
    resumed.says("conductor.log: it is a pipe, and no file");
    fleet.wait_for_the_end(&rollout);
}

/// Nobody could stop such a rollout, see it, or go on with it, and another would begin beside it.
#[test]
fn a_rollout_whose_journal_is_taken_away_switches_nobody_more_and_says_why() {
    let fleet = Fleet::up(3);
    let install = fleet.start(&["install-world", "1.2.0", "--yes", "--headless", "--soak", "3s"]);
    let rollout = until("the rollout", || {
        let folder = fs::read_dir(fleet.state.join("rollouts")).ok()?.next()?.unwrap();
        folder.file_name().into_string().ok()
    });
    fleet.wait_for(&rollout, "soak_started");
    fs::rename(fleet.state.join("rollouts"), fleet.dir.join("away")).unwrap();
    let answer = Answer::of(install.wait_with_output().unwrap()).exits(1);
    answer.says("nothing more is started, since it could not be remembered").says("it was removed, or moved away");
    let switched = |name: &str| {
        let logs = fleet.host_logs(&rollout);
        logs.iter().filter(|(host, log)| host.starts_with(name) && log.join("\n").contains(" switched to ")).count()
    };
    assert_eq!((switched("deploy"), switched("mw")), (2, 2), "the canaries, and nobody behind them");

    // Where it was brought back, all of it is there.
    fs::rename(fleet.dir.join("away"), fleet.state.join("rollouts")).unwrap();
    fleet.coalmine(&["resume", &rollout, "--headless"]).exits(0).says("1.2.0 runs on 3 hosts");
}
