use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

use super::access::Access;
use super::address;
use super::error::ConductorError;
use super::session::{Served, converse, said_goodbye};
use super::wire::{Farewell, FromServer, Greeting};
use crate::engine::Handle;
use crate::model::RolloutId;

/// How many clients are served at once.
const CLIENTS: usize = 64;
/// How often somebody looks whether the socket is still there.
const LOOK: Duration = Duration::from_secs(1);
/// How long the end of a rollout waits for clients to take what they have not yet.
const PARTING: Duration = Duration::from_secs(2);

/// Serves a rollout's socket: any number of clients, none of which can hold the engine or another one up.
#[derive(Debug)]
pub(super) struct Server {
    listener: UnixListener,
    path: PathBuf,
    /// Which file it is.
    place: Option<(u64, u64)>,
    access: Access,
    served: Served,
    farewell: watch::Receiver<Option<Farewell>>,
}

fn listen(path: &Path, access: &Access) -> Result<UnixListener, ConductorError> {
    let listener = address::bind(path).map_err(ConductorError::io("bind", path))?;
    // The folder keeps others out until this is done.
    let mode = if access.is_shared() { 0o660 } else { 0o600 };
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(path, permissions).map_err(ConductorError::io("set the mode of", path))?;
    access.give(path)?;
    Ok(listener)
}

fn place_of(path: &Path) -> Option<(u64, u64)> {
    path.symlink_metadata().ok().map(|found| (found.dev(), found.ino()))
}

impl Server {
    /// Binds the socket in the rollout's folder; whoever calls holds the lock of its journal.
    ///
    /// Needs a runtime. The receiver's other end is told when the rollout is over.
    pub(super) fn bind(
        folder: &Path,
        journal: PathBuf,
        rollout: RolloutId,
        handle: Handle,
        access: &Access,
        farewell: watch::Receiver<Option<Farewell>>,
    ) -> Result<Self, ConductorError> {
        let path = address::socket_in(folder);
        let listener = listen(&path, access)?;
        let place = place_of(&path);
        let greeting = Greeting { coalmine: env!("CARGO_PKG_VERSION").to_owned(), rollout, pid: std::process::id() };
        let served = Served { greeting, journal, handle, farewell: farewell.clone() };
        Ok(Self { listener, path, place, access: *access, served, farewell })
    }

    /// Makes the socket anew where somebody removed it: without it nobody could stop the rollout but by its process.
    fn come_back(&mut self) {
        if self.place.is_some() && place_of(&self.path) == self.place {
            return;
        }
        match listen(&self.path, &self.access) {
            Ok(listener) => {
                tracing::warn!("{} was removed, and is made anew", self.path.display());
                self.listener = listener;
                self.place = place_of(&self.path);
            }
            Err(error) => tracing::debug!(%error, "the control socket was removed"),
        }
    }

    /// Names the socket.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Serves until the farewell is told, and then until every client has heard it or a short time has passed.
    ///
    /// Dropped, it ends every conversation at once.
    pub(super) async fn serve(mut self) {
        let mut sessions = JoinSet::new();
        let mut looks = interval(LOOK);
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) if sessions.len() < CLIENTS => {
                        let served = self.served.clone();
                        sessions.spawn(async move {
                            // Clients come and go as they like.
                            if let Err(error) = converse(stream, served).await {
                                tracing::debug!(%error, "a client is gone");
                            }
                        });
                    }
                    Ok((stream, _)) => {
                        let why = format!("{CLIENTS} clients are here already");
                        // It fits into the socket's buffer, or the client learns it from the end of the connection.
                        drop(stream.try_write(&FromServer::error(why).to_line()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "could not take a client in");
                        sleep(Duration::from_millis(200)).await;
                    }
                },
                Some(_) = sessions.join_next() => {}
                _ = looks.tick() => self.come_back(),
                _ = said_goodbye(&mut self.farewell) => break,
            }
        }
        // Who comes now finds nobody, and reads the journal instead.
        self.remove();
        let parting = async { while sessions.join_next().await.is_some() {} };
        if timeout(PARTING, parting).await.is_err() {
            tracing::info!("left {} clients behind, which read nothing", sessions.len());
        }
        sessions.shutdown().await;
    }

    fn remove(&self) {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "could not remove {}", self.path.display());
            }
            _ => {}
        }
    }
}
