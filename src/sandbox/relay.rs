//! One connection: bytes between a client and the `sshd -i` that was started for it, with the faults of the line.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::Fault;
use super::fleet::SandboxHost;
use super::process::TOKEN_VARIABLE;
use super::state::{Layout, Record};
use crate::model::Bytes;

/// How long an sshd may take to end when its client has gone.
const PARTING: Duration = Duration::from_secs(5);

/// Two of these a connection are all the memory that it takes here.
const BUFFER: usize = 16 * 1024;

/// Is what every connection needs to know of its sandbox.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) layout: Layout,
    pub(super) state: Record,
}

/// Serves one connection to its end. When the future is dropped the connection is closed and sshd is killed.
pub(super) async fn serve(
    mut client: TcpStream,
    peer: SocketAddr,
    host: Arc<SandboxHost>,
    context: Arc<Context>,
    fault: watch::Receiver<Option<Fault>>,
) {
    let mut sshd = None;
    let ended = tokio::select! {
        () = struck(fault.clone()) => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
        ended = talk(&mut client, &mut sshd, peer, &host, &context, fault) => ended,
    };
    if let Err(error) = ended.or_else(|error| client.set_zero_linger().and(Err(error))) {
        tracing::debug!(host = %host.id, %error, "connection ended");
    }
    drop(client);
    // It has read the end of its input and is leaving; one that does not is killed when it is dropped.
    if let Some(mut sshd) = sshd
        && timeout(PARTING, sshd.wait()).await.is_err()
    {
        tracing::warn!(host = %host.id, "sshd did not end with its connection");
    }
}

/// Waits until the fault takes away what was connected: at once when the port closes, and when a host that was down is back.
async fn struck(mut fault: watch::Receiver<Option<Fault>>) {
    let is_hit = fault.wait_for(|fault| matches!(fault, Some(Fault::Down | Fault::Refuses))).await.is_ok();
    if !is_hit || fault.wait_for(|fault| *fault != Some(Fault::Down)).await.is_err() {
        // The supervisor is going and takes the connection with it.
        std::future::pending::<()>().await;
    }
}

/// Starts an sshd, leaves it to the caller, and carries bytes until either side has said all; resets are errors.
async fn talk(
    client: &mut TcpStream,
    sshd: &mut Option<Child>,
    peer: SocketAddr,
    host: &SandboxHost,
    context: &Context,
    mut fault: watch::Receiver<Option<Fault>>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    // A host that hangs does not fork either; it does when it wakes up.
    let awake = fault.wait_for(|fault| !is_silent(*fault)).await.map(|fault| *fault).map_err(io::Error::other)?;
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    *sshd = Some(start_sshd(theirs, peer, host, context, awake)?);
    let mut host_side = UnixStream::from_std(ours)?;
    let (from_client, to_client) = client.split();
    let (from_host, to_host) = host_side.split();
    tokio::select! {
        // What the client has to say may be over long before the answer is.
        Err(error) = pump(from_client, to_host, fault.clone(), true) => Err(error),
        ended = pump(from_host, to_client, fault, false) => ended,
    }
}

const fn is_silent(fault: Option<Fault>) -> bool {
    matches!(fault, Some(Fault::Down | Fault::Hangs))
}

/// Carries bytes one way until that way is closed, as slowly as the fault of the moment has it.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut fault: watch::Receiver<Option<Fault>>,
    is_to_host: bool,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    let mut carried = 0_u64;
    loop {
        let now = *fault.borrow_and_update();
        if is_silent(now) {
            fault.changed().await.map_err(io::Error::other)?;
            continue;
        }
        let rate = match now {
            Some(Fault::Slow(Bytes(rate))) => Some(rate.max(1)),
            _ => None,
        };
        // A tenth of a second's worth, so that a slow line trickles instead of stopping and bursting.
        let most = rate.and_then(|rate| usize::try_from(rate / 10).ok()).map_or(BUFFER, |most| most.clamp(1, BUFFER));
        let read = tokio::select! {
            biased;
            changed = fault.changed() => {
                changed.map_err(io::Error::other)?;
                carried = 0;
                continue;
            }
            read = from.read(buffer.get_mut(..most).unwrap_or_default()) => read?,
        };
        if read == 0 {
            return to.shutdown().await;
        }
        carried = carried.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        if let Some(Fault::Cuts(Bytes(most))) = now
            && is_to_host
            && carried >= most
        {
            return Err(io::Error::from(io::ErrorKind::ConnectionReset));
        }
        to.write_all(buffer.get(..read).unwrap_or_default()).await?;
        if let Some(rate) = rate {
            #[expect(clippy::cast_precision_loss, reason = "a pause need not be exact")]
            sleep(Duration::from_secs_f64(read as f64 / rate as f64)).await;
        }
    }
}

fn start_sshd(
    socket: std::os::unix::net::UnixStream,
    peer: SocketAddr,
    host: &SandboxHost,
    context: &Context,
    fault: Option<Fault>,
) -> io::Result<Child> {
    let Context { layout, state } = context;
    let dir = layout.dir.display();
    let host_key = match fault {
        Some(Fault::KeyChanged) => layout.path("keys/changed"),
        _ => layout.host_key(&host.id),
    };
    let authorized = match fault {
        Some(Fault::WrongKey) => "none".to_owned(),
        _ => format!("{dir}/keys/authorized"),
    };
    let (ip, port) = (host.address.ip(), host.address.port());
    // HOME for the account's shell: bash reads $HOME/.bashrc for a command that sshd starts, and that of the person
    // who brought the sandbox up is none of the host's.
    let environment = format!(
        "SetEnv=HOME={home} {TOKEN_VARIABLE}={token} SANDBOX_DIR={dir} SANDBOX_HOST={id} SANDBOX_PATH={path} \
         \"SANDBOX_CONNECTION={peer_ip} {peer_port} {ip} {port}\"",
        home = layout.home(&host.id).display(),
        token = state.token,
        id = host.id,
        path = state.extra_path,
        peer_ip = peer.ip(),
        peer_port = peer.port(),
    );
    let output: OwnedFd = socket.try_clone()?.into();
    Command::new(&state.sshd)
        .arg("-i")
        .arg("-f")
        .arg(layout.path("sshd_config"))
        .arg("-E")
        .arg(layout.sshd_log(&host.id))
        .arg("-o")
        .arg(format!("HostKey={}", host_key.display()))
        .arg("-o")
        .arg(format!("AuthorizedKeysFile={authorized}"))
        .arg("-o")
        .arg(environment)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env(TOKEN_VARIABLE, &state.token)
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(socket)))
        .stdout(Stdio::from(output))
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}
