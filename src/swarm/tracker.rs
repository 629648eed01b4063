use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::process::secret;

/// How often a peer asks again, in seconds: what it costs is a connection each.
const INTERVAL: u64 = 3;
/// After how long without a word a peer is taken for gone.
const GONE: Duration = Duration::from_secs(4 * INTERVAL);
/// How many others a peer is told of at once; the next time they are others.
const TOLD: usize = 50;
/// The longest question: what aria2 asks has about 400 bytes.
const LONGEST: usize = 4096;
/// How long a question may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many are answered at once.
const AT_ONCE: usize = 256;

/// Tells the hosts of one rollout of each other, over HTTP (BEP 3, BEP 23).
///
/// Each host has a path of its own that nobody can guess and that came to it over ssh; who knows none is told nothing. The first address that
/// a path is used from is the only one that it is ever used from. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Tracker {
    pub(super) port: u16,
    known: Arc<Mutex<Known>>,
    _served: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Known {
    /// Where this machine's seeder of each torrent listens.
    seeders: HashMap<[u8; 20], u16>,
    /// The address at which hosts find this machine; none is the one that they find the tracker at.
    address: Option<Ipv4Addr>,
    /// Who may ask, by their paths.
    seats: HashMap<String, Place>,
}

/// Holds what is known of one host.
#[derive(Debug)]
struct Place {
    hash: [u8; 20],
    address: Option<Ipv4Addr>,
    /// Where its aria2 listens, and when it was heard last; none while it is not there.
    there: Option<(u16, Instant)>,
}

/// Holds one question.
#[derive(Debug, PartialEq, Eq)]
struct Question {
    path: String,
    hash: Vec<u8>,
    port: u16,
    stopped: bool,
}

impl Tracker {
    /// Listens on the first port of a range that is free, at an address of this machine, or at all of them.
    ///
    /// # Errors
    ///
    /// When no port of it is free.
    pub(super) async fn start(address: Option<Ipv4Addr>, ports: &RangeInclusive<u16>) -> io::Result<Self> {
        let listener = bind(address, ports).await?;
        let port = listener.local_addr()?.port();
        let known = Arc::new(Mutex::new(Known { address, ..Known::default() }));
        let mut served = JoinSet::new();
        served.spawn(serve(listener, Arc::clone(&known)));
        Ok(Self { port, known, _served: served })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says where this machine's seeder of a torrent listens.
    pub(super) fn seeds(&self, hash: [u8; 20], port: u16) {
        self.known().seeders.insert(hash, port);
    }

    /// Gives one host a path.
    ///
    /// # Errors
    ///
    /// When this machine has no randomness to give.
    pub(super) fn seat(&self, hash: [u8; 20]) -> io::Result<String> {
        let path = format!("/{}/announce", secret::<16>()?);
        self.known().seats.insert(path.clone(), Place { hash, address: None, there: None });
        Ok(path)
    }

    /// Takes a path back: who left is told to nobody.
    pub(super) fn leave(&self, path: &str) {
        self.known().seats.remove(path);
    }
}

/// Listens where hosts can come; an address that is none of this machine's, as behind a translation, is listened for at all of them.
async fn bind(address: Option<Ipv4Addr>, ports: &RangeInclusive<u16>) -> io::Result<TcpListener> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for address in address.into_iter().chain([Ipv4Addr::UNSPECIFIED]) {
        for port in ports.clone() {
            match TcpListener::bind((address, port)).await {
                Ok(listener) => return Ok(listener),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
                Err(error) => {
                    last = error;
                    break;
                }
            }
        }
        // Where the address is this machine's, others of it are not for this.
        if last.kind() == io::ErrorKind::AddrInUse {
            break;
        }
    }
    Err(last)
}

async fn serve(listener: TcpListener, known: Arc<Mutex<Known>>) {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut talks = JoinSet::new();
    loop {
        let Ok(turn) = Arc::clone(&turns).acquire_owned().await else { return };
        while talks.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let known = Arc::clone(&known);
                talks.spawn(async move {
                    // Who is slow, or goes, is asked nothing more.
                    drop(timeout(PATIENCE, talk(stream, &known)).await);
                    drop(turn);
                });
            }
            // Out of descriptors, for now.
            Err(error) => {
                tracing::debug!(%error, "the tracker takes nobody");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

/// Answers one question.
async fn talk(mut stream: TcpStream, known: &Mutex<Known>) -> io::Result<()> {
    let (IpAddr::V4(from), IpAddr::V4(here)) = (stream.peer_addr()?.ip(), stream.local_addr()?.ip()) else {
        return Ok(());
    };
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut more = [0; 1024];
        match stream.read(&mut more).await? {
            0 => return Ok(()),
            length => head.extend_from_slice(more.get(..length).unwrap_or_default()),
        }
        if head.len() > LONGEST {
            return Ok(());
        }
    }
    let body = Question::read(&head).and_then(|question| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        known.answer(&question, from, here, Instant::now())
    });
    let (status, body) = match body {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", Vec::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), &body].concat()).await?;
    stream.shutdown().await
}

impl Known {
    /// Takes down who asks, and tells of others; none for whoever has no path of this rollout's, or somebody else's.
    fn answer(&mut self, question: &Question, from: Ipv4Addr, here: Ipv4Addr, now: Instant) -> Option<Vec<u8>> {
        let place = self.seats.get_mut(&question.path)?;
        if place.hash != *question.hash || *place.address.get_or_insert(from) != from {
            return None;
        }
        place.there = (!question.stopped).then_some((question.port, now));
        let hash = place.hash;
        let is_there = |place: &Place| {
            let (port, heard) = place.there?;
            let is_other = place.hash == hash && (place.address, port) != (Some(from), question.port);
            (is_other && now.duration_since(heard) < GONE).then_some(SocketAddrV4::new(place.address?, port))
        };
        let mut others: Vec<SocketAddrV4> = self.seats.values().filter_map(is_there).collect();
        fastrand::shuffle(&mut others);
        others.truncate(TOLD);
        let seeder = self.seeders.get(&hash).map(|port| SocketAddrV4::new(self.address.unwrap_or(here), *port));
        let peers: Vec<u8> = seeder
            .into_iter()
            .chain(others)
            .flat_map(|peer| [&peer.ip().octets()[..], &peer.port().to_be_bytes()].concat())
            .collect();
        let mut body = format!("d8:intervali{INTERVAL}e5:peers{}:", peers.len()).into_bytes();
        body.extend_from_slice(&peers);
        body.push(b'e');
        Some(body)
    }
}

impl Question {
    /// Reads the first line of a request; none unless it is one of a client's.
    fn read(head: &[u8]) -> Option<Self> {
        let line = head.split(|&byte| byte == b'\r').next()?;
        let target = std::str::from_utf8(line).ok()?.strip_prefix("GET ")?.split(' ').next()?;
        let (path, query) = target.split_once('?')?;
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        Some(Self {
            path: path.to_owned(),
            hash: unescaped(value("info_hash")?)?,
            port: value("port")?.parse().ok().filter(|port| *port > 0)?,
            stopped: value("event") == Some("stopped"),
        })
    }
}

/// Gives the bytes that a query's value stands for.
fn unescaped(value: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::time::Instant;

    use super::{GONE, Known, Place, Question, Tracker};

    const HERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

    fn question(path: &str, port: u16) -> Question {
        Question { path: path.to_owned(), hash: vec![1; 20], port, stopped: false }
    }

    fn peers(answer: &[u8]) -> Vec<(u8, u16)> {
        let start = answer.windows(5).position(|word| word == b"peers").unwrap() + 5;
        let colon = start + answer[start..].iter().position(|&byte| byte == b':').unwrap() + 1;
        let told = &answer[colon..answer.len() - 1];
        told.chunks(6).map(|peer| (peer[3], u16::from_be_bytes([peer[4], peer[5]]))).collect()
    }

    fn known(paths: &[&str]) -> Known {
        let mut known = Known::default();
        known.seeders.insert([1; 20], 9000);
        for path in paths {
            known.seats.insert((*path).to_owned(), Place { hash: [1; 20], address: None, there: None });
        }
        known
    }

    #[test]
    fn hosts_are_told_of_each_other_and_of_this_machine_where_they_find_it() {
        let mut known = known(&["/a", "/b"]);
        let now = Instant::now();
        let (a, b) = (Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(10, 0, 0, 3));
        let first = known.answer(&question("/a", 7001), a, HERE, now).unwrap();
        assert!(first.starts_with(b"d8:intervali3e5:peers6:"));
        assert_eq!(peers(&first), [(1, 9000)]);
        assert_eq!(peers(&known.answer(&question("/b", 7002), b, HERE, now).unwrap()), [(1, 9000), (2, 7001)]);
        assert_eq!(peers(&known.answer(&question("/a", 7001), a, HERE, now).unwrap()), [(1, 9000), (3, 7002)]);
        let stopped = Question { stopped: true, ..question("/b", 7002) };
        known.answer(&stopped, b, HERE, now).unwrap();
        assert_eq!(peers(&known.answer(&question("/a", 7001), a, HERE, now).unwrap()), [(1, 9000)]);
        known.answer(&question("/b", 7002), b, HERE, now).unwrap();
        assert_eq!(peers(&known.answer(&question("/a", 7001), a, HERE, now + GONE).unwrap()), [(1, 9000)]);
        known.address = Some(Ipv4Addr::new(192, 0, 2, 9));
        assert_eq!(peers(&known.answer(&question("/a", 7001), a, HERE, now).unwrap())[0], (9, 9000));
    }

    #[test]
    fn strangers_are_told_nothing() {
        let mut known = known(&["/a"]);
        let (a, other) = (Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(10, 0, 0, 9));
        let now = Instant::now();
        assert_eq!(known.answer(&question("/x", 7001), a, HERE, now), None, "no path of ours");
        let foreign = Question { hash: vec![2; 20], ..question("/a", 7001) };
        assert_eq!(known.answer(&foreign, a, HERE, now), None, "another torrent");
        assert!(known.answer(&question("/a", 7001), a, HERE, now).is_some());
        assert_eq!(known.answer(&question("/a", 7001), other, HERE, now), None, "another address");
        for head in [
            "POST /a?info_hash=x&port=1",
            "GET /a",
            "GET /a?port=1",
            "GET /a?info_hash=%zz&port=1",
            "GET /a?info_hash=x&port=0",
            "",
        ] {
            assert_eq!(Question::read(format!("{head} HTTP/1.1\r\n\r\n").as_bytes()), None, "{head}");
        }
        let asked = Question::read(b"GET /a?info_hash=%01ab&port=7&event=stopped HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!((asked.hash.as_slice(), asked.port, asked.stopped), (&b"\x01ab"[..], 7, true));
    }

    #[tokio::test]
    async fn it_answers_over_http_and_is_gone_when_it_is_dropped() {
        let here = Ipv4Addr::LOCALHOST;
        let tracker = Tracker::start(Some(here), &(21_000..=21_999)).await.unwrap();
        let path = tracker.seat([b'x'; 20]).unwrap();
        let hash = "x".repeat(20);
        let ask = async |line: String| {
            let mut stream = TcpStream::connect((here, tracker.port)).await.unwrap();
            stream.write_all(line.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let asked = format!("?info_hash={hash}&port=7001&left=3 HTTP/1.1\r\nHost: x\r\n\r\n");
        let answer = ask(format!("GET {path}{asked}")).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nd8:intervali3e5:peers0:e"),
            "{answer}"
        );
        assert!(ask(format!("GET /announce{asked}")).await.starts_with("HTTP/1.1 404 "));
        assert_eq!(ask("x".repeat(5000)).await, "");
        tracker.leave(&path);
        assert!(ask(format!("GET {path}{asked}")).await.starts_with("HTTP/1.1 404 "));
        let port = tracker.port;
        drop(tracker);
        let begun = Instant::now();
        while TcpStream::connect((here, port)).await.is_ok() {
            assert!(begun.elapsed() < Duration::from_secs(60), "it still listens");
            tokio::task::yield_now().await;
        }
    }
}
