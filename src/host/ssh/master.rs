use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::cause::{self, Cause, Reading, Whose, without_debug};
use super::control::Ending;
use super::diagnosis::{self, Patience};
use super::names::Names;
use super::pool::Pool;
use super::throttle::Throttle;
use super::{jump, retry::Retry};
use crate::host::answer::clean_lines;
use crate::host::limits::{exhaustion, is_exhausted, patiently};
use crate::host::process::{quiet, spawn};
use crate::model::{Failure, FailureClass, HostId, Proxy};

/// How much later than ssh itself a connection is given up: it knows better why.
const GRACE: Duration = Duration::from_secs(2);
/// Says in `busy` that the connection is closed.
const CLOSED: usize = usize::MAX;

/// Holds one connection that is open: a process of ssh's that lives by itself, and whose control socket is here.
///
/// It ends when this is dropped, unless another process is on it, with which it ends then, or it is kept for the next one. When this
/// process is killed it ends by itself after `persist` without use, or when the next one starts.
#[derive(Debug)]
pub(super) struct Master {
    serial: u64,
    names: Names,
    /// Whether another process opened it, and nothing has been done over it yet.
    unproven: AtomicBool,
    session: Arc<openssh::Session>,
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

/// What came of an attempt to connect.
enum Opened {
    /// What it is called here, and how long it took.
    Open(Names, Duration),
    /// What ssh said, and what that means.
    Failed(Reading, String),
}

/// Gives the arguments that every ssh to a host is started with, up to its name.
///
/// Where an inventory says how it is reached, that stands here and not in the configuration: a jump host's ssh is given that as well, and it
/// must not jump over itself.
pub(super) fn common(pool: &Pool, host: &HostId) -> Vec<std::ffi::OsString> {
    let mut arguments = vec!["-F".into(), pool.config().into_os_string()];
    if pool.verbose.load(Ordering::Relaxed) {
        arguments.push("-v".into());
    }
    if let Some(user) = &pool.settings.user {
        arguments.extend(["-l".into(), user.into()]);
    }
    let Some(address) = pool.settings.addresses.get(host) else { return arguments };
    let mut option = |name: &str, value: &dyn std::fmt::Display| {
        arguments.extend(["-o".into(), format!("{name}={value}").into()]);
    };
    if let Some(name) = &address.host {
        option("HostName", name);
    }
    if let Some(port) = address.port {
        option("Port", &port);
    }
    if let Some(user) = &address.user {
        // Of two users ssh takes the first, which is `target.user`.
        option("User", user);
    }
    if let Some(key) = &address.key {
        option("IdentityFile", &format_args!("\"{key}\""));
    }
    match &address.proxy {
        Some(Proxy::Jump(jump)) => option("ProxyJump", jump),
        Some(Proxy::Command(command)) => option("ProxyCommand", command),
        None => {}
    }
    arguments
}

/// Gives the command that opens a shell on a host for a person: over a connection of its own, which the person may be asked for.
pub(in crate::host) fn login(pool: &Pool, host: &HostId) -> Vec<std::ffi::OsString> {
    let mut argv = vec!["ssh".into()];
    argv.extend(common(pool, host));
    for option in ["BatchMode=no", "RequestTTY=force", "EscapeChar=~", "LogLevel=ERROR"] {
        argv.extend(["-o".into(), option.into()]);
    }
    argv.extend(["--".into(), host.as_str().into()]);
    argv
}

pub(super) fn patience(pool: &Pool) -> Patience {
    Patience { connect: pool.settings.connect_timeout, silence: pool.settings.silence() }
}

/// Says that ssh itself is not to be had: whichever host it was for, that is this machine's.
pub(super) fn no_ssh(error: &std::io::Error) -> Failure {
    let hint = if is_exhausted(error) {
        "it is no fault of the host: see `ulimit -n`, `ulimit -u` and the memory here, or lower ssh.sessions"
    } else {
        "install OpenSSH's client here"
    };
    Failure::new(FailureClass::Unreachable, format!("cannot start ssh on this machine: {error}")).hint(hint).here()
}

/// Says what ssh's complaints mean, and whose they are.
pub(super) async fn explain(pool: &Pool, host: &HostId, reading: Reading, said: &str, doing: &str) -> Failure {
    let jump = match reading.whose {
        Whose::Host => None,
        Whose::Behind | Whose::Jump => jump::on_the_way(pool, host).await,
    };
    diagnosis::failure(reading, said, doing, patience(pool), jump.as_deref())
}

impl Master {
    fn new(pool: &Arc<Pool>, names: Names, borrowed: bool, room: Option<OwnedSemaphorePermit>) -> Arc<Self> {
        let session = session(&names);
        let master = Arc::new(Self {
            serial: pool.tick(),
            names,
            unproven: AtomicBool::new(borrowed),
            session: Arc::new(session),
            busy: AtomicUsize::new(0),
            used: AtomicU64::new(pool.tick()),
            room: Mutex::new(room),
            pool: Arc::clone(pool),
        });
        pool.register(&master);
        master
    }

    /// Takes part in one that another process has open to the same host in the same way; none where there is none that answers.
    pub(super) async fn borrow(pool: &Arc<Pool>, host: &HostId) -> Option<Arc<Self>> {
        let (fingerprint, folders) = pool.who_has(host)?;
        // It takes no more of this machine, and what is done over it takes as much as over any other.
        let room = pool.room().await;
        for folder in folders {
            let names = match Names::of(&folder, fingerprint.as_str(), pool.socket()) {
                Ok(names) => names,
                Err(error) => {
                    tracing::debug!(%host, %error, ?folder, "a connection is not taken part in");
                    continue;
                }
            };
            if answers(&session(&names)).await {
                names.publish(fingerprint.as_str());
                tracing::debug!(%host, ?folder, "takes part in a connection that is open");
                return Some(Self::new(pool, names, true, room));
            }
        }
        None
    }

    /// Connects, and tries again where that makes sense; with `shares` other processes may take part in it.
    ///
    /// Dropping the future ends ssh.
    pub(super) async fn open(
        pool: &Arc<Pool>,
        way: &Throttle,
        host: &HostId,
        shares: bool,
    ) -> Result<Arc<Self>, Failure> {
        if let Some(config) = &pool.settings.config
            && !config.is_file()
        {
            let message = format!("ssh.config names {}, which is no file", config.display());
            return Err(Failure::new(FailureClass::Unreachable, message).hint("mend ssh.config in coalmine.toml"));
        }
        let mut retry = Retry::new();
        loop {
            let opening = pool.ways.turn(way).await;
            // Who waits for the way, or before another attempt, takes up no room that others could use.
            let room = pool.room().await;
            let before = if shares { pool.fingerprint(host) } else { None };
            // Asked before: another host may ask for more while this one is tried without.
            let is_verbose = pool.verbose.load(Ordering::Relaxed);
            let (reading, said) = match Self::try_open(pool, host).await? {
                Opened::Open(names, took) => {
                    opening.turn.accepted(host, took);
                    // What was changed while it was opened may be what it was opened with, or not.
                    if let Some(fingerprint) = before.filter(|before| pool.fingerprint(host).as_ref() == Some(before)) {
                        names.publish(fingerprint.as_str());
                    }
                    return Ok(Self::new(pool, names, false, room));
                }
                Opened::Failed(reading, said) => (reading, said),
            };
            if (is_verbose || !reading.mute)
                && let Some(why) = reading.cause.push_back()
            {
                opening.turn.pushed_back(host, why);
            }
            drop((opening, room));
            if !retry.again(pool, way, host, reading).await {
                return Err(explain(pool, host, reading, &said, "connecting").await);
            }
        }
    }

    async fn try_open(pool: &Arc<Pool>, host: &HostId) -> Result<Opened, Failure> {
        // Dropped before it is connected, it may have gone into the background a moment ago; its group is ended by its own guard.
        let names = Names::new(pool.socket());
        let patience = patience(pool);
        let mut command = quiet("ssh");
        command.args(common(pool, host));
        command.args(["-M", "-N", "-T", "-S"]).arg(names.socket()).arg("-E").arg(names.log());
        // With this it goes into the background when it is connected, and its exit says that it is.
        command.arg("-o").arg(format!("ControlPersist={}", pool.persist().as_secs().max(1)));
        command.arg("--").arg(host.as_str());
        // A proxy's complaints belong to the same story.
        let open = || OpenOptions::new().create(true).append(true).open(names.log());
        let complaints = patiently(open).await.map_err(|error| no_ssh(&error))?;
        command.stderr(Stdio::from(complaints));
        let mut group = spawn(&mut command).await.map_err(|error| no_ssh(&error))?;
        // ConnectTimeout covers TCP and the banner and no more: a host that hangs while it lets us in is as good as none.
        let most = patience.connect + pool.patience() + GRACE;
        let begun = tokio::time::Instant::now();
        let status = tokio::time::timeout(most, group.wait()).await;
        let said = fs::read(names.log()).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).into_owned();
        match status {
            Err(_) => {
                let message = format!("lets nobody in within {} s", most.as_secs());
                Err(Failure::new(FailureClass::Unreachable, message)
                    .hint("it answers and hangs, as with a lost NFS home or a directory service that is down; a login by hand shows where")
                    .output(clean_lines(without_debug(&said).as_bytes())))
            }
            Ok(Err(error)) => Err(no_ssh(&error)),
            Ok(Ok(status)) if status.success() && names.socket().exists() => {
                let took = begun.elapsed();
                pool.logged_in(took);
                Ok(Opened::Open(names, took))
            }
            Ok(Ok(_)) => Ok(Opened::Failed(cause::read(&said), said)),
        }
    }

    /// Begins to use it; none when it was closed meanwhile.
    pub(super) fn begin(self: &Arc<Self>) -> Option<Use> {
        self.busy
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |busy| (busy != CLOSED).then(|| busy + 1))
            .ok()
            .map(|_| Use(Arc::clone(self)))
    }

    pub(super) const fn session(&self) -> &Arc<openssh::Session> {
        &self.session
    }

    /// Tells it from every other connection of this process.
    pub(super) const fn serial(&self) -> u64 {
        self.serial
    }

    pub(super) fn socket(&self) -> &Path {
        self.names.socket()
    }

    /// Tells whether its process is there; that is asked on this machine and costs the host nothing.
    pub(super) async fn is_alive(&self) -> bool {
        answers(&self.session).await
    }

    /// Notes that something was done over it.
    pub(super) fn prove(&self) {
        self.unproven.store(false, Ordering::Relaxed);
    }

    /// Tells whether what goes wrong before anything has begun may be another process's doing: it opened the connection, or is on it, and
    /// takes of what the host allows over one. A connection of this process's alone may do better.
    pub(super) fn is_doubtful(&self) -> bool {
        self.unproven.load(Ordering::Relaxed) || self.names.is_common()
    }

    /// Says why it died, as its log has it.
    pub(super) async fn last_words(&self, host: &HostId, doing: &str) -> (Cause, Failure) {
        let said = fs::read(self.names.log()).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let mut reading = cause::read(&said);
        // A process that was killed has nothing to say.
        if reading.cause == Cause::Other {
            reading.cause = Cause::Reset;
        }
        (reading.cause, explain(&self.pool, host, reading, &said, doing).await)
    }

    /// Tells whether somebody else uses it here, too.
    pub(super) fn is_shared(&self) -> bool {
        self.busy.load(Ordering::Acquire) > 1
    }

    pub(super) fn is_idle(&self) -> bool {
        self.busy.load(Ordering::Acquire) == 0
    }

    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Closes it, and gives its end; gives none where somebody here uses it.
    pub(super) fn close_if_idle(&self) -> Option<Ending> {
        self.busy.compare_exchange(0, CLOSED, Ordering::AcqRel, Ordering::Acquire).is_ok().then(|| self.end())
    }

    /// Closes it, whoever uses it here; what other processes do over it goes on.
    pub(super) fn close(&self) {
        if self.busy.swap(CLOSED, Ordering::AcqRel) != CLOSED {
            drop(self.end());
        }
    }

    fn end(&self) -> Ending {
        let ending = self.names.end();
        self.room.lock().unwrap_or_else(PoisonError::into_inner).take();
        ending
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        // Nobody uses it, or this would live.
        if *self.busy.get_mut() != CLOSED && self.pool.keeps() && self.names.leave() {
            self.pool.left.store(true, Ordering::Relaxed);
        } else {
            self.close();
        }
    }
}

fn session(names: &Names) -> openssh::Session {
    openssh::Session::resume_mux(names.socket().into(), Some(names.log().into()))
}

async fn answers(session: &openssh::Session) -> bool {
    match tokio::time::timeout(Duration::from_secs(2), session.check()).await {
        Ok(Ok(())) => true,
        // Where nobody could ask, it has not died of that.
        Ok(Err(error)) => exhaustion(&error).is_some(),
        Err(_) => false,
    }
}
