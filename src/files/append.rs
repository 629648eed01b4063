use std::fs::{OpenOptions, Permissions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::open::open_with;

/// Appends a line to a file, which is made where there is none, with this mode whatever the umask; it is on the disk when this returns.
///
/// # Errors
///
/// As [`open_with`], or when the disk refuses.
pub fn append_line(path: &Path, mode: Option<u32>, mut line: Vec<u8>) -> io::Result<()> {
    let is_new = !path.exists();
    let mut file = open_with(OpenOptions::new().read(true).append(true).create(true), path)?;
    flock(&file, FlockOperation::LockExclusive)?;
    if let Some(mode) = mode.filter(|_| is_new) {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    line.push(b'\n');
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    if last != [b'\n'] {
        // Somebody died while writing; that line is lost, this one must not be.
        line.insert(0, b'\n');
    }
    file.write_all(&line)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::append_line;

    #[test]
    fn a_line_that_is_torn_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        append_line(&path, Some(0o640), b"one".to_vec()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        fs::write(&path, "one\ntor").unwrap();
        append_line(&path, Some(0o600), b"two".to_vec()).unwrap();
        append_line(&path, None, b"three".to_vec()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntor\ntwo\nthree\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640, "it was there");
    }
}
