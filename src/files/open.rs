use std::fs::{File, FileType, OpenOptions, ReadDir};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a file for reading, as [`open_with`].
///
/// # Errors
///
/// As [`open_with`].
pub fn open(path: &Path) -> io::Result<File> {
    open_with(OpenOptions::new().read(true), path)
}

/// Opens a file, and nothing else that may stand there; a pipe that nobody writes is not waited for (open(2), `O_NONBLOCK`).
///
/// # Errors
///
/// When there is none, as [`io::ErrorKind::NotFound`]; a link that leads nowhere is another error, so that nobody takes what is lost for
/// what never was. When it is no file, or when the system refuses.
pub fn open_with(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = options.custom_flags(flags.bits().cast_signed()).open(path);
    let file = opened.map_err(|error| explained(path, error))?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() { Ok(file) } else { Err(no_file(kind)) }
}

/// Reads a whole file, as [`open`].
///
/// # Errors
///
/// As [`open_with`], or when it cannot be read.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Lists a folder.
///
/// # Errors
///
/// When there is none, as [`open_with`] says it, or when the system refuses.
pub fn list(folder: &Path) -> io::Result<ReadDir> {
    std::fs::read_dir(folder).map_err(|error| match folder.metadata() {
        Ok(found) if !found.is_dir() => io::Error::other(format!("it is {}, and no folder", name(found.file_type()))),
        _ => explained(folder, error),
    })
}

fn no_file(kind: FileType) -> io::Error {
    io::Error::other(format!("it is {}, and no file", name(kind)))
}

fn name(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_file() {
        "a file"
    } else {
        "a device"
    }
}

/// Says what stands where a file should, or a folder above it, where that is why it cannot be opened.
fn explained(path: &Path, error: io::Error) -> io::Error {
    let there = path.ancestors().find_map(|place| Some((place, place.symlink_metadata().ok()?)));
    let Some((place, found)) = there else { return error };
    let named = if place == path { "it".to_owned() } else { place.display().to_string() };
    match place.metadata() {
        Err(why) if found.is_symlink() => {
            let target = std::fs::read_link(place).unwrap_or_default();
            io::Error::other(format!("{named} is a link to {}: {why}", target.display()))
        }
        Ok(found) if place != path && !found.is_dir() => {
            io::Error::other(format!("{named} is {}, and no folder", name(found.file_type())))
        }
        Ok(found) if place == path && !found.is_file() && !found.is_dir() => no_file(found.file_type()),
        Ok(found) if error.kind() == io::ErrorKind::IsADirectory => no_file(found.file_type()),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io;
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, Mode, mkfifoat};

    use super::{list, open, open_with, read};

    #[test]
    fn what_is_no_file_is_told_by_what_it_is_and_never_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "text").unwrap();
        fs::create_dir(at("folder")).unwrap();
        mkfifoat(CWD, at("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        symlink("file", at("link")).unwrap();
        assert_eq!((read(&at("file")).unwrap(), read(&at("link")).unwrap()), (b"text".to_vec(), b"text".to_vec()));
        for (name, told) in [
            ("folder", "it is a folder, and no file"),
            ("pipe", "it is a pipe, and no file"),
            ("socket", "it is a socket, and no file"),
        ] {
            assert_eq!(read(&at(name)).unwrap_err().to_string(), told);
            let writing = open_with(OpenOptions::new().append(true).create(true), &at(name));
            assert_eq!(writing.unwrap_err().to_string(), told, "to be written");
        }
    }

    #[test]
    fn a_link_that_leads_nowhere_is_not_taken_for_what_never_was() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert_eq!(open(&at("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(open(&at("none/inside")).unwrap_err().kind(), io::ErrorKind::NotFound);
        symlink("/nowhere/at/all", at("link")).unwrap();
        fs::write(at("file"), "").unwrap();
        let told = |name: &str| {
            let error = open(&at(name)).unwrap_err();
            assert_ne!(error.kind(), io::ErrorKind::NotFound, "{name}");
            error.to_string()
        };
        assert!(told("link").starts_with("it is a link to /nowhere/at/all: "), "{}", told("link"));
        assert!(told("link/inside").contains("/link is a link to /nowhere/at/all: "), "{}", told("link/inside"));
        assert!(told("file/inside").ends_with("/file is a file, and no folder"), "{}", told("file/inside"));
        assert_ne!(list(&at("link")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(list(&at("file")).unwrap_err().to_string(), "it is a file, and no folder");
        assert_eq!(list(&at("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
