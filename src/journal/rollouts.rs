use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, BufReader};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::error::JournalError;
use super::reader::Records;
use super::storage::Disk;
use super::writer::Journal;
use crate::files;
use crate::model::RolloutId;
use crate::rollout::{Event, Record};

/// Finds the journals of a state folder.
#[derive(Debug, Clone)]
pub struct Rollouts {
    folder: PathBuf,
}

impl Rollouts {
    /// Names the state folder; nothing is made before the first rollout.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self { folder: state.join("rollouts") }
    }

    /// Names the folder that holds a folder for each rollout.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.folder
    }

    /// Names the folder of a rollout.
    #[must_use]
    pub fn folder(&self, rollout: &RolloutId) -> PathBuf {
        self.folder.join(rollout.as_str())
    }

    /// Names the journal of a rollout.
    #[must_use]
    pub fn journal(&self, rollout: &RolloutId) -> PathBuf {
        self.folder(rollout).join("journal.jsonl")
    }

    /// Starts a journal with its first record, which gets its number here, in a folder that is its owner's alone; removes what others
    /// left that were killed.
    ///
    /// # Errors
    ///
    /// When there is one already, or when the disk refuses.
    pub fn create(&self, first: &Record) -> Result<Journal<Disk>, JournalError> {
        self.clear();
        let mut first = first.clone();
        if let Event::RolloutPlanned { number, .. } = &mut first.event {
            *number = Some(self.next_number()?);
        }
        let rollout = &first.rollout;
        let folder = self.folder(rollout);
        let path = self.journal(rollout);
        self.make_root().map_err(JournalError::io("make", &self.folder))?;
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(JournalError::io("make", &folder))?;
        let mut options = OpenOptions::new();
        options.append(true).create_new(true).mode(0o600);
        let file = options.open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => JournalError::Exists(rollout.clone()),
            _ => JournalError::io("make", &path)(error),
        })?;
        lock(&file, rollout, &path)?;
        let mut journal = Journal::new(Disk::new(file, path.clone()), path);
        if let Err(error) = journal.append([&first]) {
            // What never began leaves nothing, where the disk lets it go.
            drop(std::fs::remove_file(self.journal(rollout)).and_then(|()| std::fs::remove_dir(&folder)));
            return Err(error);
        }
        // A file that survives in a folder that does not is lost.
        for folder in [folder.as_path(), self.folder.as_path()] {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(JournalError::io("sync", folder))?;
        }
        Ok(journal)
    }

    /// Makes the folder of all rollouts, for everybody who shares the state folder: same mode, and by setgid same group.
    fn make_root(&self) -> io::Result<()> {
        let Some(state) = self.folder.parent() else {
            return Ok(());
        };
        DirBuilder::new().recursive(true).mode(0o755).create(state)?;
        match std::fs::create_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made.and_then(|()| {
                let mode = state.metadata()?.permissions().mode() & 0o7777;
                std::fs::set_permissions(&self.folder, Permissions::from_mode(mode))
            }),
        }
    }

    /// Takes a journal over from a conductor that is gone, and gives what it holds.
    ///
    /// # Errors
    ///
    /// When there is none, when a conductor lives, when it is damaged, or when the disk refuses.
    pub fn reopen(&self, rollout: &RolloutId) -> Result<(Journal<Disk>, Vec<Record>), JournalError> {
        let path = self.journal(rollout);
        let file = files::open_with(OpenOptions::new().read(true).append(true), &path)
            .map_err(|error| JournalError::opening(rollout, &path, error))?;
        lock(&file, rollout, &path)?;
        let mut reader = Records::new(BufReader::with_capacity(256 * 1024, &file), &path);
        let records = reader.by_ref().collect::<Result<Vec<_>, _>>()?;
        let whole = reader.whole();
        let length = file.metadata().map_err(JournalError::io("look at", &path))?.len();
        if length > whole {
            file.set_len(whole).map_err(JournalError::io("cut the torn line off", &path))?;
            file.sync_all().map_err(JournalError::io("sync", &path))?;
        }
        Ok((Journal::new(Disk::new(file, path.clone()), path), records))
    }

    /// Reads a journal, also while a conductor appends to it.
    ///
    /// # Errors
    ///
    /// When there is none or when it cannot be opened.
    pub fn read(&self, rollout: &RolloutId) -> Result<Records<BufReader<File>>, JournalError> {
        let path = self.journal(rollout);
        let file = files::open(&path).map_err(|error| JournalError::opening(rollout, &path, error))?;
        Ok(Records::new(BufReader::with_capacity(256 * 1024, file), path))
    }

    /// Tells whether a conductor runs the rollout.
    ///
    /// # Errors
    ///
    /// When there is no such rollout or when its journal cannot be opened.
    pub fn is_live(&self, rollout: &RolloutId) -> Result<bool, JournalError> {
        let path = self.journal(rollout);
        let file = files::open(&path).map_err(|error| JournalError::opening(rollout, &path, error))?;
        is_locked(&file).map_err(JournalError::io("ask for the lock of", &path))
    }
}

/// Tells whether somebody appends to a journal.
pub(super) fn is_locked(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => {
            flock(file, FlockOperation::Unlock)?;
            Ok(false)
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn lock(file: &File, rollout: &RolloutId, path: &Path) -> Result<(), JournalError> {
    // Whoever asks whether the rollout lives holds the lock for an instant; a conductor holds it for good.
    for _ in 0..20 {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(Duration::from_millis(10)),
            Err(error) => return Err(JournalError::io("lock", path)(error.into())),
        }
    }
    Err(JournalError::InUse(rollout.clone()))
}
