use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};
use tokio::net::{UnixListener, UnixStream};

/// What the socket is called in the rollout's folder.
const NAME: &str = "control.sock";

/// What fits into `sun_path`, with its final zero (unix(7)).
const LONGEST: usize = 107;

/// Names the socket of the rollout that lives in a folder.
pub(super) fn socket_in(folder: &Path) -> PathBuf {
    folder.join(NAME)
}

/// Holds a name for a socket that is short enough to be bound or connected to.
struct Short {
    path: PathBuf,
    /// Keeps the folder open for as long as the name leads through it.
    _folder: Option<OwnedFd>,
}

/// Gives a short name, through the folder as this process has it open where the real one is too long.
fn short(path: &Path) -> io::Result<Short> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the name of a socket"));
    };
    if path.as_os_str().as_bytes().len() <= LONGEST {
        return Ok(Short { path: path.to_owned(), _folder: None });
    }
    let folder = open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let path = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
    Ok(Short { path, _folder: Some(folder) })
}

/// Binds a socket, in the place of one that a dead conductor left.
///
/// Whoever calls holds the lock of the rollout's journal: so nobody listens on what is removed.
pub(super) fn bind(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        // One with anything in it is somebody's, and stays.
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => std::fs::remove_dir(path)?,
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let short = short(path)?;
    UnixListener::bind(&short.path)
}

/// Connects to a socket.
pub(super) async fn connect(path: &Path) -> io::Result<UnixStream> {
    let short = short(path)?;
    UnixStream::connect(&short.path).await
}

#[cfg(test)]
mod tests {
    use super::{bind, connect, socket_in};

    #[tokio::test]
    async fn a_socket_deep_down_is_reached() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a-long-name-of-a-folder".repeat(8)).join("and-another-one".repeat(9));
        std::fs::create_dir_all(&deep).unwrap();
        let path = socket_in(&deep);
        assert!(path.as_os_str().len() > 300);
        let listener = bind(&path).unwrap();
        let connecting = tokio::spawn({
            let path = path.clone();
            async move { connect(&path).await.map(drop) }
        });
        listener.accept().await.unwrap();
        connecting.await.unwrap().unwrap();
        assert!(path.exists(), "it is where it is looked for");
    }

    #[tokio::test]
    async fn what_a_dead_conductor_left_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = socket_in(folder.path());
        drop(bind(&path).unwrap());
        assert!(path.exists());
        assert!(connect(&path).await.is_err());
        let _listener = bind(&path).unwrap();
        connect(&path).await.unwrap();
    }
}
