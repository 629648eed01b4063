use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Keeps what is appended to a journal.
pub trait Storage: Send + 'static {
    /// Appends whole lines.
    ///
    /// # Errors
    ///
    /// When not all of it was taken; some of it may have been.
    fn append(&mut self, lines: &[u8]) -> io::Result<()>;

    /// Returns once everything appended survives a power loss.
    ///
    /// # Errors
    ///
    /// When that is not certain; asking again does not make it certain (fsync(2) tells an error once).
    fn sync(&mut self) -> io::Result<()>;
}

/// Keeps a journal in a file that is open for appending and locked.
#[derive(Debug)]
pub struct Disk {
    file: File,
    path: PathBuf,
}

impl Disk {
    pub(super) const fn new(file: File, path: PathBuf) -> Self {
        Self { file, path }
    }
}

impl Storage for Disk {
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.file.write_all(lines)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        // What is in a file that nobody finds any more is not remembered.
        let written = self.file.metadata()?;
        match self.path.metadata() {
            Ok(found) if (found.dev(), found.ino()) == (written.dev(), written.ino()) => Ok(()),
            Ok(_) => Err(io::Error::other("another file is in its place now")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(io::Error::new(error.kind(), "it was removed, or moved away"))
            }
            Err(error) => Err(error),
        }
    }
}

/// Keeps a journal in memory, for the simulator; a clone is another view of the same one.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    lines: usize,
    cut: Option<usize>,
    was_cut: bool,
}

impl Memory {
    /// Makes an empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Has the power fail while the line after the first `lines` ones is being written; none: never.
    pub fn cut_after(&self, lines: Option<usize>) {
        let mut kept = self.kept();
        kept.cut = lines;
        kept.was_cut = false;
    }

    /// Tells whether the power failed since that was last asked for.
    #[must_use]
    pub fn was_cut(&self) -> bool {
        self.kept().was_cut
    }

    /// Gives what it holds, a torn last line too.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.kept().bytes.clone()
    }

    /// Gives what it holds behind a place.
    #[must_use]
    pub fn bytes_from(&self, place: usize) -> Vec<u8> {
        self.kept().bytes.get(place..).unwrap_or_default().to_vec()
    }

    /// Counts its whole lines.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.kept().lines
    }

    /// Cuts a torn last line off, as reopening a file does.
    pub fn mend(&self) {
        let mut kept = self.kept();
        let whole = kept.bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        kept.bytes.truncate(whole);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for Memory {
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut kept = self.kept();
        if kept.was_cut {
            return Err(io::Error::other("there is no power"));
        }
        if kept.cut.is_none() {
            kept.lines += lines.iter().filter(|&&byte| byte == b'\n').count();
            kept.bytes.extend_from_slice(lines);
            return Ok(());
        }
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            if kept.cut.is_some_and(|cut| kept.lines >= cut) {
                kept.was_cut = true;
                let (torn, _) = line.split_at(line.len() / 2);
                kept.bytes.extend_from_slice(torn);
                return Err(io::Error::other("the power failed"));
            }
            kept.bytes.extend_from_slice(line);
            kept.lines += 1;
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}
