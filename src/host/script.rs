//! The scripts that run on hosts, one a phase, and how they are put together.
//!
//! The library has the functions of every phase. A shell is sent it once, and then does one step after the other, each a line: the
//! assignments of its parameters, and the call of its phase ([`Script::step`]). A shell that is to do one phase alone gets both at
//! once ([`Script::text`]). Parameters are quoted for the shell and are the only way in; whatever a phase tells comes back in lines
//! that begin with its token.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;

/// What every phase may call.
const SHARED: [&str; 7] = [
    include_str!("../../assets/remote/prelude.sh"),
    include_str!("../../assets/remote/lease.sh"),
    include_str!("../../assets/remote/state.sh"),
    include_str!("../../assets/remote/slots.sh"),
    include_str!("../../assets/remote/tree.sh"),
    include_str!("../../assets/remote/proven.sh"),
    include_str!("../../assets/remote/attempt.sh"),
];
/// What a shell that does steps needs besides them, and what asks.
const OF_QUESTIONS: [&str; 3] = [
    include_str!("../../assets/remote/session.sh"),
    include_str!("../../assets/remote/probe.sh"),
    include_str!("../../assets/remote/probe_main.sh"),
];
/// The phases that put a release on a host.
const OF_INSTALLS: [&str; 9] = [
    include_str!("../../assets/remote/switch.sh"),
    include_str!("../../assets/remote/adopt.sh"),
    include_str!("../../assets/remote/renew.sh"),
    include_str!("../../assets/remote/unlock.sh"),
    include_str!("../../assets/remote/stage.sh"),
    include_str!("../../assets/remote/unpack.sh"),
    include_str!("../../assets/remote/seal.sh"),
    include_str!("../../assets/remote/activate.sh"),
    include_str!("../../assets/remote/finalize.sh"),
];
/// The phases that only a rollout has.
const OF_ROLLOUTS: [&str; 8] = [
    include_str!("../../assets/remote/lock.sh"),
    include_str!("../../assets/remote/break.sh"),
    include_str!("../../assets/remote/roll_back.sh"),
    include_str!("../../assets/remote/remove_slot.sh"),
    include_str!("../../assets/remote/confirm.sh"),
    include_str!("../../assets/remote/check.sh"),
    include_str!("../../assets/remote/fetch.sh"),
    include_str!("../../assets/remote/relay.sh"),
];
const DEAD_MAN: &str = include_str!("../../assets/remote/dead_man.sh");

/// The functions of every phase as they are sent where the host can unpack them: a fourth of them.
static PACKED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    // Into memory it can be written; and nothing is no library, which is told.
    let whole = [LIBRARY.as_slice(), WHOLE].concat();
    packed.write_all(&whole).and_then(|()| packed.finish()).unwrap_or_default()
});

/// What only a library has that arrived to its end.
const WHOLE: &[u8] = b"library=whole\n";

/// The functions of every phase, as they are sent.
static LIBRARY: LazyLock<Vec<u8>> =
    LazyLock::new(|| library([SHARED.as_slice(), &OF_QUESTIONS, &OF_INSTALLS, &OF_ROLLOUTS]));

/// The functions of questions, as they are sent: a shell reads all that it is sent, and most hosts are asked and nothing else.
static QUESTIONS: LazyLock<Vec<u8>> = LazyLock::new(|| text([SHARED.as_slice(), &OF_QUESTIONS]));

fn text<const N: usize>(parts: [&[&str]; N]) -> Vec<u8> {
    parts.into_iter().flatten().flat_map(|part| without_comments(part).into_bytes()).collect()
}

/// Gives parts with what goes back by itself.
fn library<const N: usize>(parts: [&[&str]; N]) -> Vec<u8> {
    let mut library = text(parts);
    library.extend_from_slice(b"# shellcheck disable=SC2016\n");
    library.extend_from_slice(
        &[b"p_dead_man=", quote_bytes(without_comments(DEAD_MAN).as_bytes()).as_slice(), b"\n"].concat(),
    );
    library
}

/// The functions of a host that installs a release by itself.
const BY_ITSELF: &str = include_str!("../../assets/remote/bootstrap.sh");

/// Puts together a script of which nobody is at the other end; a shell reads it to its end before it does any of it.
pub(super) fn by_itself(head: &str, parameters: &str) -> Vec<u8> {
    let functions = without_comments(BY_ITSELF);
    // Not every phase is called, and what others call is not seen to be.
    let checks = "# shellcheck disable=SC2034,SC2317,SC2329,SC3013\n";
    let (begin, end) = (format!("{head}{checks}{{\n"), "bootstrap\n}\n");
    let library = library([SHARED.as_slice(), &OF_INSTALLS]);
    [begin.as_bytes(), &library, functions.as_bytes(), parameters.as_bytes(), end.as_bytes()].concat()
}

/// Names what is done on a host by one script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Asks what is there.
    Probe,
    /// Takes the lock, and asks what is there.
    Lock,
    /// Renews the lock, beside whatever else runs.
    Renew,
    /// Frees the lock and removes what is half-done.
    Unlock,
    /// Ends another's lease.
    Break,
    /// Prepares the folder into which a release travels.
    Stage,
    /// Fetches a pack from elsewhere than this machine.
    Fetch,
    /// Passes packs on to other hosts, for as long as it is held.
    Relay,
    /// Proves what has travelled, and gives it its final name.
    Seal,
    /// Switches the link.
    Activate,
    /// Switches the link back.
    RollBack,
    /// Removes a slot.
    RemoveSlot,
    /// Confirms a switch.
    Confirm,
    /// Runs gates.
    Check,
    /// Writes that the current release is good, prunes and frees the lock.
    Finalize,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 15] = [
        Self::Probe,
        Self::Lock,
        Self::Renew,
        Self::Unlock,
        Self::Break,
        Self::Stage,
        Self::Fetch,
        Self::Relay,
        Self::Seal,
        Self::Activate,
        Self::RollBack,
        Self::RemoveSlot,
        Self::Confirm,
        Self::Check,
        Self::Finalize,
    ];

    /// Names the function that does it.
    const fn function(self) -> &'static str {
        match self {
            Self::Probe => "phase_probe",
            Self::Lock => "phase_lock",
            Self::Renew => "phase_renew",
            Self::Unlock => "phase_unlock",
            Self::Break => "phase_break",
            Self::Stage => "phase_stage",
            Self::Fetch => "phase_fetch",
            Self::Relay => "phase_relay",
            Self::Seal => "phase_seal",
            Self::Activate => "phase_activate",
            Self::RollBack => "phase_roll_back",
            Self::RemoveSlot => "phase_remove_slot",
            Self::Confirm => "phase_confirm",
            Self::Check => "phase_check",
            Self::Finalize => "phase_finalize",
        }
    }

    /// Tells what is going on, behind "while ".
    #[must_use]
    pub const fn doing(self) -> &'static str {
        match self {
            Self::Probe => "asking what is installed",
            Self::Lock => "taking the lock",
            Self::Renew => "renewing the lock",
            Self::Unlock => "freeing the lock",
            Self::Break => "breaking the lock",
            Self::Stage => "preparing the release's folder",
            Self::Fetch => "fetching the release",
            Self::Relay => "beginning to pass the release on",
            Self::Seal => "verifying the release",
            Self::Activate => "switching",
            Self::RollBack => "switching back",
            Self::RemoveSlot => "removing the slot",
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
    /// Whether it is a question on which nothing follows as a rule: what opens a shell for it takes the fewest processes and trips, and
    /// for what goes on the fewest bytes.
    pub alone: bool,
    /// What it is told; the prelude says what is so of the others.
    parameters: BTreeMap<String, Vec<u8>>,
}

impl Script {
    /// Begins a script with a token of its own.
    #[must_use]
    pub fn new(phase: Phase, deadline: Duration) -> Self {
        let nonce = format!("{:016x}", fastrand::u64(..));
        let token = format!("@{nonce}");
        let alone = phase == Phase::Probe;
        let mut script = Self { phase, token, deadline, alone, parameters: BTreeMap::new() };
        script.set("nonce", &nonce);
        let token = script.token.clone();
        script.set("token", &token);
        script.set("deadline", &whole_seconds(deadline));
        // What some phases say otherwise.
        script.set("term", "0").set("rest", "60").set("usual", "3600");
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

    /// Sets a parameter that may be any bytes but zero.
    pub fn set_bytes(&mut self, name: &str, value: &[u8]) -> &mut Self {
        self.parameters.insert(name.to_owned(), quote_bytes(value));
        self
    }

    /// Gives the text of a shell that does this alone; it reads it from its standard input.
    ///
    /// It is one group of commands, which a shell has to read to its end before it does any of them: of a link that is cut
    /// in the middle of a line, the half of a word that came could be another command.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        // What stays has to know when nobody holds it any more.
        let kept: &[u8] = if self.phase == Phase::Relay { b"exec 3<&0\n" } else { b"" };
        [b"{\n", kept, LIBRARY.as_slice(), &self.step(), b"}\n"].concat()
    }

    /// Gives the line with which a shell that has the library does this, its line feed included.
    #[must_use]
    pub fn step(&self) -> Vec<u8> {
        let mut line = Vec::new();
        for (name, value) in &self.parameters {
            line.extend_from_slice(&[b"p_", name.as_bytes(), b"=", value, b";"].concat());
        }
        line.extend_from_slice(b"begin ");
        line.extend_from_slice(self.phase.function().as_bytes());
        line.push(b'\n');
        line
    }
}

/// Opens a shell that does one step after the other, the first of them with the library: shells read what they are sent in blocks, and what
/// came with it and were no part of it would be lost.
#[derive(Debug, Clone)]
pub struct Opening {
    /// What each of its records begins with.
    pub token: String,
    /// How the shell named itself that was given up before this one.
    stale: String,
    /// What the first step does.
    first: Vec<u8>,
    /// Whether that is a question by itself.
    only_asks: bool,
    /// Where releases are, quoted.
    root: Vec<u8>,
}

impl Opening {
    /// Makes one with a token of its own; `stale` is what a shell said of itself that was given up, and is ended first.
    #[must_use]
    pub fn new(stale: Option<&str>, first: &Script) -> Self {
        Self {
            token: format!("@{:016x}", fastrand::u64(..)),
            stale: stale.unwrap_or_default().to_owned(),
            first: [b"first_step() {\n", first.step().as_slice(), b"}\n"].concat(),
            only_asks: first.alone,
            root: first.parameters.get("root").cloned().unwrap_or_else(|| quote_bytes(b"")),
        }
    }

    /// Gives the line that tells whether a shell is there at all: it is answered at once, however slow the link is to take the rest.
    #[must_use]
    pub fn greeting(&self) -> Vec<u8> {
        format!("printf '\\n%s\\n%s\\n' '{0} begin' '{0} end'\n", self.token).into_bytes()
    }

    /// Gives what follows on the greeting, and is sent with it: the library, or what of it questions need where the first step is one by itself,
    /// and that step.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        self.serving(if self.only_asks { &QUESTIONS } else { &LIBRARY }, &self.first)
    }

    /// Gives the line that tells whether a shell is there, where the host first says how it is to be sent the library.
    #[must_use]
    pub fn asking(&self) -> Vec<u8> {
        format!("printf '\\n%s\\n' '{} begin'\n", self.token).into_bytes()
    }

    /// Gives what follows on that: the first step, and the question. The host says which process the shell is, by what `/proc` has of it, and `packed`
    /// where it takes [`Self::packed`]: that costs three processes there.
    ///
    /// It says `unpacked` where nothing came of that, and waits for [`Self::plain`] as one does that said nothing.
    #[must_use]
    pub fn question(&self) -> Vec<u8> {
        let (token, length) = (&self.token, PACKED.len());
        let text = format!(
            "stat=''\nread -r stat 2>/dev/null </proc/$$/stat\n\
             if command -v gzip >/dev/null 2>&1 && command -v head >/dev/null 2>&1; then\n\
             printf '%s\\n' \"{token} stat $stat\" '{token} packed' '{token} end'\nlibrary=''\n\
             eval \"$(head -c {length} | gzip -dc 2>/dev/null)\"\n\
             if [ \"$library\" = whole ]; then p_token='{token}' p_stale='{stale}' p_now={now} p_stat=$stat; serve; fi\n\
             printf '\\n%s\\n' '{token} begin' '{token} unpacked' '{token} end'\n\
             else printf '%s\\n' \"{token} stat $stat\" '{token} end'; fi; }}\n",
            // Numbers, as they were read.
            stale = self.stale,
            now = now(),
        );
        [b"{\n", self.first.as_slice(), b"p_root=", self.root.as_slice(), b"\n", text.as_bytes()].concat()
    }

    /// Gives the library for a shell that waits for it packed.
    #[must_use]
    pub fn packed() -> &'static [u8] {
        &PACKED
    }

    /// Gives the library for a shell that has the first step and waits for the rest as it is.
    #[must_use]
    pub fn plain(&self) -> Vec<u8> {
        self.serving(&LIBRARY, b"")
    }

    /// Gives a group of commands, as that of a script, that makes a shell one that does steps.
    fn serving(&self, library: &[u8], first: &[u8]) -> Vec<u8> {
        let set = |name: &str, value: &str| [name.as_bytes(), b"=", &quote_bytes(value.as_bytes()), b"\n"].concat();
        let (token, stale) = (set("p_token", &self.token), set("p_stale", &self.stale));
        let (now, stat) = (set("p_now", &now().to_string()), set("p_stat", ""));
        let root = [b"p_root=", self.root.as_slice(), b"\n"].concat();
        [b"{\n", library, first, &token, &stale, &root, &now, &stat, b"serve\n}\n"].concat()
    }
}

/// Leaves out what a part says for people, which costs bytes on every host; what it says for shellcheck costs few.
///
/// So are indents, which stand nowhere within words.
fn without_comments(part: &str) -> String {
    let is_sent = |line: &&str| {
        let start = line.trim_start();
        !start.is_empty() && (!start.starts_with('#') || start.starts_with("# shellcheck disable"))
    };
    part.lines().filter(is_sent).flat_map(|line| [line.trim_start(), "\n"]).collect()
}

/// Gives the time of this machine, in seconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
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
            // A step is a line; the prelude has the byte in a variable.
            b'\n' => quoted.extend_from_slice(br#"'"$newline"'"#),
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
        assert!(text.ends_with(b";begin phase_probe\n}\n"));
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
