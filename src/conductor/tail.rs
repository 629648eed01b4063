use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use crate::files;

/// How much is read and sent at once.
const CHUNK: usize = 256 * 1024;

/// Reads the lines of a journal as they are, while a conductor appends to it.
///
/// The number of a record is that of its line, so nothing has to be understood to know where to go on.
#[derive(Debug)]
pub(super) struct Tail {
    file: File,
    /// Where the line after the first `lines` begins.
    offset: u64,
    lines: u64,
}

impl Tail {
    pub(super) fn open(journal: &Path) -> io::Result<Self> {
        Ok(Self { file: files::open(journal)?, offset: 0, lines: 0 })
    }

    /// Reads whole lines after number `after` and up to number `last`, some at once; nothing when there are no more.
    ///
    /// Gives the number of the last of them beside.
    pub(super) fn read(&mut self, after: u64, last: u64) -> io::Result<Option<(Vec<u8>, u64)>> {
        let mut size = CHUNK;
        while self.lines < last {
            let mut chunk = Vec::with_capacity(size);
            self.file.seek(SeekFrom::Start(self.offset))?;
            (&mut self.file).take(size as u64).read_to_end(&mut chunk)?;
            let mut begin = 0;
            let mut end = 0;
            let mut lines = self.lines;
            for (at, _) in chunk.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
                lines += 1;
                end = at + 1;
                if lines <= after {
                    begin = end;
                }
                if lines == last {
                    break;
                }
            }
            if end == 0 {
                if chunk.len() < size {
                    return Ok(None);
                }
                // One line is longer than that: the plan of a large fleet.
                size *= 4;
                continue;
            }
            self.offset += end as u64;
            self.lines = lines;
            chunk.truncate(end);
            if begin < end {
                chunk.drain(..begin);
                return Ok(Some((chunk, lines)));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{CHUNK, Tail};

    fn all(tail: &mut Tail, after: u64, last: u64) -> (String, u64) {
        let (mut text, mut sent) = (String::new(), after);
        while let Some((chunk, upto)) = tail.read(sent, last).unwrap() {
            text.push_str(std::str::from_utf8(&chunk).unwrap());
            sent = upto;
        }
        (text, sent)
    }

    #[test]
    fn a_line_longer_than_a_chunk_comes_whole() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let long = "x".repeat(CHUNK * 5);
        std::fs::write(file.path(), format!("{long}\nb\n")).unwrap();
        let mut tail = Tail::open(file.path()).unwrap();
        assert_eq!(all(&mut tail, 0, 2), (format!("{long}\nb\n"), 2));
    }

    #[test]
    fn a_torn_line_waits_until_it_is_whole() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a\nb").unwrap();
        let mut tail = Tail::open(file.path()).unwrap();
        assert_eq!(all(&mut tail, 0, 2), ("a\n".to_owned(), 1));
        std::fs::write(file.path(), "a\nbc\n").unwrap();
        assert_eq!(all(&mut tail, 1, 2), ("bc\n".to_owned(), 2));
    }

    proptest! {
        #[test]
        fn what_was_received_otherwise_is_left_out(count in 1u64..40, after in 0u64..40, last in 0u64..40, early in 0u64..40) {
            let file = tempfile::NamedTempFile::new().unwrap();
            let lines: Vec<String> = (1..=count).map(|number| format!("line {number}\n")).collect();
            std::fs::write(file.path(), lines.concat()).unwrap();
            let mut tail = Tail::open(file.path()).unwrap();
            // An earlier catching up, at the end of which more came by another way.
            all(&mut tail, 0, early.min(after));
            let expected: String = (1..=count)
                .filter(|number| *number > after && *number <= last)
                .map(|number| format!("line {number}\n"))
                .collect();
            prop_assert_eq!(all(&mut tail, after, last).0, expected);
        }
    }
}
