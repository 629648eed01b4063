//! Real aria2 on loopback, each of its own address.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Offer, Seat, Settings, Swarm};
use crate::process::{Ending, Job, run};

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const NAME: &str = "pack.tar.zst";

fn settings(upload: Option<u64>) -> Settings {
    Settings { ports: 22_000..=22_999, address: Some(HERE), upload }
}

/// Bytes that are no piece of each other.
fn content(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(length).collect()
}

struct Stage {
    folder: tempfile::TempDir,
    swarm: Swarm,
    offer: Arc<Offer>,
}

impl Stage {
    async fn new(length: usize, upload: Option<u64>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pack = folder.path().join("stored");
        fs::write(&pack, content(length)).unwrap();
        let swarm = Swarm::start(settings(upload)).await.unwrap();
        let offer = swarm.offer(&pack, NAME).await.unwrap();
        Self { folder, swarm, offer }
    }

    fn stored(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("stored")).unwrap()
    }

    /// Begins to fetch, as a host does, at an address of its own.
    fn fetch(
        &self,
        host: u8,
        port: u16,
        more: &'static [&'static str],
    ) -> (PathBuf, impl Future<Output = Ending> + use<>) {
        let seat = self.offer.seat().unwrap();
        let folder = self.folder.path().join(format!("host{host}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("torrent"), &seat.torrent).unwrap();
        let mut argv = vec!["aria2c".to_owned()];
        let plain = [
            "--no-conf=true",
            "--enable-rpc=false",
            "--quiet=true",
            "--enable-dht=false",
            "--enable-dht6=false",
            "--enable-peer-exchange=false",
            "--bt-enable-lpd=false",
            "--disable-ipv6=true",
            "--file-allocation=none",
            "--disk-cache=0",
            "--seed-ratio=0.0",
            "--seed-time=0",
            "--bt-tracker-interval=3",
            "--bt-stop-timeout=20",
            "--stop=60",
        ];
        argv.extend(plain.iter().chain(more).map(|&word| word.to_owned()));
        argv.push(format!("--dir={}", folder.display()));
        argv.push(format!("--interface=127.0.0.{host}"));
        argv.push(format!("--listen-port={port}"));
        argv.push(format!("--bt-tracker=http://{HERE}:{}{}", seat.port, seat.path));
        argv.push(folder.join("torrent").display().to_string());
        let fetch = async move {
            let ran = run(&Job::new(argv, Duration::from_secs(60))).await.unwrap();
            drop::<Seat>(seat);
            ran.ending
        };
        (folder, fetch)
    }
}

/// Gives the process of this machine's seeder.
fn seeder() -> u32 {
    let me = std::process::id().to_string();
    let find = |entry: fs::DirEntry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).into_owned();
        (line.contains(&format!("--stop-with-process={me}\0")) && line.contains("coalmine-swarm-")).then_some(pid)
    };
    fs::read_dir("/proc").unwrap().flatten().find_map(find).expect("no seeder")
}

#[tokio::test]
async fn every_host_gets_the_file_and_who_joins_late_does_too() {
    let stage = Stage::new(3_000_000, None).await;
    let (first, second) = (stage.fetch(2, 23_002, &[]), stage.fetch(3, 23_003, &[]));
    let (one, two) = tokio::join!(first.1, second.1);
    assert_eq!((one, two), (Ending::Exited(0), Ending::Exited(0)));
    let late = stage.fetch(4, 23_004, &[]);
    assert_eq!(late.1.await, Ending::Exited(0));
    for folder in [first.0, second.0, late.0] {
        assert!(fs::read(folder.join(NAME)).unwrap() == stage.stored(), "{}", folder.display());
    }
    // The same file is offered once, and nothing is written to it.
    let again = stage.swarm.offer(Path::new("/nonexistent"), NAME).await.unwrap();
    assert!(Arc::ptr_eq(&again, &stage.offer));
    let seeder = seeder();
    drop((again, stage));
    let begun = Instant::now();
    while Path::new(&format!("/proc/{seeder}")).exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the seeder lives on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn who_waits_for_a_seeder_that_was_killed_is_told_at_once() {
    let stage = Stage::new(30_000_000, Some(200_000)).await;
    let (folder, fetch) = stage.fetch(5, 23_005, &[]);
    let kill = async {
        let begun = Instant::now();
        while !folder.join(NAME).exists() {
            assert!(begun.elapsed() < Duration::from_secs(50), "it never began");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let pid = rustix::process::Pid::from_raw(i32::try_from(seeder()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    };
    tokio::select! {
        ended = fetch => panic!("it ended: {ended:?}"),
        (why, ()) = async { tokio::join!(stage.offer.gone(), kill) } => {
            assert!(why.starts_with("aria2 ended on the deploy server"), "{why}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_seeded_is_told_once_for_all() {
    let taken = TcpListener::bind((HERE, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let refused = Swarm::start(Settings { ports: port..=port, ..settings(None) }).await.unwrap_err();
    assert!(
        refused.starts_with(&format!("the deploy server cannot listen on a port of {port} to {port}: ")),
        "{refused}"
    );
    let swarm = Swarm::start(settings(None)).await.unwrap();
    let refused = swarm.offer(Path::new("/nonexistent"), NAME).await.unwrap_err();
    assert!(refused.starts_with("the deploy server cannot seed: No such file"), "{refused}");
}

/// Connects from an address of its own: aria2 bans a liar by that, and who else comes from there.
async fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 7)), 0))?;
    let stream = socket.connect(to).await?.into_std()?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// Offers every piece to a peer, and sends other bytes for each that is asked for, until the peer hangs up; gives how many it sent.
fn lie(to: SocketAddr, torrent: [u8; 20], pieces: usize, stop: &AtomicBool) -> usize {
    let mut sent = 0;
    let handle = tokio::runtime::Handle::current();
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut stream) = handle.block_on(connect(to)) else {
            std::thread::sleep(Duration::from_millis(20));
            continue;
        };
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut hello = b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0".to_vec();
        hello.extend_from_slice(&torrent);
        hello.extend_from_slice(b"-LI0001-abcdefghijkl");
        let bits = pieces.div_ceil(8);
        let mut field: Vec<u8> = vec![0xff; bits];
        if let (Some(last), rest @ 1..) = (field.last_mut(), pieces % 8) {
            *last = 0xff << (8 - rest);
        }
        // Nothing may follow the handshake before its answer.
        let mut greeting = [0; 68];
        if stream.write_all(&hello).is_err() || stream.read_exact(&mut greeting).is_err() {
            continue;
        }
        let mut offer = u32::try_from(bits + 1).unwrap().to_be_bytes().to_vec();
        offer.push(5);
        offer.extend_from_slice(&field);
        offer.extend_from_slice(&[0, 0, 0, 1, 1]);
        if stream.write_all(&offer).is_err() {
            continue;
        }
        let mut length = [0; 4];
        while stream.read_exact(&mut length).is_ok() {
            let mut message = vec![0; u32::from_be_bytes(length) as usize];
            if stream.read_exact(&mut message).is_err() {
                break;
            }
            if message.first() == Some(&6) {
                let wanted = u32::from_be_bytes(message[9..13].try_into().unwrap());
                let mut answer = (wanted + 9).to_be_bytes().to_vec();
                answer.push(7);
                answer.extend_from_slice(&message[1..9]);
                answer.extend(std::iter::repeat_n(0xee, wanted as usize));
                if stream.write_all(&answer).is_err() {
                    break;
                }
                sent += 1;
            }
        }
        if sent > 0 {
            break;
        }
    }
    sent
}

#[tokio::test]
async fn a_peer_that_lies_is_found_out_and_harms_nobody() {
    let stage = Stage::new(3_000_000, Some(400_000)).await;
    let (folder, fetch) = stage.fetch(6, 23_006, &[]);
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let (to, hash) = (SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 6)), 23_006), stage.offer.torrent.hash);
    let liar = tokio::task::spawn_blocking(move || lie(to, hash, 3_000_000_usize.div_ceil(65_536), &stopped));
    assert_eq!(fetch.await, Ending::Exited(0));
    stop.store(true, Ordering::Relaxed);
    assert!(liar.await.unwrap() > 0, "nobody asked the liar");
    assert!(fs::read(folder.join(NAME)).unwrap() == stage.stored(), "what the liar sent was taken");
}

#[test]
fn what_the_seeder_of_a_killed_process_left_is_removed_and_nothing_else() {
    let parent = tempfile::tempdir().unwrap();
    let mut gone = std::process::Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let folder = |name: String| {
        let folder = parent.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("torrent"), "").unwrap();
        folder
    };
    let left = folder(format!("coalmine-swarm-{}-aB3dE6", gone.id()));
    let others = [
        format!("coalmine-swarm-{}-aB3dE6", std::process::id()),
        "coalmine-swarm-aB3dE6".into(),
        format!("mine-{}-x", gone.id()),
    ]
    .map(folder);
    super::seeder::clear(parent.path());
    assert!(!left.exists());
    assert!(others.iter().all(|folder| folder.join("torrent").exists()));
}
