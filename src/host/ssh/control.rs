use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long a connection's process may take to answer; it is on this machine and does nothing else.
const PATIENCE: Duration = Duration::from_secs(1);

// OpenSSH's PROTOCOL.mux, version 4.
const HELLO: u32 = 1;
const VERSION: u32 = 4;
const TERMINATE: u32 = 0x1000_0005;

/// Tells the process behind a control socket to end, and every session of it; where nobody listens there is nothing to end.
///
/// The crate can only ask it not to listen any more: it would live on until its sessions end.
pub(super) fn end(socket: &Path) -> io::Result<Ending> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let packets = [packet(&[HELLO, VERSION]), packet(&[TERMINATE, 0])];
    stream.write_all(&packets.concat())?;
    Ok(Ending(Some(stream)))
}

/// Is what was told to end, if anything was. Dropped, it is gone, or has taken too long: of many all are told first, and all end at once.
#[derive(Debug, Default)]
#[must_use = "dropped, it is waited for"]
pub(super) struct Ending(Option<UnixStream>);

impl Drop for Ending {
    fn drop(&mut self) {
        let Some(stream) = &self.0 else { return };
        // It greets and answers, or is gone before it could.
        if let Err(error) = stream.take(1024).read_to_end(&mut Vec::new()) {
            tracing::debug!(%error, "a connection that was told to end was not waited for");
        }
    }
}

fn packet(words: &[u32]) -> Vec<u8> {
    let length = u32::try_from(words.len() * 4).unwrap_or(u32::MAX);
    std::iter::once(&length).chain(words).flat_map(|word| word.to_be_bytes()).collect()
}
