//! What people and scripts ask of a sandbox that is up.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::error::at;
use super::state::{Layout, Record};
use super::supervisor::{Reply, Request};
use super::{Fault, SandboxError};
use crate::model::{HostId, Site};

/// How long the supervisor may take to answer: making a namespace or waiting for a full queue takes its time.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// Tells how a sandbox is; its text is for people, its JSON for scripts.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Its folder.
    pub dir: PathBuf,
    /// The process id of the supervisor.
    pub supervisor: u32,
    /// The port of every host.
    pub port: u16,
    /// Masters first.
    pub hosts: Vec<HostStatus>,
}

/// Tells how one host of a sandbox is.
#[derive(Debug, Clone, Serialize)]
pub struct HostStatus {
    /// Its name.
    pub host: HostId,
    /// Where it stands.
    pub site: Site,
    /// Whether it is its site's deploy server.
    pub is_master: bool,
    /// Its own address of 127.0.0.0/8.
    pub address: IpAddr,
    /// The folder that is its home.
    pub home: PathBuf,
    /// What it suffers from.
    pub fault: Option<Fault>,
    /// How many ssh connections are open.
    pub connections: usize,
}

/// Asks how the sandbox in a folder is.
///
/// # Errors
///
/// When none is running there.
pub fn status(dir: &Path) -> Result<Status, SandboxError> {
    let (layout, state) = running(dir)?;
    let supervisor = layout.supervisor()?.ok_or_else(|| SandboxError::Down { dir: layout.dir.clone() })?;
    let open = match ask(&layout, &Request::Connections)? {
        Reply::Connections { open } => open,
        Reply::Done { .. } | Reply::Failed { .. } => BTreeMap::new(),
    };
    let hosts = state.fleet()?.into_iter().map(|host| {
        Ok(HostStatus {
            home: layout.home(&host.id),
            fault: layout.fault(&host.id)?,
            connections: open.get(&host.id).copied().unwrap_or_default(),
            is_master: host.is_master,
            address: IpAddr::V4(*host.address.ip()),
            site: host.site,
            host: host.id,
        })
    });
    let hosts = hosts.collect::<Result<_, SandboxError>>()?;
    Ok(Status { supervisor: supervisor.pid, port: state.network.port, hosts, dir: layout.dir })
}

/// Makes hosts suffer from a fault, or from none; it is in force when this returns.
///
/// Gives what is not quite as the fault promises on this machine, a line each.
///
/// # Errors
///
/// When no sandbox is running there, or it has no such host; then nothing is changed.
pub fn fault(dir: &Path, hosts: &[HostId], fault: Option<Fault>) -> Result<Vec<String>, SandboxError> {
    let (layout, state) = running(dir)?;
    let fleet = state.fleet()?;
    if let Some(host) = hosts.iter().find(|host| fleet.iter().all(|known| known.id != **host)) {
        let (first, last) = (fleet.first().map(|host| &host.id), fleet.last().map(|host| &host.id));
        let name = |host: Option<&HostId>| host.map(ToString::to_string).unwrap_or_default();
        let known = format!("{} to {}", name(first), name(last));
        return Err(SandboxError::NoSuchHost { host: host.clone(), known });
    }
    let mut notes = Vec::new();
    for host in hosts {
        layout.write_fault(host, fault)?;
        match ask(&layout, &Request::Reload { host: host.clone() })? {
            Reply::Done { note } => notes.extend(note),
            Reply::Connections { .. } => {}
            Reply::Failed { message } => return Err(SandboxError::Supervisor { what: format!("said: {message}") }),
        }
    }
    Ok(notes)
}

fn running(dir: &Path) -> Result<(Layout, Record), SandboxError> {
    let layout = Layout::new(dir)?;
    match (layout.state()?, layout.supervisor()?) {
        (Some(state), Some(_)) => Ok((layout, state)),
        (Some(_), None) => Err(SandboxError::Remains { dir: layout.dir }),
        (None, _) => Err(SandboxError::Down { dir: layout.dir }),
    }
}

fn ask(layout: &Layout, request: &Request) -> Result<Reply, SandboxError> {
    let path = layout.control_socket();
    let failed = |what: String| SandboxError::Supervisor { what };
    let mut socket = UnixStream::connect(&path).map_err(at(&path))?;
    socket.set_read_timeout(Some(ANSWER_TIME)).map_err(at(&path))?;
    let mut line = serde_json::to_vec(request).map_err(|error| failed(error.to_string()))?;
    line.push(b'\n');
    socket.write_all(&line).map_err(at(&path))?;
    let mut answer = String::new();
    BufReader::new(socket).read_line(&mut answer).map_err(at(&path))?;
    serde_json::from_str(&answer).map_err(|error| failed(format!("gave an answer that cannot be read: {error}")))
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dir, supervisor, port, hosts } = self;
        writeln!(f, "{}: {} hosts on port {port}, supervisor {supervisor}", dir.display(), hosts.len())?;
        let width = hosts.iter().map(|host| host.host.as_str().len()).max().unwrap_or_default();
        for host in hosts {
            let connections = match host.connections {
                0 => String::new(),
                1 => "1 connection".to_owned(),
                many => format!("{many} connections"),
            };
            let fault = host
                .fault
                .map_or_else(|| if host.is_master { "master" } else { "" }.to_owned(), |fault| fault.to_string());
            let line = format!("{:width$}  {:15}  {fault:14}  {connections}", host.host, host.address);
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
