//! Packs what travels into one file: an archive that every `tar` reads, compressed by what the other side reads.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

use crate::files;
use crate::manifest::{Entry, Kind, MANIFEST, Manifest};
use crate::model::{Bytes, Digest};

/// How hard it is compressed: once for all hosts, and the first of them wait for it. Of 19.5 MB of Python packages level 3 makes 4.9 MB in
/// 0.13 s of one processor, 6 makes 4.4 in 0.30, 9 makes 4.2 in 0.65, 12 makes 4.1 in 1.3; gzip makes 5.8 in 1.2.
const ZSTD_LEVEL: i32 = 6;
/// How far back it looks for what was there before, as a power of two: of 93 MB of Python packages 24.8 MB are left without that and 23.8 with it, in
/// the same time; level 9 makes 22.7 of them in half as much again. A host needs so much memory to unpack it.
const ZSTD_WINDOW: u32 = 25;
const GZIP_LEVEL: flate2::Compression = flate2::Compression::new(6);
/// How long a name or a target is that fits into a header.
const SHORT: usize = 100;

/// Says how a pack is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Packing {
    /// By zstd: the smallest, and the cheapest to unpack.
    Zstd,
    /// By gzip, which nearly every machine has.
    Gzip,
    /// Not at all.
    Plain,
}

impl Packing {
    /// Gives what a pack's name ends with.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Zstd => "tar.zst",
            Self::Gzip => "tar.gz",
            Self::Plain => "tar",
        }
    }
}

/// Why there is no pack.
#[derive(Debug)]
pub(super) enum Unpackable {
    /// A file of the release is not what its manifest says.
    Damaged(String),
    /// It cannot be read, or the pack not be written.
    Disk(io::Error),
}

impl From<io::Error> for Unpackable {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// Writes entries of a release and its manifest as one archive; gives the digest and the length of what was written.
///
/// The manifest comes first, so that of an archive which was not unpacked to its end it is known what is missing. Files are as rsync
/// would leave them, read-only with their time, and each is proven on its way into the archive.
pub(super) fn write<'a>(
    packing: Packing,
    tree: &Path,
    manifest: &Manifest,
    entries: impl Iterator<Item = &'a Entry>,
    to: File,
) -> Result<(Digest, Bytes), Unpackable> {
    let mut to = Measured { to: io::BufWriter::with_capacity(1 << 20, to), sum: Sha256::new(), bytes: 0 };
    match packing {
        Packing::Zstd => {
            let mut packed = zstd::stream::write::Encoder::new(&mut to, ZSTD_LEVEL)?;
            packed.include_checksum(true)?;
            packed.long_distance_matching(true)?;
            packed.window_log(ZSTD_WINDOW)?;
            archive(tree, manifest, entries, &mut packed)?;
            packed.finish()?;
        }
        Packing::Gzip => {
            let mut packed = GzEncoder::new(&mut to, GZIP_LEVEL);
            archive(tree, manifest, entries, &mut packed)?;
            packed.finish()?;
        }
        Packing::Plain => archive(tree, manifest, entries, &mut to)?,
    }
    to.flush()?;
    to.to.get_ref().sync_all()?;
    Ok((Digest(to.sum.finalize().into()), Bytes(to.bytes)))
}

fn archive<'a>(
    tree: &Path,
    manifest: &Manifest,
    entries: impl Iterator<Item = &'a Entry>,
    to: impl Write,
) -> Result<(), Unpackable> {
    let mut archive = Builder::new(to);
    let (text, path) = (manifest.to_bytes(), tree.join(MANIFEST));
    let mut header = header_of(EntryType::Regular, 0o444, text.len() as u64, &fs::symlink_metadata(&path)?);
    archive.append_data(&mut header, MANIFEST, text.as_slice())?;
    for entry in entries {
        let path = tree.join(entry.path());
        let found = fs::symlink_metadata(&path)?;
        match entry.kind() {
            Kind::Directory => {
                let mut header = header_of(EntryType::Directory, 0o755, 0, &found);
                archive.append_data(&mut header, entry.path(), io::empty())?;
            }
            Kind::Symlink { target } => {
                let mut header = header_of(EntryType::Symlink, 0o777, 0, &found);
                name_target(&mut archive, &mut header, target)?;
                archive.append_data(&mut header, entry.path(), io::empty())?;
            }
            Kind::File { executable, size, digest } => {
                let damaged = |what: &str| Unpackable::Damaged(format!("{} {what}", path.display()));
                // Opening a link that took a file's place would read another file.
                if !found.is_file() {
                    return Err(damaged("is no file"));
                }
                let mode = if *executable { 0o555 } else { 0o444 };
                let mut header = header_of(EntryType::Regular, mode, size.0, &found);
                let mut proven = Measured { to: File::open(&path)?.take(size.0), sum: Sha256::new(), bytes: 0 };
                archive.append_data(&mut header, entry.path(), &mut proven)?;
                if proven.bytes != size.0 || Digest(proven.sum.finalize().into()) != *digest {
                    return Err(damaged("is not what was built"));
                }
            }
        }
    }
    archive.finish()?;
    Ok(())
}

fn header_of(kind: EntryType, mode: u32, size: u64, found: &fs::Metadata) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(u64::try_from(found.mtime()).unwrap_or_default());
    header
}

/// Gives a link its target, byte for byte: what a crate makes of it as a path would be another one.
fn name_target(archive: &mut Builder<impl Write>, header: &mut Header, target: &OsStr) -> io::Result<()> {
    let target = target.as_bytes();
    if target.len() > SHORT {
        let mut long = Header::new_gnu();
        long.set_entry_type(EntryType::GNULongLink);
        long.set_size(target.len() as u64 + 1);
        archive.append_data(&mut long, "././@LongLink", [target, b"\0"].concat().as_slice())?;
    }
    header.set_link_name_literal(target.get(..SHORT).unwrap_or(target))
}

/// Hashes a file; gives its length, too.
pub(super) fn measure(path: &Path) -> io::Result<(Digest, Bytes)> {
    let mut read = Measured { to: files::open(path)?, sum: Sha256::new(), bytes: 0 };
    io::copy(&mut read, &mut io::sink())?;
    Ok((Digest(read.sum.finalize().into()), Bytes(read.bytes)))
}

/// Hashes and counts what passes.
struct Measured<T> {
    to: T,
    sum: Sha256,
    bytes: u64,
}

impl<T: Write> Write for Measured<T> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.to.write(buffer)?;
        self.sum.update(buffer.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl<T: Read> Read for Measured<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.to.read(buffer)?;
        self.sum.update(buffer.get(..length).unwrap_or_default());
        self.bytes += length as u64;
        Ok(length)
    }
}
