//! Who waits for a group's command can leave at once, and leaves nothing behind.

use std::fs;
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
    for command in [&["install-world", "--yes"][..], &["rollback", "--yes"], &["plan"], &["status"], &["hosts"]] {
        let mut waiting = project.command(command).spawn().unwrap();
        let asked = project.path("asked");
        let pid = until("the command of the group", || {
            fs::read_to_string(&asked).ok().filter(|pid| pid.ends_with('\n')).map(|pid| pid.trim().to_owned())
        });
        kill_process(Pid::from_child(&waiting), Signal::INT).unwrap();
        until("the end", || waiting.try_wait().unwrap());
        Answer::of(waiting.wait_with_output().unwrap()).exits(130).complains("SIGINT: nothing was changed");
        until("the end of the group's command", || (!is_there(&pid)).then_some(()));
        fs::remove_file(asked).unwrap();
    }
}
