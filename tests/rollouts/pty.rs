//! A terminal for commands that ask somebody: what they show is read, and an answer is typed.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};

use crate::fleet::{Fleet, coalmine, until};

/// Owns a terminal and the command that runs on it.
pub(crate) struct Pty {
    keys: Box<dyn std::io::Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    shown: Arc<Mutex<String>>,
    _master: Box<dyn portable_pty::MasterPty + Send>,
}

impl Pty {
    pub(crate) fn open(fleet: &Fleet, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let size = PtySize { rows: 24, cols: 200, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(coalmine());
        command.arg("-c");
        command.arg(fleet.dir.join("coalmine.toml"));
        command.arg("--state-dir");
        command.arg(&fleet.state);
        command.args(arguments);
        command.env("TERM", "dumb");
        command.env("LC_ALL", "C.UTF-8");
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let shown = Arc::new(Mutex::new(String::new()));
        let (mut reader, heard) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let text = String::from_utf8_lossy(buffer.split_at(count).0).replace('\r', "");
                heard.lock().unwrap().push_str(&text);
            }
        });
        Self { keys: pair.master.take_writer().unwrap(), child, shown, _master: pair.master }
    }

    /// Waits until it shows a text; gives all that it showed so far.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) -> String {
        until(text, || Some(self.shown.lock().unwrap().clone()).filter(|shown| shown.contains(text)))
    }

    pub(crate) fn interrupts(&mut self) {
        self.keys.write_all(b"\x03").unwrap();
    }

    pub(crate) fn types(&mut self, line: &str) {
        self.keys.write_all(format!("{line}\r").as_bytes()).unwrap();
    }

    /// Waits for its end; gives the exit code and all that it showed.
    pub(crate) fn ends(mut self) -> (u32, String) {
        let status = until("its end", || self.child.try_wait().unwrap());
        // What it said last may still be on its way.
        std::thread::sleep(std::time::Duration::from_millis(200));
        (status.exit_code(), self.shown.lock().unwrap().clone())
    }
}
