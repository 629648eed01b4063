//! A rollout that was started on a terminal outlives it.

use std::io::Read as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::fleet::{Fleet, coalmine, until};

#[test]
fn the_terminal_is_closed_and_the_rollout_finishes() {
    let fleet = Fleet::up(3);
    let terminal =
        native_pty_system().openpty(PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 }).unwrap();
    let mut command = CommandBuilder::new(coalmine());
    command.arg("-c");
    command.arg(fleet.dir.join("coalmine.toml"));
    command.arg("--state-dir");
    command.arg(&fleet.state);
    command.args(["install-world", "1.2.0", "--yes", "--soak", "4s"]);
    command.env("TERM", "xterm-256color");
    let mut child = terminal.slave.spawn_command(command).unwrap();
    drop(terminal.slave);
    let screen = Arc::new(Mutex::new(Vec::new()));
    let mut reader = terminal.master.try_clone_reader().unwrap();
    let seen = Arc::clone(&screen);
    let closing = Arc::new(AtomicBool::new(false));
    let is_closing = Arc::clone(&closing);
    // The reader holds the terminal open as well; while something runs, the console draws every second and lets it see.
    let reading = std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while !is_closing.load(Ordering::Relaxed)
            && let Ok(count @ 1..) = reader.read(&mut buffer)
        {
            seen.lock().unwrap().extend_from_slice(buffer.split_at(count).0);
        }
    });
    let rollout = until("the rollout", || {
        let folders = std::fs::read_dir(fleet.state.join("rollouts")).ok()?;
        folders.filter_map(Result::ok).next().map(|folder| folder.file_name().into_string().unwrap())
    });
    fleet.wait_for(&rollout, "soak_started");
    let conductor = fleet.conductor().unwrap();
    let session = rustix::process::getsid(rustix::process::Pid::from_raw(conductor)).unwrap();
    assert_eq!(session.as_raw_nonzero().get(), conductor, "it leads a session of its own");
    // What a closed window and a lost connection do: the kernel hangs up on everybody who has the terminal.
    closing.store(true, Ordering::Relaxed);
    drop(terminal.master);
    reading.join().unwrap();
    child.wait().unwrap();
    assert!(!screen.lock().unwrap().is_empty());
    fleet.coalmine(&["attach", &rollout]).exits(0).says("1.2.0 runs on 3 hosts");
    assert!(!fleet.records(&rollout).iter().any(|record| record["kind"] == "suspended"));
}
