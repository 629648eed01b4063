use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use super::entry::{Entry, Kind};
use super::error::ManifestError;
use crate::model::{Bytes, Digest};

/// Says what the file is, and in which version of the format.
const HEADER: &[u8] = b"coalmine-manifest 1";

/// Tells whether a byte could end a field or a line, or would be taken for an escape.
const fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7f || byte == b'\\'
}

/// Writes a name as a manifest has it: control characters and backslashes as `\0ooo`, which `printf %b` undoes.
#[must_use]
pub fn escape(name: &OsStr) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(name.len());
    escape_into(name.as_bytes(), &mut escaped);
    escaped
}

fn escape_into(name: &[u8], escaped: &mut Vec<u8>) {
    for &byte in name {
        if is_escaped(byte) {
            escaped.extend_from_slice(b"\\0");
            escaped.extend([byte >> 6, byte >> 3 & 7, byte & 7].map(|digit| b'0' + digit));
        } else {
            escaped.push(byte);
        }
    }
}

/// Undoes [`escape`], and takes nothing that it would not have written.
fn unescape(escaped: &[u8]) -> Result<OsString, String> {
    let mut name = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'\\' {
            let Some((&[b'0', high @ b'0'..=b'1', middle @ b'0'..=b'7', low @ b'0'..=b'7'], after)) =
                rest.split_first_chunk::<4>()
            else {
                return Err("has a backslash that is not followed by zero and three octal digits".into());
            };
            rest = after;
            let byte = (high - b'0') << 6 | (middle - b'0') << 3 | (low - b'0');
            if byte == 0 || !is_escaped(byte) {
                return Err(format!("escapes the byte 0x{byte:02x}, which is never escaped"));
            }
            name.push(byte);
        } else if is_escaped(byte) {
            return Err(format!("has the byte 0x{byte:02x} in it, which is always escaped"));
        } else {
            name.push(byte);
        }
    }
    if name.is_empty() {
        return Err("has an empty name in it".into());
    }
    Ok(OsString::from_vec(name))
}

pub(super) fn write(entries: &[Entry]) -> Vec<u8> {
    // A digest, a path of usual length, and the short fields.
    let mut bytes = Vec::with_capacity(entries.len().saturating_mul(160).saturating_add(HEADER.len() + 1));
    bytes.extend_from_slice(HEADER);
    bytes.push(b'\n');
    for entry in entries {
        let kind = entry.kind();
        bytes.push(match kind {
            Kind::Directory => b'd',
            Kind::File { .. } => b'f',
            Kind::Symlink { .. } => b'l',
        });
        bytes.extend_from_slice(format!("\t{:o}\t{}\t", kind.mode(), kind.size().0).as_bytes());
        match kind {
            Kind::Directory => bytes.push(b'-'),
            Kind::File { digest, .. } => bytes.extend_from_slice(digest.to_string().as_bytes()),
            Kind::Symlink { target } => escape_into(target.as_bytes(), &mut bytes),
        }
        bytes.push(b'\t');
        escape_into(entry.order(), &mut bytes);
        bytes.push(b'\n');
    }
    bytes
}

pub(super) fn read(bytes: &[u8]) -> Result<Vec<Entry>, ManifestError> {
    let at = |line: usize| move |problem: String| ManifestError::Line { line, problem };
    let mut lines = bytes.split_inclusive(|&byte| byte == b'\n').enumerate().map(|(before, line)| (before + 1, line));
    match lines.next() {
        Some((_, line)) if line.strip_suffix(b"\n") == Some(HEADER) => {}
        Some((_, line)) if line.starts_with(b"coalmine-manifest ") && line.ends_with(b"\n") => {
            let version = String::from_utf8_lossy(line).trim_end().to_owned();
            return Err(at(1)(format!("says {version:?}; this coalmine reads version 1 only")));
        }
        _ => return Err(at(1)("is not `coalmine-manifest 1`".into())),
    }
    lines
        .map(|(number, line)| {
            let line = line.strip_suffix(b"\n").ok_or_else(|| at(number)("is cut off".into()))?;
            let (path, kind) = read_line(line).map_err(at(number))?;
            Entry::new(Path::new(&path), kind).map_err(|error| at(number)(format!("is wrong: {error}")))
        })
        .collect()
}

fn read_line(line: &[u8]) -> Result<(OsString, Kind), String> {
    let mut fields = line.split(|&byte| byte == b'\t');
    let (Some(letter), Some(mode), Some(size), Some(proof), Some(path), None) =
        (fields.next(), fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err("does not have five fields".into());
    };
    let text = |field: &[u8]| String::from_utf8_lossy(field).into_owned();
    let kind = match letter {
        b"d" if proof == b"-" => Kind::Directory,
        b"d" => return Err("is a folder with a fourth field other than `-`".into()),
        b"f" => Kind::File {
            executable: mode == b"755",
            size: Bytes(text(size).parse().map_err(|_| format!("has the size {:?}", text(size)))?),
            digest: text(proof).parse::<Digest>().map_err(|error| format!("has a wrong digest: {error}"))?,
        },
        b"l" => Kind::Symlink { target: unescape(proof)?.into() },
        _ => return Err(format!("is of the unknown kind {:?}", text(letter))),
    };
    // One spelling only: `+1`, `007` and other modes are somebody else's writing.
    if mode != format!("{:o}", kind.mode()).as_bytes() {
        return Err(format!("has the mode {:?}", text(mode)));
    }
    if size != kind.size().0.to_string().as_bytes() {
        return Err(format!("has the size {:?}", text(size)));
    }
    Ok((unescape(path)?, kind))
}
