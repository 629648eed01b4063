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

/// Ends the process behind a control socket and every session of it; where nobody listens there is nothing to end.
///
/// The crate can only ask it not to listen any more: it would live on until its sessions end.
pub(super) fn end(socket: &Path) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write(&mut stream, &[HELLO, VERSION])?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut hello = vec![0; (u32::from_be_bytes(length) as usize).min(1024)];
    stream.read_exact(&mut hello)?;
    write(&mut stream, &[TERMINATE, 0])?;
    // It answers, or is gone before it could.
    let mut answer = Vec::new();
    match stream.take(1024).read_to_end(&mut answer) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(()),
    }
}

fn write(stream: &mut UnixStream, words: &[u32]) -> io::Result<()> {
    let length = u32::try_from(words.len() * 4).unwrap_or(u32::MAX);
    let packet: Vec<u8> = std::iter::once(&length).chain(words).flat_map(|word| word.to_be_bytes()).collect();
    stream.write_all(&packet)
}
