//! Rollouts in processes of their own, and what they left written.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::fs;

use serde_json::Value;

use crate::fleet::Fleet;

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
