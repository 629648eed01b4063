//! One host: its door, its connections, and the fault of the moment.

use std::io;
use std::net::SocketAddrV4;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::fleet::SandboxHost;
use super::process::TOKEN_VARIABLE;
use super::relay::{self, Context};
use super::state::{remove_file, write};
use super::{Fault, SandboxError, files};
use crate::model::Bytes;

/// What a host that is not being asked to do anything may be asked.
#[derive(Debug)]
pub(super) enum Order {
    /// Takes the fault from its file, and answers when it is in force, with a word of warning or none.
    Reload(oneshot::Sender<Result<Option<String>, SandboxError>>),
    /// Answers how many connections are open.
    Count(oneshot::Sender<usize>),
}

/// Is what stands at the host's address.
#[derive(Debug)]
enum Door {
    Open(TcpListener),
    /// Nothing listens: the kernel answers with a reset.
    Shut,
    /// A listener whose queue is full and never emptied: the kernel drops every SYN (tcp(7), listen(2)).
    BlackHole {
        _listener: TcpListener,
        _queue: Vec<TcpStream>,
    },
}

impl Door {
    async fn accept(&self) -> io::Result<(TcpStream, std::net::SocketAddr)> {
        match self {
            Self::Open(listener) => listener.accept().await,
            Self::Shut | Self::BlackHole { .. } => std::future::pending().await,
        }
    }
}

/// Listens at an address of loopback.
pub(super) fn listen(address: SocketAddrV4, backlog: u32) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // A host that comes back must not wait for its old connections' last minute.
    socket.set_reuseaddr(true)?;
    socket.bind(address.into())?;
    socket.listen(backlog)
}

async fn black_hole(address: SocketAddrV4) -> io::Result<Door> {
    let listener = listen(address, 0)?;
    let mut queue = Vec::new();
    // One is enough on Linux; asking until nobody answers does not depend on it.
    for _ in 0..8 {
        match timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
            Ok(filler) => queue.push(filler?),
            Err(_) => break,
        }
    }
    Ok(Door::BlackHole { _listener: listener, _queue: queue })
}

/// Serves one host until the orders end. Dropping the future ends its connections and its namespace.
pub(super) async fn serve(
    host: Arc<SandboxHost>,
    listener: TcpListener,
    context: Arc<Context>,
    mut orders: mpsc::Receiver<Order>,
) {
    let mut door = Door::Open(listener);
    let mut namespace: Option<Child> = None;
    let mut connections = JoinSet::new();
    let (tell, fault) = watch::channel(None);
    loop {
        tokio::select! {
            accepted = door.accept() => match accepted {
                Ok((client, peer)) => {
                    connections.spawn(relay::serve(client, peer, Arc::clone(&host), Arc::clone(&context), fault.clone()));
                }
                Err(error) => {
                    // Out of descriptors, most likely: the client waits in the queue until some are free again.
                    tracing::warn!(host = %host.id, %error, "no connection taken");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            order = orders.recv() => match order {
                None => return,
                // Whoever asked may have stopped waiting for the answer.
                Some(Order::Count(answer)) => answer.send(connections.len()).unwrap_or_default(),
                Some(Order::Reload(answer)) => {
                    let done = reload(&host, &context, &mut door, &mut namespace, &tell).await;
                    answer.send(done).unwrap_or_default();
                }
            }
        }
    }
}

/// Makes the fault in the host's file the one in force.
async fn reload(
    host: &SandboxHost,
    context: &Context,
    door: &mut Door,
    namespace: &mut Option<Child>,
    tell: &watch::Sender<Option<Fault>>,
) -> Result<Option<String>, SandboxError> {
    let fault = context.layout.fault(&host.id)?;
    let failed =
        |error: io::Error| SandboxError::Supervisor { what: format!("cannot listen at {}: {error}", host.address) };

    remove_file(&context.layout.namespace_file(&host.id))?;
    if let Some(mut old) = namespace.take() {
        old.kill().await.map_err(failed)?;
    }
    let note = match fault {
        Some(Fault::Full(_) | Fault::WrongPython) => isolate(host, context, fault, namespace).await?,
        Some(Fault::NoRsync) => {
            files::make_path_without(&context.layout, "no-rsync", |name| name == "rsync")?;
            None
        }
        _ => None,
    };

    match (fault, &*door) {
        (Some(Fault::Refuses), Door::Shut) | (Some(Fault::Down), Door::BlackHole { .. }) => {}
        (Some(Fault::Refuses), _) => *door = Door::Shut,
        (Some(Fault::Down), _) => {
            *door = Door::Shut;
            *door = black_hole(host.address).await.map_err(failed)?;
        }
        (_, Door::Open(_)) => {}
        (_, Door::Shut | Door::BlackHole { .. }) => {
            *door = Door::Shut;
            *door = Door::Open(listen(host.address, 128).map_err(failed)?);
        }
    }
    tell.send_replace(fault);
    Ok(note)
}

/// Gives the host a view of its own of some files; where that is not allowed, says what is done instead.
async fn isolate(
    host: &SandboxHost,
    context: &Context,
    fault: Option<Fault>,
    namespace: &mut Option<Child>,
) -> Result<Option<String>, SandboxError> {
    let Context { layout, state } = context;
    let mut arguments: Vec<std::ffi::OsString> = vec![layout.path("bin/hold.sh").into()];
    if let Some(Fault::Full(Bytes(left))) = fault {
        let scratch = layout.path("run").join(format!("{}.full", host.id));
        files::make_folder(&scratch)?;
        arguments.extend(["full".into(), layout.home(&host.id).into(), scratch.into(), left.to_string().into()]);
    } else {
        files::make_path_without(layout, "wrong-python", |name| name.starts_with("python") || name == "py")?;
        arguments.extend(["wrong-python".into(), layout.path("bin/no-python.sh").into()]);
        arguments.extend(state.pythons.iter().map(Into::into));
    }

    let ways: &[(&str, &str)] = &[("mount", "--mount"), ("user", "--map-root-user")];
    let is_root = rustix::process::geteuid().is_root();
    for &(way, flag) in ways.iter().filter(|(way, _)| is_root || *way == "user") {
        if let Some((holder, pid)) = hold(flag, &arguments, state).await {
            *namespace = Some(holder);
            write(&layout.namespace_file(&host.id), format!("{way} {pid}\n").as_bytes(), 0o600)?;
            return Ok(None);
        }
    }
    if let Some(Fault::Full(Bytes(left))) = fault {
        write(&layout.namespace_file(&host.id), b"limit 0\n", 0o600)?;
        return Ok(Some(format!(
            "namespaces are not allowed here: on {} no file may grow over {left} bytes (EFBIG), the disk is not full (ENOSPC)",
            host.id
        )));
    }
    Ok(Some(format!(
        "namespaces are not allowed here: {} has no python3 in PATH, but a release that names its interpreter by path runs",
        host.id
    )))
}

/// Starts the process that keeps a namespace; none when this machine does not allow it.
async fn hold(flag: &str, arguments: &[std::ffi::OsString], state: &super::state::Record) -> Option<(Child, u32)> {
    let mut holder = Command::new("unshare")
        .args([flag, "--mount"])
        .arg("/bin/sh")
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env(TOKEN_VARIABLE, &state.token)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .ok()?;
    let pid = holder.id()?;
    let mut lines = BufReader::new(holder.stdout.take()?).lines();
    let first = timeout(Duration::from_secs(10), lines.next_line()).await.ok()?.ok()?;
    (first.as_deref() == Some("ready")).then_some((holder, pid))
}
