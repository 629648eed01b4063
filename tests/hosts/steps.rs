//! Steps of one session, one after the other in one shell: what one of them leaves to the next, and what becomes of those that are cut off.

use std::fs;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use coalmine::host::script::{Opening, Phase};
use coalmine::host::{GateCheck, Host as _, Survey};
use coalmine::model::Probe;

use crate::over_ssh::{failed, quick};
use crate::programs::{Box, lock, script, simple, switch};
use crate::sshd::{Sshd, descendants};
use crate::stage::{eventually, fleet, host, processes_with, rollout, target, temporary};

fn gate(run: &str) -> GateCheck {
    GateCheck {
        name: "works".into(),
        run: run.to_owned(),
        environment: Vec::new(),
        timeout: Duration::from_secs(600),
        retries: 0,
        dry: false,
    }
}

/// Where it would be heard of when its time is over only, a gate that was killed with its step would hold up a rollout for that long.
#[tokio::test]
async fn a_step_that_is_killed_is_told_at_once_and_nothing_of_it_goes_on() {
    let sshd = Sshd::start("");
    let (state, root) = (temporary(), sshd.folder.path().join("root"));
    let fleet = fleet(sshd.ssh(), quick(), target(&root), state.path());
    let host = host(&fleet, "box");
    crate::over_ssh::settled(&host, &simple(state.path(), "1.0")).await;
    let sleep = format!("sleep 4{}", std::process::id());
    let gate = gate(&sleep);
    for signal in ["-KILL", "-TERM"] {
        let kill = async {
            let gate = loop {
                let seen = processes_with(&sleep).into_iter().find(|(_, line)| line.starts_with("sleep "));
                match seen {
                    Some((gate, _)) => break gate,
                    None => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            };
            // The shell itself, and below it the one that does the steps.
            let sshds = sshd.sessions();
            let mut above: Vec<(usize, u32)> = sshd
                .descendants()
                .into_iter()
                .filter(|pid| !sshds.contains(pid))
                .map(|pid| (descendants(pid), pid))
                .filter(|(below, _)| below.contains(&gate))
                .map(|(below, pid)| (below.len(), pid))
                .collect();
            above.sort_unstable();
            sshd.signal(&[above[above.len() - 2].1], signal);
        };
        let checked = tokio::time::timeout(Duration::from_secs(60), host.check(std::slice::from_ref(&gate)));
        let (checked, ()) = tokio::join!(checked, kill);
        let failure = failed(checked.expect("it is told long before the gate's time is over").unwrap_err());
        assert!(failure.message.contains("was cut off while running gates"), "{signal}: {failure:?}");
        eventually("the gate ends", || processes_with(&sleep).is_empty());
        host.probe(&Survey::Shallow, None).await.unwrap();
    }
    assert_eq!(sshd.accepted(), 1);
}

/// Which folder of which machine a host's root is tells whether two names are one host: whatever was done there before.
#[tokio::test]
async fn which_machine_a_host_is_stays_the_same_behind_every_step() {
    for programs in Box::both() {
        let (state, root) = (temporary(), temporary());
        let fleet = programs.fleet(root.path(), state.path());
        let host = host(&fleet, "here");
        let one = simple(state.path(), "1.0");
        fs::create_dir(root.path().join("tool")).unwrap();
        let machine = |probe: Probe| probe.facts.into_iter().find(|(fact, _)| fact == "machine").unwrap().1;
        let before = machine(host.probe(&Survey::Shallow, None).await.unwrap());
        host.lock(&lock("r1"), None).await.unwrap();
        host.prime(&one, &rollout("r1"), &|_| {}).await.unwrap();
        assert!(host.activate(&one.id, &switch("r1")).await.unwrap().adopted.is_some());
        let behind = machine(host.probe(&Survey::Shallow, None).await.unwrap());
        assert_eq!(before, behind, "{}", programs.name);
    }
}

/// A shell of this machine that does steps, in a group of its own or in another's.
struct Serving {
    shell: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Serving {
    fn begin(programs: &Box, folder: &Path, group: u32, opening: &Opening) -> Self {
        let mut shell = Command::new(programs.folder.path().join("sh"))
            .arg("-s")
            .env("PATH", &programs.path)
            .current_dir(folder)
            .process_group(group.try_into().unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (shell.stdin.take(), shell.stdout.take().unwrap());
        let mut serving = Self { shell, stdin, lines: BufReader::new(stdout).lines() };
        serving.send(&opening.text());
        serving
    }

    fn send(&mut self, text: &[u8]) {
        self.stdin.as_mut().unwrap().write_all(text).unwrap();
    }

    /// Reads up to an answer's end; gives what was said of a kind, if anything.
    fn hear(&mut self, token: &str, kind: &str) -> Option<String> {
        let (mut said, begin) = (None, format!("{token} {kind} "));
        let end = format!("{token} end");
        for line in self.lines.by_ref().map(Result::unwrap) {
            if line == end {
                return said;
            }
            said = line.strip_prefix(&begin).map(str::to_owned).or(said);
        }
        panic!("the shell ended");
    }
}

/// A process each is what steps would cost most; and the login folder is closed to a user that ssh's becomes, or gone.
#[test]
fn one_shell_does_all_steps_also_where_its_first_folder_is_closed_to_it() {
    for programs in Box::both() {
        let (root, folder) = (temporary(), temporary());
        let probe = || script(Phase::Probe, root.path(), "");
        let first = probe();
        let opening = Opening::new(None, &first);
        let mut serving = Serving::begin(&programs, folder.path(), 0, &opening);
        serving.hear(&opening.token, "");
        serving.hear(&first.token, "");
        fs::remove_dir(folder.path()).unwrap();
        // The first below it is its own; what that starts is below both.
        let mut does_them = Vec::new();
        for _ in 0..3 {
            let step = probe();
            serving.send(&step.step());
            serving.hear(&step.token, "");
            does_them.push(descendants(serving.shell.id()).into_iter().next());
        }
        drop(serving.stdin.take());
        assert!(serving.shell.wait().unwrap().success());
        does_them.dedup();
        assert_eq!(does_them.len(), 1, "{}: {does_them:?}", programs.name);
    }
}

/// dropbear makes no group of each command: all of a connection are in that of the process that serves it.
#[test]
fn a_shell_that_was_given_up_is_ended_and_nobody_else_where_all_are_in_one_group() {
    // Where it has room in its root for what gates print, it has no guard.
    for (programs, guarded) in
        Box::both().into_iter().zip([false, true]).chain(Box::both().into_iter().zip([true, false]))
    {
        let root = temporary();
        fs::create_dir_all(root.path().join("tool")).unwrap();
        if !guarded {
            fs::create_dir(root.path().join(".coalmine")).unwrap();
        }
        let dropbear = programs.folder.path().join("dropbear");
        symlink("/usr/bin/sleep", &dropbear).unwrap();
        let mut server = Command::new(dropbear).arg("1000").process_group(0).spawn().unwrap();
        let sleep = format!("sleep 6{}", std::process::id());
        let probe = || script(Phase::Probe, root.path(), "");
        let mut first = probe();
        first.alone = false;
        let opening = Opening::new(None, &first);
        let mut given_up = Serving::begin(&programs, root.path(), server.id(), &opening);
        let identity = given_up.hear(&opening.token, "session").unwrap();
        given_up.hear(&first.token, "");
        let mut check = script(Phase::Check, root.path(), "r1");
        check.set("gates", &format!("gate 0 600 0 '' '{sleep}' '' || return 0"));
        given_up.send(&check.step());
        eventually("its gate runs", || !processes_with(&sleep).is_empty());
        drop(given_up.stdin.take());

        let next = probe();
        let opening = Opening::new(Some(&identity), &next);
        let mut serving = Serving::begin(&programs, root.path(), server.id(), &opening);
        serving.hear(&opening.token, "");
        serving.hear(&next.token, "");
        given_up.shell.wait().unwrap();
        eventually("its gate ends", || processes_with(&sleep).is_empty());
        assert!(server.try_wait().unwrap().is_none(), "{}: what serves the connection was ended", programs.name);
        drop(serving.stdin.take());
        assert!(serving.shell.wait().unwrap().success());
        server.kill().unwrap();
        server.wait().unwrap();
    }
}

/// What a session remembers from step to step is set where it is found out, and nowhere else by the way; `bootstrap.sh` is a session by itself.
#[test]
fn what_a_session_keeps_is_set_in_one_place() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/remote");
    let kept = [
        "me=",
        "my_name=",
        "my_group=",
        "asked_at=",
        "asked_time=",
        "around=",
        "trusted=",
        "here=",
        "one_device=",
        "in_session=",
        "is_shared=",
        "begun_in=",
        "was_last=",
        "own_group=",
        "own_start=",
        "tidied=",
        "looked=",
    ];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_owner = ["prelude.sh", "session.sh", "bootstrap.sh"].iter().any(|owner| path.ends_with(owner));
        if is_owner || path.extension().is_none_or(|end| end != "sh") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for word in text.split(|char: char| char.is_ascii_whitespace() || ";({&|".contains(char)) {
            assert!(!kept.iter().any(|kept| word.starts_with(kept)), "{}: {word}", path.display());
        }
    }
}
