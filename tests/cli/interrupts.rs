//! Who waits for a group's command can leave at once, and leaves nothing behind.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::project::{Answer, Project};

fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Tells whether a process is there; one that is dead and not yet reaped is not.
fn is_there(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn a_group_whose_command_hangs_is_left_at_once_with_all_that_it_started() {
    let project = Project::new();
    project.configure("touch ran-group; echo mw99.eqiad.invalid", "echo $$ > asked; sleep 300; true");
    project.configure("hosts = \"@all\"", "hosts = \"@both\"");
    project.configure("masters = \"@masters\"", "masters = \"@all\"");
    let signals = [(Signal::INT, "SIGINT"), (Signal::TERM, "SIGTERM"), (Signal::HUP, "SIGHUP")];
    let commands = [&["install-world", "--yes"][..], &["rollback", "--yes"], &["plan"], &["status"], &["hosts"]];
    for (command, (signal, name)) in commands.into_iter().zip(signals.into_iter().cycle()) {
        let mut waiting = project.command(command).spawn().unwrap();
        let pid = asked(&project);
        kill_process(Pid::from_child(&waiting), signal).unwrap();
        until("the end", || waiting.try_wait().unwrap());
        let answer = Answer::of(waiting.wait_with_output().unwrap());
        answer.exits(130).complains(&format!("{name}: nothing was changed"));
        until("the end of the group's command", || (!is_there(&pid)).then_some(()));
        fs::remove_file(project.path("asked")).unwrap();
    }

    // As nohup(1) starts it: it was to outlive its terminal.
    let command = project.command(&[]);
    let mut ignoring = Command::new("sh");
    ignoring.args(["-c", "trap '' HUP; exec \"$0\" plan"]).arg(command.get_program());
    for (name, value) in command.get_envs() {
        ignoring.env(name, value.unwrap());
    }
    ignoring.current_dir(command.get_current_dir().unwrap());
    ignoring.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let waiting = ignoring.spawn().unwrap();
    let pid = asked(&project);
    for signal in [Signal::HUP, Signal::TERM] {
        kill_process(Pid::from_child(&waiting), signal).unwrap();
    }
    Answer::of(waiting.wait_with_output().unwrap()).exits(130).complains("SIGTERM: nothing was changed");
    until("the end of the group's command", || (!is_there(&pid)).then_some(()));
}

/// Waits for the command of the group, and gives its process.
fn asked(project: &Project) -> String {
    let asked = project.path("asked");
    until("the command of the group", || {
        fs::read_to_string(&asked).ok().filter(|pid| pid.ends_with('\n')).map(|pid| pid.trim().to_owned())
    })
}
