use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::control;
use super::diagnosis::{self, Cause, Patience};
use super::pool::Pool;
use crate::host::process::{Group, quiet};
use crate::model::{Failure, FailureClass, HostId};

/// Says in `busy` that the connection is closed.
const CLOSED: usize = usize::MAX;

/// Holds one connection that is open: a process of ssh's that lives by itself, and whose control socket is here.
///
/// It ends when this is dropped; when this process is killed it ends by itself after `persist` without use, or when the next
/// one starts.
#[derive(Debug)]
pub(super) struct Master {
    socket: PathBuf,
    log: PathBuf,
    session: openssh::Session,
    /// How many use it right now, or `CLOSED`.
    busy: AtomicUsize,
    used: AtomicU64,
    room: Mutex<Option<OwnedSemaphorePermit>>,
    pool: Arc<Pool>,
}

/// Uses a connection; as long as it lives nobody closes that to make room.
#[derive(Debug)]
pub(super) struct Use(Arc<Master>);

impl std::ops::Deref for Use {
    type Target = Master;

    fn deref(&self) -> &Master {
        &self.0
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        self.0.used.store(self.0.pool.tick(), Ordering::Relaxed);
        let before = self
            .0
            .busy
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |busy| (busy != CLOSED).then(|| busy.saturating_sub(1)));
        if before == Ok(1) {
            self.0.pool.idle.notify_one();
        }
    }
}

/// Ends what a connection attempt began, unless it is told that it succeeded.
struct Attempt<'a> {
    socket: &'a Path,
    log: &'a Path,
    succeeded: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.succeeded {
            // It may have gone into the background a moment ago; its group is ended by its own guard.
            end(self.socket);
            remove(self.log);
        }
    }
}

fn end(socket: &Path) {
    if socket.exists() {
        if let Err(error) = control::end(socket) {
            tracing::debug!(%error, "a connection was gone before it was ended");
        }
        remove(socket);
    }
}

fn remove(file: &Path) {
    if let Err(error) = fs::remove_file(file)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::debug!(%error, ?file, "a file of the control folder stays");
    }
}

/// Gives the arguments that every ssh is started with.
pub(super) fn common(pool: &Pool) -> Vec<std::ffi::OsString> {
    let mut arguments = vec!["-F".into(), pool.config().into_os_string()];
    if let Some(user) = &pool.settings.user {
        arguments.extend(["-l".into(), user.into()]);
    }
    arguments
}

pub(super) fn patience(pool: &Pool) -> Patience {
    Patience { connect: pool.settings.connect_timeout, silence: pool.settings.silence() }
}

/// Says that ssh itself is not to be had.
pub(super) fn no_ssh(error: &std::io::Error) -> Failure {
    Failure::new(FailureClass::Unreachable, format!("cannot start ssh on this machine: {error}"))
        .hint("install OpenSSH's client here")
}

impl Master {
    /// Connects, and tries again where that makes sense.
    ///
    /// Dropping the future ends ssh.
    pub(super) async fn open(pool: &Arc<Pool>, host: &HostId) -> Result<Arc<Self>, Failure> {
        if let Some(config) = &pool.settings.config
            && !config.is_file()
        {
            let message = format!("ssh.config names {}, which is no file", config.display());
            return Err(Failure::new(FailureClass::Unreachable, message).hint("mend ssh.config in coalmine.toml"));
        }
        let room = pool.room().await;
        let mut attempt = 1;
        loop {
            let turn = pool.connect().await;
            let (cause, failure) = match Self::try_open(pool, host).await {
                Ok((socket, log)) => {
                    let session = openssh::Session::resume_mux(socket.clone().into(), Some(log.clone().into()));
                    let master = Arc::new(Self {
                        socket,
                        log,
                        session,
                        busy: AtomicUsize::new(0),
                        used: AtomicU64::new(pool.tick()),
                        room: Mutex::new(room),
                        pool: Arc::clone(pool),
                    });
                    pool.register(&master);
                    return Ok(master);
                }
                Err(failed) => failed,
            };
            drop(turn);
            if attempt >= cause.attempts() {
                return Err(failure);
            }
            tracing::debug!(%host, attempt, message = failure.message, "connecting again");
            // Apart from each other, so that those who were turned away together do not come back together.
            let pause = Duration::from_millis(fastrand::u64(300..900)).saturating_mul(1 << attempt.min(4));
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    async fn try_open(pool: &Arc<Pool>, host: &HostId) -> Result<(PathBuf, PathBuf), (Cause, Failure)> {
        let socket = pool.socket();
        let log = socket.with_extension("log");
        let patience = patience(pool);
        let other = |error: std::io::Error| (Cause::Other, no_ssh(&error));
        let mut attempt = Attempt { socket: &socket, log: &log, succeeded: false };
        let mut command = quiet("ssh");
        command.args(common(pool));
        command.args(["-M", "-N", "-T", "-S"]).arg(&socket).arg("-E").arg(&log);
        // With this it goes into the background when it is connected, and its exit says that it is.
        command.arg("-o").arg(format!("ControlPersist={}", pool.settings.persist.as_secs().max(1)));
        command.arg("--").arg(host.as_str());
        // A proxy's complaints belong to the same story.
        let complaints = OpenOptions::new().create(true).append(true).open(&log).map_err(other)?;
        command.stderr(Stdio::from(complaints));
        let mut group = Group::spawn(&mut command).map_err(other)?;
        // ConnectTimeout covers TCP and the banner, ServerAlive what follows; this is for an ssh that heeds neither.
        let most = patience.connect + patience.silence + Duration::from_secs(5);
        let status = tokio::time::timeout(most, group.child.wait()).await;
        let said = fs::read(&log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        match status {
            Err(_) => {
                let patience = Patience { connect: most, ..patience };
                Err((Cause::Silent, diagnosis::failure(Cause::Timeout, &said, "connecting", patience)))
            }
            Ok(Err(error)) => Err(other(error)),
            Ok(Ok(status)) if status.success() && socket.exists() => {
                attempt.succeeded = true;
                drop(attempt);
                Ok((socket, log))
            }
            Ok(Ok(_)) => {
                let cause = diagnosis::cause(&said);
                Err((cause, diagnosis::failure(cause, &said, "connecting", patience)))
            }
        }
    }

    /// Begins to use it; none when it was closed meanwhile.
    pub(super) fn begin(self: &Arc<Self>) -> Option<Use> {
        self.busy
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |busy| (busy != CLOSED).then(|| busy + 1))
            .ok()
            .map(|_| Use(Arc::clone(self)))
    }

    pub(super) fn session(&self) -> &openssh::Session {
        &self.session
    }

    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Tells whether its process is there; that is asked on this machine and costs the host nothing.
    pub(super) async fn is_alive(&self) -> bool {
        matches!(tokio::time::timeout(Duration::from_secs(2), self.session.check()).await, Ok(Ok(())))
    }

    /// Says why it died, as its log has it.
    pub(super) fn last_words(&self, doing: &str) -> (Cause, Failure) {
        let said = fs::read(&self.log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let cause = match diagnosis::cause(&said) {
            // A process that was killed has nothing to say.
            Cause::Other => Cause::Reset,
            cause => cause,
        };
        (cause, diagnosis::failure(cause, &said, doing, patience(&self.pool)))
    }

    pub(super) fn is_idle(&self) -> bool {
        self.busy.load(Ordering::Acquire) == 0
    }

    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Closes it unless somebody uses it; tells whether it did.
    pub(super) fn close_if_idle(&self) -> bool {
        let closed = self.busy.compare_exchange(0, CLOSED, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if closed {
            self.end();
        }
        closed
    }

    /// Closes it, whoever uses it.
    pub(super) fn close(&self) {
        if self.busy.swap(CLOSED, Ordering::AcqRel) != CLOSED {
            self.end();
        }
    }

    fn end(&self) {
        end(&self.socket);
        remove(&self.log);
        self.room.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        self.close();
    }
}
