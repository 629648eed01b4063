//! The scripts that run on hosts, one a phase, and how they are put together.
//!
//! A script is the assignments of its parameters, the parts that phases share, and the phase's own part, which calls it
//! on its last line. Parameters are quoted for the shell and are the only way in; whatever a phase tells comes back in
//! lines that begin with its token.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

const PRELUDE: &str = include_str!("../../assets/remote/prelude.sh");
const LEASE: &str = include_str!("../../assets/remote/lease.sh");
const STATE: &str = include_str!("../../assets/remote/state.sh");
const TREE: &str = include_str!("../../assets/remote/tree.sh");
const SWITCH: &str = include_str!("../../assets/remote/switch.sh");
const ADOPT: &str = include_str!("../../assets/remote/adopt.sh");
const ATTEMPT: &str = include_str!("../../assets/remote/attempt.sh");
const PROBE: &str = include_str!("../../assets/remote/probe.sh");
const DEAD_MAN: &str = include_str!("../../assets/remote/dead_man.sh");

/// Names what is done on a host by one script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Asks what is there.
    Probe,
    /// Takes or renews the lock, and asks what is there.
    Lock,
    /// Frees the lock and removes what is half-done.
    Unlock,
    /// Prepares the folder into which a release travels.
    Stage,
    /// Proves what has travelled, and gives it its final name.
    Seal,
    /// Switches the link.
    Activate,
    /// Switches the link back.
    RollBack,
    /// Confirms a switch.
    Confirm,
    /// Runs gates.
    Check,
    /// Writes that the current release is good, prunes and frees the lock.
    Finalize,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 10] = [
        Self::Probe,
        Self::Lock,
        Self::Unlock,
        Self::Stage,
        Self::Seal,
        Self::Activate,
        Self::RollBack,
        Self::Confirm,
        Self::Check,
        Self::Finalize,
    ];

    /// Gives the parts of the script, in order.
    const fn parts(self) -> &'static [&'static str] {
        match self {
            Self::Probe => &[STATE, TREE, ATTEMPT, PROBE, include_str!("../../assets/remote/probe_main.sh")],
            Self::Lock => &[LEASE, STATE, TREE, ATTEMPT, PROBE, include_str!("../../assets/remote/lock.sh")],
            Self::Unlock => &[LEASE, include_str!("../../assets/remote/unlock.sh")],
            Self::Stage => &[LEASE, STATE, TREE, include_str!("../../assets/remote/stage.sh")],
            Self::Seal => &[LEASE, STATE, TREE, include_str!("../../assets/remote/seal.sh")],
            Self::Activate => {
                &[LEASE, STATE, TREE, ATTEMPT, ADOPT, SWITCH, include_str!("../../assets/remote/activate.sh")]
            }
            Self::RollBack => {
                &[LEASE, STATE, TREE, ATTEMPT, ADOPT, SWITCH, include_str!("../../assets/remote/roll_back.sh")]
            }
            Self::Confirm => &[include_str!("../../assets/remote/confirm.sh")],
            Self::Check => &[ATTEMPT, include_str!("../../assets/remote/check.sh")],
            Self::Finalize => &[LEASE, STATE, TREE, SWITCH, include_str!("../../assets/remote/finalize.sh")],
        }
    }

    /// Tells what is going on, behind "while ".
    #[must_use]
    pub const fn doing(self) -> &'static str {
        match self {
            Self::Probe => "asking what is installed",
            Self::Lock => "taking the lock",
            Self::Unlock => "freeing the lock",
            Self::Stage => "preparing the release's folder",
            Self::Seal => "verifying the release",
            Self::Activate => "switching",
            Self::RollBack => "switching back",
            Self::Confirm => "confirming the switch",
            Self::Check => "running gates",
            Self::Finalize => "finalizing",
        }
    }
}

/// Holds a script that is ready to be sent.
#[derive(Debug, Clone)]
pub struct Script {
    /// What it does.
    pub phase: Phase,
    /// What each of its records begins with.
    pub token: String,
    /// How long it may take on the host, by the host's own watch.
    pub deadline: Duration,
    parameters: BTreeMap<String, Vec<u8>>,
    tail: Vec<u8>,
}

impl Script {
    /// Begins a script with a token of its own.
    #[must_use]
    pub fn new(phase: Phase, deadline: Duration) -> Self {
        let nonce = format!("{:016x}", fastrand::u64(..));
        let token = format!("@{nonce}");
        let mut script = Self { phase, token, deadline, parameters: BTreeMap::new(), tail: Vec::new() };
        script.set("nonce", &nonce);
        let token = script.token.clone();
        script.set("token", &token);
        script.set("deadline", &whole_seconds(deadline));
        script.set("dead_man", &without_comments(DEAD_MAN));
        // Read by every script, and not every phase knows them.
        for unset in
            ["rollout", "slot", "owner", "reason", "link", "version_command", "python_path", "to", "back", "id", "deep"]
        {
            script.set(unset, "");
        }
        script
    }

    /// Sets a parameter, or sets it anew.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.set_bytes(name, value.as_bytes())
    }

    /// Sets a parameter that is a path.
    pub fn set_path(&mut self, name: &str, path: &Path) -> &mut Self {
        // A path that begins with a dash would be an option.
        let bytes = path.as_os_str().as_bytes();
        if path.is_absolute() { self.set_bytes(name, bytes) } else { self.set_bytes(name, &[b"./", bytes].concat()) }
    }

    fn set_bytes(&mut self, name: &str, value: &[u8]) -> &mut Self {
        self.parameters.insert(name.to_owned(), quote_bytes(value));
        self
    }

    /// Adds text between the phase's part and its call: functions, with what they are given quoted already.
    pub fn tail(&mut self, text: &[u8]) -> &mut Self {
        self.tail.extend_from_slice(text);
        self
    }

    /// Gives the whole text; a shell reads it from its standard input.
    ///
    /// It is one group of commands, which a shell has to read to its end before it does any of them: of a link that is cut
    /// in the middle of a line, the half of a word that came could be another command.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        let mut text = b"{\n".to_vec();
        for (name, value) in &self.parameters {
            text.extend_from_slice(&[b"p_", name.as_bytes(), b"=", value, b"\n"].concat());
        }
        for part in std::iter::once(&PRELUDE).chain(self.phase.parts()) {
            text.extend_from_slice(without_comments(part).as_bytes());
        }
        if !self.tail.is_empty() {
            text.extend_from_slice(&self.tail);
            text.extend_from_slice(b"\nbegin\n");
        }
        text.extend_from_slice(b"}\n");
        text
    }
}

/// Leaves out what a part says for people, which costs bytes on every host; what it says for shellcheck costs few.
fn without_comments(part: &str) -> String {
    let is_sent = |line: &&str| {
        let start = line.trim_start();
        !start.is_empty() && (!start.starts_with('#') || start.starts_with("# shellcheck disable"))
    };
    part.lines().filter(is_sent).flat_map(|line| [line, "\n"]).collect()
}

/// Writes whole seconds, never less than asked for.
fn whole_seconds(duration: Duration) -> String {
    let more = u64::from(duration.subsec_nanos() > 0);
    duration.as_secs().saturating_add(more).to_string()
}

fn quote_bytes(value: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for &byte in value {
        match byte {
            // No shell's variable holds it.
            0 => {}
            b'\'' => quoted.extend_from_slice(br"'\''"),
            other => quoted.push(other),
        }
    }
    quoted.push(b'\'');
    quoted
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{Phase, Script};

    #[test]
    fn a_script_that_was_cut_off_anywhere_does_nothing() {
        let mut script = Script::new(Phase::Probe, Duration::from_secs(5));
        script.set("root", "/nonexistent").set("deep", "no").set("link", "x");
        let text = script.text();
        assert!(text.ends_with(b"\nbegin\n}\n"));
        for cut in (0..text.len() - "}\n".len()).rev().step_by(97) {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &text[..cut]).unwrap();
            let output = Command::new("dash").arg(file.path()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert_eq!(said, "", "it spoke when cut at byte {cut}");
        }
    }

    #[test]
    fn two_scripts_have_two_tokens() {
        let token = || Script::new(Phase::Probe, Duration::ZERO).token;
        assert_ne!(token(), token());
    }
}
