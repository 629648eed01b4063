//! What a script's refusals mean for people, and for the rollout.

use super::read;
use crate::host::HostError;
use crate::host::answer::{Answer, class_of_refusal};
use crate::host::script::Phase;
use crate::model::{ASTRAY, Bytes, Failure, FailureClass};

/// Gives the word and the text of a refusal.
pub(super) fn refusal(answer: &Answer) -> Option<(String, String)> {
    let text = answer.first("fail")?.text();
    let (word, text) = text.split_once(' ').unwrap_or((&text, ""));
    Some((word.to_owned(), text.to_owned()))
}

/// Turns a refusal into an error.
pub(super) fn check(phase: Phase, answer: Answer) -> Result<Answer, HostError> {
    let Some((word, text)) = refusal(&answer) else {
        return Ok(answer);
    };
    let holder = |kind: &str| answer.first(kind).and_then(read::holder).map(Box::new);
    if word == "lost" {
        return Err(HostError::Lost(holder("holder").or_else(|| holder("since"))));
    }
    if word == "locked"
        && let Some(holder) = holder("holder")
    {
        return Err(HostError::Locked(holder));
    }
    let text = if text.is_empty() { format!("refused while {}, without a word", phase.doing()) } else { text };
    let failure = Failure::new(class_of_refusal(phase), text.clone());
    let failure = match word.as_str() {
        "trust" => failure.hint(
            "whoever may write there decides what runs, as sshd's StrictModes has it: chown it to target.user, chmod go-w it; \
             deployers share a root by one target.user or target.become, not by a group",
        ),
        "tool" if text == "rsync" => Failure { message: "rsync is not installed on the host".into(), ..failure }
            .hint("apt-get install rsync, or its like"),
        "tool" => Failure { message: not_installed(&text), ..failure }
            .hint("POSIX sh, coreutils, findutils, awk, sed and grep, or busybox, are needed there"),
        "interpreter" => failure.hint("install that interpreter there, or build with the one that the hosts have"),
        "room" => Failure { message: room(&answer).unwrap_or(text), ..failure }
            .hint("free some there, or lower target.keep so that fewer releases are kept"),
        // It answered: what it lacks is room for what is asked of it.
        "full" => Failure { class: FailureClass::Activate, ..failure }.hint("free some space there"),
        "inodes" => failure.hint("the file system has room but no inodes; remove files there"),
        "temporary" => {
            failure.hint("the folder of temporary files there (TMPDIR, or /tmp) is full: free some space in it")
        }
        "root" => failure.hint(ASTRAY),
        "missing" => failure.hint("prime the host again"),
        "reverted" => failure.hint("target.confirm must be longer than it takes to reach the host anew"),
        _ => with_hint(failure, &text),
    };
    Err(failure.into())
}

fn not_installed(tools: &str) -> String {
    let are = if tools.contains(' ') { "are" } else { "is" };
    format!("{} {are} not installed on the host", tools.replace(' ', ", "))
}

/// Reads `needed, free, where`, in KiB.
fn room(answer: &Answer) -> Option<String> {
    let text = answer.first("room")?.text();
    let mut words = text.splitn(3, ' ');
    let mut amount = || Some(Bytes(words.next()?.parse::<u64>().ok()?.saturating_mul(1024)));
    let (needed, free) = (amount()?, amount()?);
    Some(format!("needs {needed}, {free} free on {}", words.next()?))
}

/// Adds what to try where an error of the system's says it.
fn with_hint(failure: Failure, text: &str) -> Failure {
    if text.contains("No space left") || text.contains("quota exceeded") {
        failure.hint("free some space there, or inodes: `df -h` and `df -i` say which are gone")
    } else if text.contains("Permission denied") || text.contains("cannot be written") {
        failure.hint("target.user (or target.become) must own target.root")
    } else if text.contains("Read-only file system") {
        failure.hint("the host's disk may be broken: it was mounted read-only")
    } else {
        failure
    }
}

/// Says that a host answered what no script of ours says.
pub(super) fn not_understood(phase: Phase, answer: &Answer) -> HostError {
    let message = format!("its answer makes no sense while {}", phase.doing());
    Failure::new(FailureClass::Unreachable, message).output(answer.chatter.text()).into()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::host::HostError;
    use crate::host::answer::{Answer, Record};
    use crate::host::script::Phase;
    use crate::model::FailureClass;

    fn refused(phase: Phase, records: &[(&str, &str)]) -> HostError {
        let records =
            records.iter().map(|(kind, rest)| Record { kind: (*kind).into(), rest: (*rest).into() }).collect();
        check(phase, Answer { records, ..Answer::default() }).unwrap_err()
    }

    #[test]
    fn refusals_say_what_is_missing_and_what_to_do() {
        for (phase, records, class, message) in [
            (Phase::Stage, &[("fail", "tool rsync")][..], FailureClass::Transfer, "rsync is not installed on the host"),
            (
                Phase::Stage,
                &[("room", "71884 3174 /var with space"), ("fail", "room no space")],
                FailureClass::Transfer,
                "needs 70.2 MiB, 3.1 MiB free on /var with space",
            ),
            (Phase::Stage, &[("fail", "tool od tr")], FailureClass::Transfer, "od, tr are not installed on the host"),
            // Whoever says why it cannot was reached.
            (
                Phase::Lock,
                &[("fail", "io mkdir: cannot create directory: No space left on device")],
                FailureClass::Transfer,
                "mkdir: cannot create directory: No space left on device",
            ),
            (
                Phase::Activate,
                &[("fail", "io mv: cannot move: Permission denied")],
                FailureClass::Activate,
                "mv: cannot move: Permission denied",
            ),
        ] {
            let HostError::Failed(failure) = refused(phase, records) else { panic!() };
            assert_eq!((failure.class, failure.message.as_str()), (class, message));
            assert!(failure.hint.is_some());
        }
        let HostError::Failed(failure) = refused(Phase::Seal, &[("fail", "")]) else { panic!() };
        assert_eq!(failure.message, "refused while verifying the release, without a word");
        let locked = refused(Phase::Lock, &[("holder", "r1 1700000000 1700000060 6d65-"), ("fail", "locked by r1")]);
        assert_eq!(locked.to_string(), "locked by me for rollout r1");
    }
}
