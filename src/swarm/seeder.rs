use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use tokio::time::{Instant, sleep};

use super::hub::Settings;
use super::torrent::Torrent;
use crate::process::{Job, ProcessError, run};

/// How long it may take to listen.
const LISTENS: Duration = Duration::from_secs(10);
/// What its log is called, and what stands in that before the port.
const LOG: &str = "log";
const LISTENING: &str = "listening on TCP port ";
/// What its folder is called, before the number of the process that seeds.
const FOLDER: &str = "coalmine-swarm-";
/// The longest that anything is seeded; a rollout may soak for days, and its hosts come in stages.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Is the aria2 of this machine for one torrent: it has the whole file from the beginning. Dropped, it is ended.
#[derive(Debug)]
pub(super) struct Seeder {
    job: Job,
    folder: tempfile::TempDir,
}

impl Seeder {
    /// Prepares it, in a folder of its own in which the file is a link; those of processes that were killed are removed.
    ///
    /// # Errors
    ///
    /// When that folder cannot be made.
    pub(super) fn new(pack: &Path, name: &str, torrent: &Torrent, settings: &Settings) -> io::Result<Self> {
        clear(&std::env::temp_dir());
        let folder = tempfile::Builder::new().prefix(&format!("{FOLDER}{}-", std::process::id())).tempdir()?;
        std::os::unix::fs::symlink(std::path::absolute(pack)?, folder.path().join(name))?;
        let file = folder.path().join("torrent");
        std::fs::write(&file, &torrent.file)?;
        let mut argv: Vec<String> =
            ["aria2c", "--no-conf=true", "--enable-rpc=false", "--quiet=true"].map(str::to_owned).to_vec();
        argv.extend(
            [
                // Peers are who asks the tracker, and nobody else.
                "--enable-dht=false",
                "--enable-dht6=false",
                "--enable-peer-exchange=false",
                "--bt-enable-lpd=false",
                "--disable-ipv6=true",
                // It was read a moment ago, and is nobody's to write to.
                "--bt-seed-unverified=true",
                "--file-allocation=none",
                "--seed-ratio=0.0",
                "--bt-max-peers=0",
            ]
            .map(str::to_owned),
        );
        argv.push(format!("--seed-time={}", LONGEST.as_secs() / 60));
        argv.push(format!("--stop-with-process={}", std::process::id()));
        argv.push(format!("--dir={}", folder.path().display()));
        argv.push(format!("--log={}", folder.path().join(LOG).display()));
        argv.push("--log-level=notice".to_owned());
        let Settings { ports, address, upload } = settings;
        argv.push(format!("--listen-port={}-{}", ports.start(), ports.end()));
        argv.extend(address.map(|address| format!("--interface={address}")));
        argv.extend(upload.map(|bytes| format!("--max-overall-upload-limit={bytes}")));
        argv.push(file.display().to_string());
        let job = Job { keep: 4096, ..Job::new(argv, LONGEST) };
        Ok(Self { job, folder })
    }

    /// Seeds; gives why it ended, for people.
    pub(super) async fn seed(&self) -> String {
        match run(&self.job).await {
            Ok(ran) => {
                let why = ran.last_line().unwrap_or_else(|| format!("{:?}", ran.ending));
                format!("aria2 ended on the deploy server: {why}")
            }
            Err(ProcessError::Start { .. }) => "aria2 is not installed on the deploy server".to_owned(),
            Err(error) => format!("aria2 on the deploy server: {error}"),
        }
    }

    /// Waits until it listens, and gives the port that it took, which it says in its log alone; none when it does not in time.
    pub(super) async fn listens(&self) -> Option<u16> {
        let until = Instant::now() + LISTENS;
        loop {
            let log = std::fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default();
            let said = log.lines().find_map(|line| line.split_once(LISTENING));
            if let Some(port) = said.and_then(|(_, port)| port.trim().parse().ok()) {
                return Some(port);
            }
            if Instant::now() >= until {
                return None;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Removes what seeders left whose process is gone; what is another user's stays.
pub(super) fn clear(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(FOLDER)?.split_once('-')?.0.parse().ok());
        let is_dead = |pid| test_kill_process(pid) == Err(Errno::SRCH);
        if number.and_then(Pid::from_raw).is_some_and(is_dead)
            && let Err(error) = std::fs::remove_dir_all(entry.path())
        {
            tracing::debug!(%error, ?name, "a dead seeder's folder stays");
        }
    }
}

/// Tells whether aria2 is installed here.
pub(super) fn is_there() -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder: PathBuf| folder.join("aria2c").is_file())
}
