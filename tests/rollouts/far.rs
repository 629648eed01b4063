//! Hosts that are far away: how often a rollout waits for an answer of each, and what that takes.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::{sleep, sleep_until};

use crate::fleet::Fleet;
use crate::hosts::mw;

/// How far away hosts are: what goes there takes so long, and so does what comes back.
const ONE_WAY: Duration = Duration::from_millis(200);
/// How many hosts are switched at once.
const HOSTS: usize = 20;
/// How many round trips' time a switch takes at most of what was primed, from its plan to its end.
const MOST: u32 = 12;

/// Counts how often each host was waited for.
type Turns = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// Stands between the deploy server and all hosts of a fleet.
struct Distance {
    turns: Turns,
    _runtime: Runtime,
}

impl Distance {
    /// Moves the hosts of a fleet away, so far each way.
    fn between(fleet: &Fleet, one_way: Duration) -> Self {
        let config = fs::read_to_string(fleet.dir.join("ssh_config")).unwrap();
        let words = |key: &'static str| {
            let lines = config.lines().map(str::trim).filter_map(move |line| line.strip_prefix(key));
            lines.map(|value| value.trim().to_owned()).collect::<Vec<_>>()
        };
        let addresses: Vec<IpAddr> = words("HostName ").iter().map(|address| address.parse().unwrap()).collect();
        let near: u16 = words("Port ")[0].parse().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let turns = Turns::default();
        let mut far = None;
        for address in addresses {
            let listener = runtime.block_on(TcpListener::bind((address, far.unwrap_or(0)))).unwrap();
            far = Some(listener.local_addr().unwrap().port());
            let turns = Arc::clone(&turns);
            runtime.spawn(async move {
                while let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(pass(client, (address, near), one_way, Arc::clone(&turns)));
                }
            });
        }
        let far = far.unwrap();
        let edit = |path: PathBuf, from: String, to: String| {
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(&from), "{}", path.display());
            fs::write(path, text.replace(&from, &to)).unwrap();
        };
        edit(fleet.dir.join("ssh_config"), format!("Port {near}\n"), format!("Port {far}\n"));
        edit(fleet.dir.join("known_hosts"), format!("]:{near} "), format!("]:{far} "));
        Self { turns, _runtime: runtime }
    }

    /// Gives how often each host was waited for so far, the most of any.
    fn most(&self) -> usize {
        self.turns.lock().unwrap().values().copied().max().unwrap_or(0)
    }
}

/// Passes one connection on, as far away as hosts are. That it is opened is a round trip, too.
async fn pass(client: TcpStream, to: (IpAddr, u16), one_way: Duration, turns: Turns) {
    let turn = move || *turns.lock().unwrap().entry(to.0).or_default() += 1;
    turn();
    sleep(one_way * 2).await;
    let Ok(host) = TcpStream::connect(to).await else { return };
    client.set_nodelay(true).unwrap();
    host.set_nodelay(true).unwrap();
    let ((from_client, to_client), (from_host, to_host)) = (client.into_split(), host.into_split());
    // An answer is what comes after something was said, to somebody who has waited for it.
    let (asked, gone) = (AtomicBool::new(false), AtomicBool::new(false));
    let said = || {
        asked.store(true, Ordering::Relaxed);
        false
    };
    let answers = || asked.swap(false, Ordering::Relaxed);
    let arrives = |answers: bool| {
        if answers && !gone.load(Ordering::Relaxed) {
            turn();
        }
    };
    tokio::join!(
        carry(from_client, to_host, one_way, said, |_| {}, || gone.store(true, Ordering::Relaxed)),
        carry(from_host, to_client, one_way, answers, arrives, || {})
    );
}

/// Carries bytes one way, each as late as the distance has it; what `heard` says of them goes to `arrives` when they do.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    one_way: Duration,
    mut heard: impl FnMut() -> bool,
    mut arrives: impl FnMut(bool),
    ended: impl FnOnce(),
) {
    let (late, mut due) = mpsc::unbounded_channel();
    let read = async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            if late.send((tokio::time::Instant::now() + one_way, heard(), buffer[..length].to_vec())).is_err() {
                break;
            }
        }
        ended();
    };
    let write = async move {
        while let Some((at, answers, bytes)) = due.recv().await {
            sleep_until(at).await;
            arrives(answers);
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        drop(to.shutdown().await);
    };
    tokio::join!(read, write);
}

/// Makes a fleet of one stage whose hosts hold a release, and whose widths let all be done at once.
fn primed(hosts: usize) -> Fleet {
    let fleet = Fleet::of_scripts(hosts);
    fleet.configure(|text| {
        let (start, end) = (text.find("[[environments.sandbox.stages]]").unwrap(), text.find("[[gates]]").unwrap());
        let stage = "[[environments.sandbox.stages]]\nname = \"fleet\"\nconcurrency = 100\nsoak = \"0s\"\npromote = \"auto\"\n\n";
        let text = format!("{}{stage}{}", &text[..start], &text[end..]);
        text.replace("masters  = \"@masters\"\n", "").replace("[ssh]\n", "[ssh]\nconnects = 100\n")
    });
    fleet.install(&["1.0.0"]).exits(0);
    fleet.install(&["1.2.0", "--prime"]).exits(0);
    fleet
}

/// Installs what is primed, and gives `told` each record as it comes.
fn install(fleet: &Fleet, version: &str, mut told: impl FnMut(&Value)) {
    let mut conductor = fleet.start(&["install-world", version, "--yes", "--headless", "--output", "jsonl"]);
    for line in BufReader::new(conductor.stdout.take().unwrap()).lines() {
        told(&serde_json::from_str(&line.unwrap()).unwrap());
    }
    assert!(conductor.wait().unwrap().success());
}

#[test]
fn a_primed_switch_of_twenty_hosts_that_are_far_away_takes_twelve_round_trips_and_no_more() {
    let fleet = primed(HOSTS);
    // What the same takes where nobody is far away: that is this machine's, and not the distance's.
    let mut planned = None;
    install(&fleet, "1.2.0", |event| {
        if event["kind"] == "rollout_planned" {
            planned = Some(Instant::now());
        }
    });
    let near = planned.unwrap().elapsed();
    fleet.tag("1.3.0", |_| {});
    fleet.install(&["1.3.0", "--prime"]).exits(0);
    let distance = Distance::between(&fleet, ONE_WAY);
    let begun = Instant::now();
    let mut planned = None;
    install(&fleet, "1.3.0", |event| {
        if event["kind"] == "rollout_planned" {
            planned = Some((Instant::now(), distance.most()));
        }
    });
    let (planned, before) = planned.unwrap();
    let (took, trips) = (planned.elapsed(), distance.most() - before);
    eprintln!("{took:?} and {trips} round trips from the plan on, {:?} in all, {near:?} near", begun.elapsed());
    fleet.all_run((1..=HOSTS).map(|number| mw(number, HOSTS)), Some("1.3.0"));
    // Nobody is asked for one thing after the other that can be asked for at once.
    assert!(trips <= 6, "{trips} round trips");
    let slow = ONE_WAY * 2 * u32::try_from(trips).unwrap() + near * 2;
    assert!(took <= slow.max(ONE_WAY * 2 * MOST), "{took:?}, and {near:?} near");
}

/// Names what a rollout does to a host, and which record ends it.
const PHASES: [(&str, &str); 7] = [
    ("connecting, and asking what it has", "rollout_planned"),
    ("its lock", "locked"),
    ("finding the release there", "primed"),
    ("its switch", "active"),
    ("its gate", "healthy"),
    ("writing that it is good, and freeing its lock", "rollout_finished"),
    ("leaving", "the end"),
];

fn page(trips: &[usize]) -> String {
    let mut text = "# Round trips\n\nHow often a rollout waits for an answer of a host that holds the release already, as counted on the way there: opening the connection, \
                    ssh's own talk, and what coalmine asks. `COALMINE_REGENERATE=1 cargo nextest run --test rollouts far` writes this page, and without \
                    that word the same test lets none of it grow. Hosts are done beside each other, so this is what distance costs a stage whose width is that of \
                    its hosts. The first row is before the plan is shown; that connection serves all of it.\n\n| what | round trips |\n|---|---|\n"
        .to_owned();
    for ((what, _), trips) in PHASES.iter().zip(trips) {
        writeln!(text, "| {what} | {trips} |").unwrap();
    }
    writeln!(text, "| all of it | {} |", trips.iter().sum::<usize>()).unwrap();
    text
}

#[test]
fn each_phase_takes_the_round_trips_that_the_page_says() {
    let fleet = primed(1);
    // Far enough that what is told of one phase is heard before the next has its first answer.
    fleet.configure(|text| text.replace("connect_timeout = \"5s\"", "connect_timeout = \"60s\""));
    let distance = Distance::between(&fleet, ONE_WAY * 3);
    let mut counted = vec![0; PHASES.len()];
    let mut before = 0;
    install(&fleet, "1.2.0", |event| {
        let now = distance.most();
        let word = match event["kind"].as_str().unwrap() {
            "host_phase" => event["phase"].as_str().unwrap(),
            kind => kind,
        };
        if let Some(phase) = PHASES.iter().position(|(_, end)| *end == word) {
            counted[phase] += now - before;
            before = now;
        }
    });
    *counted.last_mut().unwrap() = distance.most() - before;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/round-trips.md");
    if std::env::var_os("COALMINE_REGENERATE").is_some() {
        fs::write(&path, page(&counted)).unwrap();
    }
    let told = fs::read_to_string(&path).unwrap();
    let rows = told.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let told: HashMap<&str, usize> =
        rows.filter_map(|(what, trips)| Some((what, trips.trim_end_matches(" |").parse().ok()?))).collect();
    for ((what, _), counted) in PHASES.iter().zip(&counted) {
        assert!(told[what] >= *counted, "{what}: {counted} round trips, and the page has {told:?}");
    }
}
