//! The process behind a sandbox: it listens for every host and obeys the control socket.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, setsid};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::SandboxError;
use super::error::at;
use super::privsep::PrivilegeSeparation;
use super::process::{self, Identity};
use super::relay::Context;
use super::state::{Layout, remove_file};
use super::station::{self, Order};
use crate::model::HostId;

/// What the supervisor says on its standard output, once.
pub(super) const READY: &str = "ready";
/// What it says instead, with the address, when somebody else listens there.
pub(super) const BUSY: &str = "busy";

/// How often the supervisor looks whether its folder is still there.
const LOOK: Duration = Duration::from_secs(2);

/// The longest request: the name of a host and what is around it.
const LONGEST_REQUEST: u64 = 4096;

/// Is asked of the supervisor: one JSON object a line, one a connection.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Request {
    /// The fault in the host's file is to come into force.
    Reload { host: HostId },
    /// How many connections are open.
    Connections,
}

/// Is what it answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Reply {
    /// It is so; with a warning, when it is not quite so.
    Done { note: Option<String> },
    /// The hosts that have any.
    Connections { open: BTreeMap<HostId, usize> },
    /// It could not be done.
    Failed { message: String },
}

type Stations = BTreeMap<HostId, mpsc::Sender<Order>>;

/// Runs the hosts of the sandbox in a folder until it is told to end; `up` starts a process for this.
///
/// It leaves its terminal's session, says on standard output when every host listens, and ends on SIGTERM or SIGINT with
/// every process of the sandbox; it does the same when the folder is removed under it. When the future is dropped, connections are closed and their sshd processes killed.
///
/// # Errors
///
/// When the folder holds no sandbox, or an address is taken.
pub async fn serve(dir: &Path) -> Result<(), SandboxError> {
    let layout = Layout::new(dir)?;
    let state = layout.state()?.ok_or_else(|| SandboxError::Down { dir: layout.dir.clone() })?;
    // A leader of a process group cannot; then it has been started by hand and keeps its terminal.
    if let Err(error) = setsid() {
        tracing::debug!(%error, "kept the session");
    }
    raise_descriptor_limit();
    let identity = Identity::own().ok_or(SandboxError::NotLinux)?;
    layout.write_supervisor(&identity)?;
    let _separation = PrivilegeSeparation::hold()?;

    let mut stops = [SignalKind::terminate(), SignalKind::interrupt()].map(signal).into_iter();
    let stopped = || SandboxError::Supervisor { what: "cannot listen to signals".to_owned() };
    let (Some(Ok(mut terminate)), Some(Ok(mut interrupt))) = (stops.next(), stops.next()) else {
        return Err(stopped());
    };

    let mut listeners = Vec::new();
    for host in state.fleet()? {
        match station::listen(host.address, 128) {
            Ok(listener) => listeners.push((host, listener)),
            Err(error) => {
                say(&format!("{BUSY} {}: {error}", host.address))?;
                return Ok(());
            }
        }
    }
    let control = layout.control_socket();
    remove_file(&control)?;
    let control = UnixListener::bind(&control).map_err(at(control))?;

    let context = Arc::new(Context { layout, state });
    let mut tasks = JoinSet::new();
    let mut stations = Stations::new();
    for (host, listener) in listeners {
        let (orders, received) = mpsc::channel(4);
        stations.insert(host.id.clone(), orders);
        tasks.spawn(station::serve(Arc::new(host), listener, Arc::clone(&context), received));
    }
    say(READY)?;

    let stations = Arc::new(stations);
    let mut clients = JoinSet::new();
    let mut looks = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            // Somebody removed the folder by hand, and with it all that `down` would know this process by.
            _ = looks.tick() => if !context.layout.state_file().exists() { break },
            Some(_) = clients.join_next(), if !clients.is_empty() => {}
            accepted = control.accept() => match accepted {
                Ok((client, _)) => {
                    clients.spawn(answer(client, Arc::clone(&stations)));
                }
                Err(error) => {
                    tracing::warn!(%error, "control socket");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }
    clients.shutdown().await;
    tasks.shutdown().await;
    process::sweep(&context.state.token, Duration::from_secs(5)).map(drop)
}

/// Raises the soft limit of open files: three a connection, and one a host.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        tracing::debug!(%error, "kept the limit of open files");
    }
}

fn say(line: &str) -> Result<(), SandboxError> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(at("standard output"))
}

async fn answer(mut client: UnixStream, stations: Arc<Stations>) {
    let answered = timeout(Duration::from_secs(30), async {
        let mut line = String::new();
        BufReader::new((&mut client).take(LONGEST_REQUEST)).read_line(&mut line).await?;
        let reply = match serde_json::from_str(&line) {
            Ok(request) => reply(request, &stations).await,
            Err(error) => Reply::Failed { message: format!("the request cannot be read: {error}") },
        };
        let mut text = serde_json::to_vec(&reply).map_err(std::io::Error::other)?;
        text.push(b'\n');
        client.write_all(&text).await
    });
    if let Ok(Err(error)) = answered.await {
        tracing::debug!(%error, "control client");
    }
}

async fn reply(request: Request, stations: &Stations) -> Reply {
    match request {
        Request::Reload { host } => {
            let (done, answer) = oneshot::channel();
            let asked = match stations.get(&host) {
                Some(orders) => orders.send(Order::Reload(done)).await.is_ok(),
                None => false,
            };
            match answer.await {
                Ok(Ok(note)) => Reply::Done { note },
                Ok(Err(error)) => Reply::Failed { message: error.to_string() },
                Err(_) if asked => Reply::Failed { message: format!("{host} has ended") },
                Err(_) => Reply::Failed { message: format!("{host} is not a host of this sandbox") },
            }
        }
        Request::Connections => {
            let mut open = BTreeMap::new();
            for (host, orders) in stations {
                let (count, answer) = oneshot::channel();
                if orders.send(Order::Count(count)).await.is_ok()
                    && let Ok(count @ 1..) = answer.await
                {
                    open.insert(host.clone(), count);
                }
            }
            Reply::Connections { open }
        }
    }
}
