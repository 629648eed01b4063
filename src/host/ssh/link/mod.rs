mod copying;

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use openssh::Stdio as Pipe;
use tokio::sync::{Mutex, OnceCell};

use super::cause::{self, Cause};
use super::master::{Master, Use, common, explain, no_ssh};
use super::pool::Pool;
use super::retry::Retry;
use super::throttle::Throttle;
use crate::host::answer::{Answer, Tail};
use crate::host::converse::converse;
use crate::host::held::{BEGINS, Held};
use crate::host::limits::{Shortage, exhaustion};
use crate::host::process::{quiet, spawn};
use crate::host::script::Script;
use crate::host::session::{Session, Stepped, Turn};
use crate::host::settings::{TargetSettings, TransferSettings};
use crate::host::shell::{Ends, NotOpened};
use crate::host::transport::{Copied, Copy, Transport, cut_short, mute, shell, silent};
use crate::model::{Failure, FailureClass, HostId, Progress};
use crate::process::quote_words;

/// How much is open over a connection at once at most: a step, a transfer, and a lease that is renewed. `MaxSessions` is 10 unless
/// somebody has lowered it (sshd_config(5)); on a jump host it counts nothing, since what is passed on is no session.
const AT_ONCE: usize = 3;

/// How long it is believed that a host cannot be reached which was tried before anything was asked of it.
const LATELY: Duration = Duration::from_secs(30);

/// Carries to a host over ssh.
#[derive(Debug)]
pub(in crate::host) struct Ssh {
    host: HostId,
    target: Arc<TargetSettings>,
    transfer: Arc<TransferSettings>,
    pool: Arc<Pool>,
    /// Who opens it holds this, so that there is one handshake however many wait.
    door: Mutex<Door>,
    /// What stands before it; asked once.
    way: OnceCell<Arc<Throttle>>,
    session: Session,
    /// Whether its connections are this process's alone, since one that is shared did not do.
    alone: AtomicBool,
}

/// Holds the connection, or why there is none.
#[derive(Debug, Default)]
struct Door {
    open: Option<Arc<Master>>,
    /// Why it could not be opened before anything was asked, and when: for whoever asks soon, so that nobody waits for the same twice.
    shut: Option<Box<(Instant, Failure)>>,
}

/// What became of a script.
enum Ran {
    Whole(Answer),
    /// Nothing has begun, and the connection was one that is shared; the next is not.
    Unused,
    /// The link was lost, and it is worth another attempt.
    Lost(Failure),
}

/// Why there is no shell on a host.
enum NoShell {
    /// The host says nothing.
    Silent,
    /// This machine cannot.
    Here(Failure),
    /// What the connection's process said.
    Refused(String),
}

/// What became of a script that was sent over a connection of its own.
enum Anew {
    Answered(Answer),
    /// What ssh said instead.
    Refused(String),
}

impl Ssh {
    pub(in crate::host) fn new(
        host: HostId,
        target: Arc<TargetSettings>,
        transfer: Arc<TransferSettings>,
        pool: Arc<Pool>,
    ) -> Self {
        Self {
            host,
            target,
            transfer,
            pool,
            door: Mutex::default(),
            way: OnceCell::new(),
            session: Session::default(),
            alone: AtomicBool::new(false),
        }
    }

    /// Gives the connection, found or opened anew where it was closed or has died.
    async fn connection(&self) -> Result<Use, Failure> {
        let mut door = self.door.lock().await;
        loop {
            if let Some(taken) = door.open.as_ref().and_then(Master::begin) {
                if taken.is_alive().await {
                    return Ok(taken);
                }
                // While a person thinks, connections die; that is nobody's concern.
                taken.close();
            }
            door.open = None;
            if let Some(shut) = door.shut.take()
                && shut.0.elapsed() < LATELY
            {
                return Err(shut.1);
            }
            door.open = Some(self.open().await?);
        }
    }

    async fn open(&self) -> Result<Arc<Master>, Failure> {
        let shares = !self.alone.load(Ordering::Relaxed);
        if shares && let Some(open) = Master::borrow(&self.pool, &self.host).await {
            return Ok(open);
        }
        Master::open(&self.pool, self.way().await, &self.host, shares).await
    }

    /// Leaves a connection that is shared to the others; what else is done over it here goes on.
    async fn give_back(&self, connection: &Use, failure: &Failure) {
        tracing::debug!(host = %self.host, %failure, "connects anew instead of sharing a connection");
        self.alone.store(true, Ordering::Relaxed);
        if !connection.is_shared() {
            connection.close();
            return;
        }
        let mut door = self.door.lock().await;
        if door.open.as_ref().is_some_and(|open| open.serial() == connection.serial()) {
            door.open = None;
        }
    }

    async fn way(&self) -> &Throttle {
        self.way.get_or_init(|| self.pool.ways.to(&self.pool, &self.host)).await
    }

    fn command(&self) -> String {
        quote_words(shell(&self.target.r#become))
    }

    /// Says how long a shell may take to begin: where nobody but us is on the link nothing is in the way, and a host that runs no
    /// shell now is one that hangs. Behind a transfer a word may take long.
    fn begins(&self, connection: &Use) -> Duration {
        if connection.is_shared() { self.silence() } else { self.pool.patience() }
    }

    fn silence(&self) -> Duration {
        self.pool.settings.silence() + Duration::from_secs(5)
    }

    /// Starts a shell on the host.
    async fn start(&self, connection: &Use) -> Result<Ends, NoShell> {
        let begins = self.begins(connection);
        let mut shortage = Shortage::new();
        loop {
            let mut command = Arc::clone(connection.session()).arc_raw_command(self.command());
            command.stdin(Pipe::piped()).stdout(Pipe::piped()).stderr(Pipe::piped());
            let mut child = match tokio::time::timeout(begins, command.spawn()).await {
                Err(_) => return Err(NoShell::Silent),
                Ok(Ok(child)) => child,
                Ok(Err(error)) => match exhaustion(&error) {
                    Some(lack) if shortage.wait(&lack.to_string()).await => continue,
                    Some(lack) => return Err(NoShell::Here(no_ssh(lack))),
                    None => return Err(NoShell::Refused(error.to_string())),
                },
            };
            return match (child.stdin().take(), child.stdout().take(), child.stderr().take()) {
                (Some(stdin), Some(stdout), Some(stderr)) => Ok(Ends {
                    stdin: Box::pin(stdin),
                    stdout: Box::pin(stdout),
                    stderr: Box::pin(stderr),
                    keep: Box::new(child),
                }),
                _ => Err(NoShell::Refused("ssh gave no pipes".to_owned())),
            };
        }
    }

    /// Turns what was got instead of a shell into what became of a script.
    async fn not_started(&self, connection: &Use, script: &Script, why: NoShell) -> Result<Ran, Failure> {
        let doing = script.phase.doing();
        match why {
            NoShell::Silent => {
                let begins = self.begins(connection);
                let failure = silent(script.phase, begins);
                if connection.is_doubtful() {
                    self.give_back(connection, &failure).await;
                    return Ok(Ran::Unused);
                }
                self.leave(connection);
                Err(failure)
            }
            NoShell::Refused(error) if connection.is_doubtful() => {
                let message = format!("no channel was opened while {doing}: {error}");
                let failure = Failure::new(FailureClass::Unreachable, message);
                self.give_back(connection, &failure).await;
                Ok(Ran::Unused)
            }
            NoShell::Here(failure) => Err(failure),
            NoShell::Refused(error) => self.after_loss(connection, doing, &error).await,
        }
    }

    /// Lets the next one log in anew: what hangs there may be this login alone.
    fn leave(&self, connection: &Use) {
        if !connection.is_shared() {
            connection.close();
        }
    }

    /// Does a step in the host's session.
    async fn try_step(&self, connection: &Use, turn: Turn, script: &Script) -> Result<Ran, Failure> {
        let begins = self.begins(connection);
        let start = self.start(connection);
        let (answer, complaints) = match turn.step(script, connection.serial(), begins, start).await {
            Stepped::Whole(answer) => {
                connection.prove();
                return Ok(Ran::Whole(answer));
            }
            Stepped::NotStarted(why) => return self.not_started(connection, script, why).await,
            Stepped::NotOpened(NotOpened { answer, complaints }) => (Answer { begun: false, ..answer }, complaints),
            Stepped::Broken(answer, complaints) => {
                // The shell was gone before: whatever ended it between two steps, another one is opened.
                if !answer.begun && !answer.mute && connection.is_alive().await {
                    return Ok(Ran::Lost(cut_short(script, &answer, &complaints)));
                }
                (answer, complaints)
            }
        };
        self.sort_out(connection, script, begins, &answer, &complaints).await
    }

    /// Sorts what came of a script that did not come to its end.
    async fn sort_out(
        &self,
        connection: &Use,
        script: &Script,
        begins: Duration,
        answer: &Answer,
        complaints: &Tail,
    ) -> Result<Ran, Failure> {
        if !answer.begun && connection.is_doubtful() {
            let failure = if answer.mute { mute(script.phase, begins) } else { cut_short(script, answer, complaints) };
            self.give_back(connection, &failure).await;
            return Ok(Ran::Unused);
        }
        if answer.mute {
            self.leave(connection);
            return Err(mute(script.phase, begins));
        }
        if answer.late || answer.flooded || connection.is_alive().await {
            return Err(cut_short(script, answer, complaints));
        }
        self.after_loss(connection, script.phase.doing(), "").await
    }

    async fn try_run(&self, script: &Script) -> Result<Ran, Failure> {
        let connection = self.connection().await?;
        // Only now: who waits to be let in keeps nobody from working who is.
        let _turn = self.pool.exec().await;
        match self.session.turn_for(script.phase).await {
            Some(turn) => self.try_step(&connection, turn, script).await,
            None => self.try_alone(&connection, script, |_| {}).await,
        }
    }

    /// Runs a script in a shell of its own.
    async fn try_alone(&self, connection: &Use, script: &Script, hear: impl FnMut(&[u8])) -> Result<Ran, Failure> {
        let begins = self.begins(connection);
        let Ends { stdin, stdout, stderr, keep } = match self.start(connection).await {
            Ok(ends) => ends,
            Err(why) => return self.not_started(connection, script, why).await,
        };
        let most = script.deadline + self.silence();
        let talk = converse(script, begins, hear, stdin, stdout, stderr);
        let Ok((answer, complaints)) = tokio::time::timeout(most, talk).await else {
            return Err(silent(script.phase, most));
        };
        drop(keep);
        if answer.ended {
            connection.prove();
            return Ok(Ran::Whole(answer));
        }
        self.sort_out(connection, script, begins, &answer, &complaints).await
    }

    /// Runs a script over a connection of its own, once.
    async fn try_anew(&self, script: &Script) -> Result<Anew, Failure> {
        let mut ssh = quiet("ssh");
        ssh.args(common(&self.pool, &self.host)).args([
            "-T",
            "-S",
            "none",
            "-o",
            "ControlMaster=no",
            "-o",
            "ControlPath=none",
        ]);
        ssh.arg("--").arg(self.host.as_str()).arg(self.command());
        ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut group = spawn(&mut ssh).await.map_err(|error| no_ssh(&error))?;
        let (Some(stdin), Some(stdout), Some(stderr)) = group.pipes() else {
            return Err(no_ssh(&std::io::Error::other("no pipes")));
        };
        // To connect, and then for the shell to answer.
        let begins = self.pool.settings.connect_timeout.saturating_mul(2) + Duration::from_secs(2);
        let most = script.deadline + begins;
        let talk = converse(script, begins, |_| {}, stdin, stdout, stderr);
        let Ok((answer, complaints)) = tokio::time::timeout(most, talk).await else {
            return Err(silent(script.phase, most));
        };
        if answer.mute {
            return Err(silent(script.phase, begins));
        }
        if answer.ended {
            return Ok(Anew::Answered(answer));
        }
        if !answer.begun && !answer.late {
            let said: String = Tail::text(&complaints);
            if cause::read(&said).cause != Cause::Other {
                return Ok(Anew::Refused(said));
            }
        }
        Err(cut_short(script, &answer, &complaints))
    }

    /// Sorts the loss of a connection: dead for a reason that may pass, or for one that will not.
    async fn after_loss(&self, connection: &Use, doing: &str, error: &str) -> Result<Ran, Failure> {
        if connection.is_alive().await {
            // The host refused a channel: as many are open there as it allows.
            let message = format!("the host opened no channel while {doing}: {error}");
            let hint = "MaxSessions there must allow three";
            return Ok(Ran::Lost(Failure::new(FailureClass::Unreachable, message).hint(hint)));
        }
        let (cause, failure) = connection.last_words(&self.host, doing).await;
        connection.close();
        match cause {
            Cause::Reset | Cause::Turned => Ok(Ran::Lost(failure)),
            _ => Err(failure),
        }
    }
}

impl Transport for Ssh {
    async fn run(&self, script: &Script) -> Result<Answer, Failure> {
        let mut again = true;
        loop {
            match self.try_run(script).await? {
                Ran::Whole(answer) => return Ok(answer),
                Ran::Unused => {}
                // Every script may run twice, so a lost link is tried once more.
                Ran::Lost(failure) if again => {
                    tracing::debug!(host = %self.host, %failure, "running a script again");
                    again = false;
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(100..500))).await;
                }
                Ran::Lost(failure) => return Err(failure),
            }
        }
    }

    async fn run_anew(&self, script: &Script) -> Result<Answer, Failure> {
        let way = self.way().await;
        let mut retry = Retry::new();
        loop {
            let opening = self.pool.ways.turn(way).await;
            let exec = self.pool.exec().await;
            let said = match self.try_anew(script).await? {
                Anew::Answered(answer) => {
                    opening.turn.let_in();
                    return Ok(answer);
                }
                Anew::Refused(said) => said,
            };
            let reading = cause::read(&said);
            if let Some(why) = reading.cause.push_back() {
                opening.turn.pushed_back(&self.host, why);
            }
            drop((opening, exec));
            if !retry.again(&self.pool, way, &self.host, reading).await {
                return Err(explain(&self.pool, &self.host, reading, &said, script.phase.doing()).await);
            }
        }
    }

    async fn copy(&self, copy: &Copy, progress: &(dyn Fn(Progress) + Send + Sync)) -> Result<Copied, Failure> {
        self.send(copy, progress).await
    }

    async fn fetch(&self, script: &Script, hear: &mut (dyn FnMut(&[u8]) + Send)) -> Result<Answer, Failure> {
        let _turn = self.pool.transfer().await;
        let mut retries = 0;
        loop {
            let connection = self.connection().await?;
            match self.try_alone(&connection, script, &mut *hear).await? {
                Ran::Whole(answer) => return Ok(answer),
                Ran::Unused => continue,
                Ran::Lost(failure) if retries >= self.transfer.retries => return Err(failure),
                Ran::Lost(failure) => tracing::debug!(host = %self.host, %failure, "fetching again"),
            }
            retries += 1;
            tokio::time::sleep(Duration::from_millis(fastrand::u64(200..700)).saturating_mul(1 << retries.min(4)))
                .await;
        }
    }

    async fn hold(&self, script: &Script, ready: &str) -> Result<(Answer, Option<Held>), Failure> {
        let _turn = self.pool.exec().await;
        let (connection, ends) = loop {
            let connection = self.connection().await?;
            match self.start(&connection).await {
                Ok(ends) => break (connection, ends),
                Err(why) => match self.not_started(&connection, script, why).await? {
                    Ran::Whole(answer) => return Ok((answer, None)),
                    Ran::Unused => {}
                    Ran::Lost(failure) => return Err(failure),
                },
            }
        };
        Ok(Held::begin(script, ready, BEGINS, ends, connection).await)
    }

    async fn is_wide_enough(&self) -> Result<bool, Failure> {
        let connection = self.connection().await?;
        let _turn = self.pool.exec().await;
        let mut open = Vec::new();
        // The session in which it was asked before is open, and stays so.
        for _ in 1..AT_ONCE {
            match self.start(&connection).await {
                Ok(ends) => open.push(ends),
                Err(NoShell::Here(failure)) => return Err(failure),
                // A connection that is gone says nothing of what it would allow.
                Err(NoShell::Silent | NoShell::Refused(_)) => return Ok(!connection.is_alive().await),
            }
        }
        Ok(true)
    }

    async fn reach(&self) {
        let mut door = self.door.lock().await;
        if door.open.is_some() {
            return;
        }
        match self.open().await {
            Ok(open) => door.open = Some(open),
            Err(failure) => door.shut = Some(Box::new((Instant::now(), failure))),
        }
    }

    fn is_link(&self) -> bool {
        true
    }

    async fn close(&self) {
        self.session.close();
        // It makes room for others, if need be.
        if self.pool.keeps() {
            return;
        }
        if let Some(open) = self.door.lock().await.open.take() {
            open.close();
        }
    }
}
