use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sha1::{Digest as _, Sha1};

/// The smallest piece; smaller ones cost more in requests than they spread.
const SMALLEST: u64 = 64 * 1024;
/// How many pieces there are at most: each takes 20 bytes of what every host is told.
const PIECES: u64 = 1000;

/// Describes a file as BitTorrent does (BEP 3), without a tracker: which one a host asks is said to it apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Torrent {
    /// The file that clients read.
    pub(super) file: Vec<u8>,
    /// What peers know it by.
    pub(super) hash: [u8; 20],
}

impl Torrent {
    /// Reads a file and describes it; the same content and name always give the same.
    ///
    /// It reads all of it, so it is not for a thread that others wait for.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub(super) fn of(path: &Path, name: &str) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let piece = piece_length(length);
        let mut pieces = Vec::new();
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            if file.by_ref().take(piece).read_to_end(&mut buffer)? == 0 {
                break;
            }
            pieces.extend_from_slice(&Sha1::digest(&buffer));
        }
        // Keys stand in the order of their bytes. A private torrent is for the peers of its tracker alone (BEP 27).
        let mut info = Vec::new();
        info.extend_from_slice(format!("d6:lengthi{length}e4:name{}:{name}", name.len()).as_bytes());
        info.extend_from_slice(format!("12:piece lengthi{piece}e6:pieces{}:", pieces.len()).as_bytes());
        info.extend_from_slice(&pieces);
        info.extend_from_slice(b"7:privatei1ee");
        let mut file = b"d4:info".to_vec();
        file.extend_from_slice(&info);
        file.push(b'e');
        Ok(Self { file, hash: Sha1::digest(&info).into() })
    }
}

/// Gives how long a piece is: a power of two, as clients expect.
fn piece_length(length: u64) -> u64 {
    let mut piece = SMALLEST;
    while length.div_ceil(piece) > PIECES {
        piece *= 2;
    }
    piece
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Torrent, piece_length};

    #[test]
    fn a_file_is_described_as_every_client_reads_it_and_always_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, vec![7_u8; 100_000]).unwrap();
        let torrent = Torrent::of(&path, "a.tar").unwrap();
        let text = String::from_utf8_lossy(&torrent.file).into_owned();
        assert!(text.starts_with("d4:infod6:lengthi100000e4:name5:a.tar12:piece lengthi65536e6:pieces40:"), "{text}");
        assert!(torrent.file.ends_with(b"7:privatei1eee"));
        assert_eq!(Torrent::of(&path, "a.tar").unwrap(), torrent);
        assert_ne!(Torrent::of(&path, "b.tar").unwrap().hash, torrent.hash);
        fs::write(&path, b"").unwrap();
        assert!(Torrent::of(&path, "a.tar").is_ok());
        assert!(Torrent::of(&folder.path().join("none"), "a.tar").is_err());
    }

    #[test]
    fn a_large_file_has_larger_pieces_and_not_more_than_a_host_can_be_told() {
        assert_eq!(piece_length(0), 64 << 10);
        assert_eq!(piece_length(60 << 20), 64 << 10);
        assert_eq!(piece_length(1 << 30), 2 << 20);
        for length in [1, 1 << 20, 10 << 30, 1 << 40] {
            assert!(length / piece_length(length) <= 1000);
        }
    }
}
