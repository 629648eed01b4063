//! The empty folder that sshd wants when root starts it.
//!
//! Debian's service makes `/run/sshd` and its package alone does not: on a machine without a running sshd, and in a
//! container, the sandbox has to. Sandboxes hold a shared lock on a file beside it, which also says that one of them
//! made the folder; the last to go down removes both.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::error::at;
use super::{SandboxError, process};

const FOLDER: &str = "/run/sshd";
const MARK: &str = "/run/sshd.coalmine-sandbox";

/// How long an sshd may take to notice that its client has gone.
const PARTING: Duration = Duration::from_secs(3);

/// Keeps the folder there while it lives.
#[derive(Debug)]
pub(super) struct PrivilegeSeparation {
    _lock: File,
}

impl PrivilegeSeparation {
    /// Makes the folder where it is needed and missing; none where nothing was to be made.
    pub(super) fn hold() -> Result<Option<Self>, SandboxError> {
        if !rustix::process::geteuid().is_root() || (Path::new(FOLDER).is_dir() && !Path::new(MARK).exists()) {
            return Ok(None);
        }
        let lock = loop {
            let lock = File::options().create(true).append(true).open(MARK).map_err(at(MARK))?;
            flock(&lock, FlockOperation::LockShared).map_err(|error| at(MARK)(error.into()))?;
            // The last sandbox to go down may have removed the file while this one waited for it.
            let held = lock.metadata().map_err(at(MARK))?.ino();
            if fs::metadata(MARK).is_ok_and(|now| now.ino() == held) {
                break lock;
            }
        };
        match fs::DirBuilder::new().mode(0o755).create(FOLDER) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(at(FOLDER)(error)),
            _ => Ok(Some(Self { _lock: lock })),
        }
    }

    /// Removes the folder if a sandbox made it and neither a sandbox nor an sshd is left that needs it.
    pub(super) fn release() -> Result<(), SandboxError> {
        let lock = match File::options().append(true).open(MARK) {
            Ok(lock) => lock,
            Err(error) if error.kind() == ErrorKind::NotFound || error.kind() == ErrorKind::PermissionDenied => {
                return Ok(());
            }
            Err(error) => return Err(at(MARK)(error)),
        };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(());
        }
        // Those of a sandbox whose supervisor was killed are on their way out; the machine's own is not.
        if process::wait_until(PARTING, || !process::is_any_called("sshd")) {
            match fs::remove_dir(FOLDER) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(at(FOLDER)(error)),
                _ => {}
            }
        }
        fs::remove_file(MARK).map_err(at(MARK))
    }
}
