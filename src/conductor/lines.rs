use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// How much is asked of the other side at once.
const CHUNK: usize = 64 * 1024;

/// Holds what stood between two newlines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// The line, without its newline.
    Whole(Vec<u8>),
    /// It was longer than is read, and is left out.
    TooLong,
}

/// Reads lines of a bounded length.
///
/// What is too long is passed over up to its newline, so that whoever sent it can be told and the next line still counts.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    most: usize,
    buffer: Vec<u8>,
    /// How much of the buffer was given already.
    given: usize,
    /// How much of the buffer holds no newline, from what was given on.
    searched: usize,
    overflowing: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) const fn new(reader: R, most: usize) -> Self {
        Self { reader, most, buffer: Vec::new(), given: 0, searched: 0, overflowing: false }
    }

    /// Waits for a line; none when there are no more. May be dropped without losing any of it.
    ///
    /// What is not ended by a newline is no line.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(line) = self.take() {
                return Ok(Some(line));
            }
            if self.given > 0 {
                self.buffer.drain(..self.given);
                self.given = 0;
            }
            self.buffer.reserve(CHUNK);
            if self.reader.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Gives the next line of what was read.
    fn take(&mut self) -> Option<Line> {
        let rest = self.buffer.get(self.given..).unwrap_or_default();
        let new = rest.get(self.searched..).unwrap_or_default();
        let Some(end) = new.iter().position(|&byte| byte == b'\n').map(|at| at + self.searched) else {
            self.searched = rest.len();
            if self.searched > self.most {
                self.overflowing = true;
            }
            if self.overflowing {
                self.buffer.clear();
                (self.given, self.searched) = (0, 0);
            }
            return None;
        };
        let line = rest.get(..end).unwrap_or_default();
        let line = if std::mem::take(&mut self.overflowing) || line.len() > self.most {
            Line::TooLong
        } else {
            Line::Whole(line.to_vec())
        };
        self.given += end + 1;
        self.searched = 0;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt as _;

    use super::{Line, Lines};

    fn read(pieces: Vec<Vec<u8>>, most: usize) -> Vec<Line> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut here, there) = tokio::io::duplex(7);
            let writing = tokio::spawn(async move {
                for piece in pieces {
                    here.write_all(&piece).await.unwrap();
                }
            });
            let mut lines = Lines::new(there, most);
            let mut found = Vec::new();
            while let Some(line) = lines.next().await.unwrap() {
                found.push(line);
            }
            writing.await.unwrap();
            found
        })
    }

    #[test]
    fn a_line_that_is_too_long_does_not_take_the_next_one_with_it() {
        let found = read(vec![b"aaaaaaaaaaaaaaaaaaaaaaaa\nbb\n".to_vec()], 4);
        assert_eq!(found, [Line::TooLong, Line::Whole(b"bb".to_vec())]);
    }

    #[test]
    fn an_unfinished_line_is_none() {
        assert_eq!(read(vec![b"a\nb".to_vec()], 4), [Line::Whole(b"a".to_vec())]);
    }

    proptest! {
        #[test]
        fn lines_come_whole_however_they_are_cut(pieces in prop::collection::vec("[ab\n]{0,9}", 0..9)) {
            let text = pieces.concat();
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let expected: Vec<Line> = if text.contains('\n') {
                whole
                    .split('\n')
                    .map(|line| if line.len() > 5 { Line::TooLong } else { Line::Whole(line.into()) })
                    .collect()
            } else {
                Vec::new()
            };
            prop_assert_eq!(read(pieces.into_iter().map(String::into_bytes).collect(), 5), expected);
        }
    }
}
