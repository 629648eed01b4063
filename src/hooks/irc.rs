use std::io;
use std::time::Duration;

use thiserror::Error;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// How long a line may take in all, its connection included.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a relay can put on one line of IRC beside its own prefix (RFC 2812, 2.3: 512 bytes with it).
const LONGEST_LINE: usize = 400;

/// Tells why a line was not said.
#[derive(Debug, Error)]
pub enum IrcError {
    /// Nobody took it.
    #[error("cannot tell {endpoint}: {source}")]
    Io {
        /// Whom.
        endpoint: String,
        /// Why.
        source: io::Error,
    },
    /// Nobody took it in time.
    #[error("cannot tell {endpoint}: it did not take the line within {PATIENCE:?}")]
    TimedOut {
        /// Whom.
        endpoint: String,
    },
}

/// Says one line to a relay such as tcpircbot, which takes lines over TCP and answers nothing.
///
/// Control characters are left out, so that a message stays one line and no command of IRC; a long one is cut.
///
/// # Errors
///
/// When nobody listens at the endpoint, or not within three seconds.
pub async fn say(endpoint: &str, message: &str) -> Result<(), IrcError> {
    let line = line(message);
    let send = async {
        let mut stream = TcpStream::connect(endpoint).await?;
        stream.write_all(line.as_bytes()).await?;
        stream.shutdown().await
    };
    match tokio::time::timeout(PATIENCE, send).await {
        Ok(sent) => sent.map_err(|source| IrcError::Io { endpoint: endpoint.to_owned(), source }),
        Err(_) => Err(IrcError::TimedOut { endpoint: endpoint.to_owned() }),
    }
}

fn line(message: &str) -> String {
    let words: Vec<&str> =
        message.split(|c: char| c.is_control() || c == ' ').filter(|word| !word.is_empty()).collect();
    let mut line = words.join(" ");
    if line.len() > LONGEST_LINE {
        let most = LONGEST_LINE - '…'.len_utf8();
        let end = line.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|&end| end <= most).last();
        line.truncate(end.unwrap_or(0));
        line.push('…');
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::{LONGEST_LINE, line, say};

    #[tokio::test]
    async fn a_message_arrives_as_one_line_whatever_is_in_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = listener.local_addr().unwrap().to_string();
        let heard = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = String::new();
            stream.read_to_string(&mut heard).await.unwrap();
            heard
        });
        say(&endpoint, "failed:\r\nQUIT :x\u{1b}[31m  done").await.unwrap();
        assert_eq!(heard.await.unwrap(), "failed: QUIT :x [31m done\n");
    }

    #[tokio::test]
    async fn who_does_not_listen_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = listener.local_addr().unwrap().to_string();
        drop(listener);
        let error = say(&endpoint, "x").await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot tell {endpoint}: ")), "{error}");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let line = line(&"ü".repeat(1000));
        assert!(line.len() <= LONGEST_LINE + 1 && line.ends_with("ü…\n"), "{}", line.len());
    }
}
