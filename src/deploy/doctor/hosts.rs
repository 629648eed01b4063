//! What every host answers, and what a rollout would miss there.

use super::finding::{Finding, Health};
use crate::config::Ports;
use crate::deploy::carriage::relays;
use crate::deploy::deployment::Deployment;
use crate::deploy::error::Error;
use crate::deploy::settings::{reach_alone, target_settings};
use crate::deploy::workspace::{Fleet, Selection, Workspace};
use crate::host::Survey;
use crate::model::{ASTRAY, Carrier, Failure, FailureClass, HostId, HostLock, Installed, LockHolder, Probe, ToolPath};
use crate::plan::check_machines;
use crate::release::Interpreter;

/// KiB free below which a transfer may not fit; releases of tools are rarely larger.
const LITTLE_ROOM: i64 = 256 * 1024;
/// Inodes free below which a release may not fit.
const FEW_INODES: i64 = 5_000;
/// Seconds between two clocks that are worth a word; a survey of many hosts takes its time.
const MOST_APART: u64 = 300;

/// Asks the masters and the hosts of an environment.
pub(super) async fn examine(
    workspace: &Workspace,
    fleet: Fleet<'_>,
    selection: &Selection,
    interpreter: Option<&Interpreter>,
) -> Result<Vec<Finding>, Error> {
    let (passing, astray) = match relays(workspace, &fleet).await {
        Ok(relays) => (relays.candidates, None),
        Err(error) => (Vec::new(), Some(Finding::new("carriers", Health::Failed, error))),
    };
    // Whether hosts can be reached is tried, and not taken from who has reached them.
    let deployment = match reach_alone(workspace) {
        Ok(hosts) => Deployment::new(workspace, fleet, hosts),
        Err(error) => return Ok(vec![Finding::new("connections", Health::Failed, error)]),
    };
    let answers = deployment.survey(selection, None, &Survey::Tools).await?;
    let target = target_settings(workspace)?;
    let needs = Needs::of(workspace, passing);
    let tool = target.tool.as_deref().unwrap_or_default();
    let place = format!("{}/{}/bin/{tool}", target.root.display(), target.current);
    let mut found: Vec<Finding> =
        answers.all().flat_map(|(host, answer)| of_host(host, answer, interpreter, &place, &needs)).collect();
    let probes = answers.all().filter_map(|(host, answer)| Some((host, answer.as_ref().ok()?)));
    found.extend(astray);
    if let Err(twins) = check_machines(probes) {
        found.push(Finding::new("hosts", Health::Failed, twins));
    }
    Ok(found)
}

/// Says what carriers need of hosts; direct needs nothing more than a rollout does.
#[derive(Debug, Default)]
struct Needs {
    /// Where a host listens for others in a swarm; none where nothing comes by torrent.
    torrent: Option<Ports>,
    /// Whether anything comes from a web server.
    http: bool,
    /// Where a relay listens, and which hosts may be one; none where nothing comes by relays.
    relay: Option<(Ports, Vec<HostId>)>,
}

impl Needs {
    fn of(workspace: &Workspace, passing: Vec<HostId>) -> Self {
        let transfer = &workspace.config().transfer;
        let has = |carrier| transfer.carriers.has(carrier);
        Self {
            torrent: has(Carrier::Torrent).then_some(transfer.torrent_ports),
            http: has(Carrier::Http),
            relay: has(Carrier::Relay).then_some((transfer.relay_ports, passing)),
        }
    }
}

fn of_host(
    host: &HostId,
    answer: &Result<Probe, Failure>,
    interpreter: Option<&Interpreter>,
    place: &str,
    needs: &Needs,
) -> Vec<Finding> {
    let found = match answer {
        Ok(probe) => of_probe(host, probe, interpreter, place, needs),
        Err(failure) => {
            let health = if failure.class == FailureClass::Unreachable { Health::Unreachable } else { Health::Failed };
            vec![Finding { hint: failure.hint.clone(), ..Finding::new("hosts", health, &failure.message) }]
        }
    };
    found.into_iter().map(|finding| Finding { hosts: vec![host.clone()], ..finding }).collect()
}

/// Says what a host that answers lacks; that it lacks nothing, when it does.
fn of_probe(
    host: &HostId,
    probe: &Probe,
    interpreter: Option<&Interpreter>,
    place: &str,
    needs: &Needs,
) -> Vec<Finding> {
    let fact = |name: &str| probe.facts.iter().find(|(fact, _)| fact == name).map(|(_, value)| value.as_str());
    let mut found = Vec::new();
    if let Some(missing) = fact("missing") {
        let finding = Finding::new("hosts", Health::Failed, format!("has no {}", missing.replace(' ', ", ")));
        found.push(finding.hint("install it there; coalmine needs sh, coreutils and rsync"));
    }
    if let Some(wrong) = fact("wrong") {
        let message = format!("its {} does not do what a rollout needs", wrong.replace(' ', ", "));
        found.push(Finding::new("hosts", Health::Failed, message).hint("GNU coreutils, uutils and busybox do"));
    }
    if let Some(greeting) = fact("greets") {
        let finding =
            Finding::new("hosts", Health::Failed, format!("its shell greets, and no transfer works: {greeting}"));
        found.push(finding.hint("silence what ~/.bashrc and its like print there for shells without a terminal"));
    }
    if fact("narrow").is_some() {
        let message = "opens fewer than three sessions over one connection";
        let finding = Finding::new("hosts", Health::Failed, message);
        found.push(
            finding.hint(
                "MaxSessions in its sshd_config must allow three: a step, a transfer and a lease that is renewed",
            ),
        );
    }
    found.extend(probe.astray.iter().map(|astray| Finding::new("hosts", Health::Failed, astray).hint(ASTRAY)));
    found.extend(of_place(&fact));
    found.extend(of_carriers(host, &fact, needs));
    if let Some(interpreter) = interpreter {
        found.extend(of_python(fact("python3"), fact("arch"), interpreter));
    }
    found.extend(probe.lock.as_ref().map(of_lock));
    if matches!(probe.installed, Installed::Unmanaged { .. }) {
        let message = "what stands where the link belongs is not coalmine's";
        let finding = Finding::new("hosts", Health::Warning, message);
        found.push(finding.hint("the first rollout keeps it as a release, to go back to"));
    }
    if found.is_empty() {
        let message = match fact("rsync") {
            Some(version) => format!("answers, and has what a rollout needs; rsync {version}"),
            None => "answers, and has what a rollout needs".to_owned(),
        };
        found.push(Finding::new("hosts", Health::Ok, message));
    }
    found.extend(probe.packaged.as_ref().map(|packaged| {
        let version = packaged.version.as_ref().map(|version| format!(" ({version})")).unwrap_or_default();
        let message = format!("is unmanaged: its PATH runs {}{version}, which something else installed", packaged.path);
        Finding::new("path", Health::Ok, message)
            .hint("`coalmine install-world --prime` puts a release beside it, and --activate-only switches another day")
    }));
    found.extend(probe.path.as_ref().map(|path| of_path(path, place)));
    found.extend(fact("behind").map(|physical| {
        Finding::new("hosts", Health::Ok, format!("target.root is behind a link there: releases are kept in {physical}"))
            .hint("nothing is to be done: rsync from 3.5 on refuses a path through a link of another owner, and is given this one")
    }));
    found
}

/// Says what a deployer runs there by the product's name, who trusts to PATH; `place` is where the release has it.
fn of_path(path: &ToolPath, place: &str) -> Finding {
    match path {
        ToolPath::Ours(path) => Finding::new("path", Health::Ok, format!("its PATH runs {path}, which is {place}")),
        ToolPath::Other(path) => {
            let message = format!("its PATH runs {path}, and not {place}: what is installed there is shadowed");
            Finding::new("path", Health::Warning, message)
                .hint(format!("put the folder of {place} in front of PATH, link {path} to it, or remove the package"))
        }
        ToolPath::Nothing => Finding::new("path", Health::Ok, format!("its PATH does not have it: run {place}")),
    }
}

/// Says whose lock a host has: while a rollout runs that is as it should be.
fn of_lock(lock: &HostLock) -> Finding {
    let LockHolder { owner, rollout, until, .. } = &lock.holder;
    let message = if lock.over {
        format!("rollout {rollout} of {owner} left its lock there; the next one takes it over")
    } else {
        let until = until.strftime("%Y-%m-%d %H:%M:%S UTC");
        format!("is locked for rollout {rollout} by {owner}, until {until} by its own clock where nobody renews it")
    };
    Finding::new("hosts", Health::Warning, message).hint(format!(
        "`coalmine show {rollout}` tells whether it runs; where it does not, `coalmine resume {rollout}` goes on with it, and \
         `coalmine unlock --host HOST` breaks the lock"
    ))
}

/// Says what a transfer would lack where releases are kept.
fn of_place<'a>(fact: &impl Fn(&str) -> Option<&'a str>) -> Vec<Finding> {
    let number = |name: &str| fact(name).and_then(|value| value.parse::<i64>().ok());
    let mut found = Vec::new();
    if let Some(kib) = number("room").filter(|&kib| kib < LITTLE_ROOM) {
        let finding =
            Finding::new("hosts", Health::Warning, format!("has {} MiB free where releases are kept", kib / 1024));
        found.push(finding.hint("make room, or lower target.keep"));
    }
    if let Some(free) = number("inodes").filter(|&free| free < FEW_INODES) {
        let finding = Finding::new("hosts", Health::Warning, format!("has {free} inodes free where releases are kept"));
        found.push(finding.hint("remove small files there: a release needs an inode for each of its own"));
    }
    let apart = number("clock").map(|clock| clock.abs_diff(jiff::Timestamp::now().as_second()));
    if let Some(apart) = apart.filter(|&apart| apart > MOST_APART) {
        let finding =
            Finding::new("hosts", Health::Warning, format!("its clock is {apart} seconds from this machine's"));
        found.push(finding.hint("leases and certificates go by the clock: let both ask a time server"));
    }
    found
}

/// Says what carriers that are to be tried would lack.
fn of_carriers<'a>(host: &HostId, fact: &impl Fn(&str) -> Option<&'a str>, needs: &Needs) -> Vec<Finding> {
    let lacks = |told: &str, tool: &str| fact(told).is_some_and(|tools| tools.split(' ').all(|known| known != tool));
    let listened: Vec<u16> = fact("listens")
        .into_iter()
        .flat_map(|ports| ports.split_whitespace())
        .filter_map(|port| u16::from_str_radix(port, 16).ok())
        .collect();
    let is_full = |ports: &Ports| (ports.first..=ports.last).all(|port| listened.contains(&port));
    let otherwise = "the next of transfer.carriers brings it there";
    let mut found = Vec::new();
    let mut warn = |message: String, hint: String| {
        found.push(Finding::new("carriers", Health::Warning, message).hint(hint));
    };
    if let Some(ports) = &needs.torrent {
        if lacks("unpacks", "aria2c") {
            warn(
                "has no aria2c, so nothing comes to it by torrent".to_owned(),
                format!("install aria2; else {otherwise}"),
            );
        } else if is_full(ports) {
            let message = format!("somebody listens on every port of {ports}, so nothing comes to it by torrent");
            warn(message, format!("see `transfer.torrent_ports`; else {otherwise}"));
        }
    }
    if needs.http && lacks("fetches", "curl") && lacks("fetches", "wget") {
        let message = "has neither curl nor wget, so nothing comes to it by HTTP".to_owned();
        warn(message, format!("install one of them; else {otherwise}"));
    }
    if let Some((ports, _)) = needs.relay.as_ref().filter(|(ports, passing)| passing.contains(host) && is_full(ports)) {
        let message =
            format!("somebody listens on every port of {ports}, so it passes nothing on to the hosts of its site");
        warn(
            message,
            "see `transfer.relay_ports`; else they get it from another relay of the site, or directly".to_owned(),
        );
    }
    found
}

/// A virtual environment links to the interpreter that it was made with.
fn of_python(python: Option<&str>, arch: Option<&str>, interpreter: &Interpreter) -> Option<Finding> {
    let (version, path) = (&interpreter.version, interpreter.path.display());
    let hint = format!("releases that are built here need {path} of Python {}", interpreter.series());
    let message = match (python, arch) {
        (None, _) => "has no python3".to_owned(),
        (Some(python), _) if !interpreter.runs_on(python) => format!("has Python {python}, and this machine {version}"),
        (_, Some(arch)) if arch != interpreter.machine => {
            format!("is {arch}, and this machine {}", interpreter.machine)
        }
        _ => return None,
    };
    // Another one may be there under the name that the release links to: priming finds out, and refuses.
    Some(Finding::new("hosts", Health::Warning, message).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::{Needs, of_host};
    use crate::config::Ports;
    use crate::deploy::doctor::Health;
    use crate::model::{Failure, FailureClass, HostId, Probe};
    use crate::release::Interpreter;

    fn found(facts: &[(&str, &str)]) -> Vec<(Health, String)> {
        found_with(facts, &Needs::default())
    }

    fn found_with(facts: &[(&str, &str)], needs: &Needs) -> Vec<(Health, String)> {
        let facts = facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let interpreter = Interpreter {
            path: "/usr/bin/python3.11".into(),
            version: "3.11.2".to_owned(),
            machine: "x86_64".to_owned(),
        };
        let answer = Ok(Probe { facts, ..Probe::default() });
        let found = of_host(&HostId::new("mw01").unwrap(), &answer, Some(&interpreter), "scap/current/bin/scap", needs);
        found.into_iter().map(|finding| (finding.health, finding.message)).collect()
    }

    #[test]
    fn a_host_without_rsync_fails_and_one_with_another_python_is_worth_a_look() {
        assert_eq!(found(&[("python3", "3.11.9"), ("arch", "x86_64")])[0].0, Health::Ok);
        let linked = found(&[("rsync", "3.5.0"), ("behind", "/srv/scap"), ("python3", "3.11.2")]);
        assert_eq!(linked[0].1, "answers, and has what a rollout needs; rsync 3.5.0");
        assert_eq!(linked[1].1, "target.root is behind a link there: releases are kept in /srv/scap");
        assert_eq!(found(&[("narrow", "yes"), ("python3", "3.11.2")])[0].0, Health::Failed);
        let lacking = found(&[("missing", "rsync sync"), ("python3", "3.9.1")]);
        assert_eq!(lacking[0], (Health::Failed, "has no rsync, sync".to_owned()));
        assert_eq!(lacking[1], (Health::Warning, "has Python 3.9.1, and this machine 3.11.2".to_owned()));
        assert_eq!(found(&[("python3", "3.11.2"), ("arch", "aarch64")])[0].1, "is aarch64, and this machine x86_64");
        assert_eq!(found(&[])[0].1, "has no python3");
        let place = [("python3", "3.11.2"), ("room", "2048"), ("inodes", "7"), ("clock", "1000")];
        let little: Vec<String> = found(&place).into_iter().map(|(_, message)| message).collect();
        assert_eq!(little[0], "has 2 MiB free where releases are kept");
        assert_eq!(little[1], "has 7 inodes free where releases are kept");
        assert!(little[2].starts_with("its clock is "), "{little:?}");
        let odd = found(&[("wrong", "mv"), ("greets", "Welcome!"), ("python3", "3.11.2")]);
        assert_eq!(odd[0], (Health::Failed, "its mv does not do what a rollout needs".to_owned()));
        assert_eq!(odd[1], (Health::Failed, "its shell greets, and no transfer works: Welcome!".to_owned()));
    }

    #[test]
    fn a_host_that_does_not_answer_keeps_its_reason_and_its_hint() {
        let mut failure = Failure::new(FailureClass::Unreachable, "connection refused");
        failure.hint = Some("is sshd up?".to_owned());
        let found =
            of_host(&HostId::new("mw01").unwrap(), &Err(failure), None, "scap/current/bin/scap", &Needs::default());
        assert_eq!((found[0].health, found[0].hint.as_deref()), (Health::Unreachable, Some("is sshd up?")));
    }

    #[test]
    fn a_host_that_lacks_what_a_carrier_needs_says_so_where_that_is_tried_and_nowhere_else() {
        let python = ("python3", "3.11.2");
        // 20000 and 20001, and somebody's sshd.
        let bare = [python, ("unpacks", "tar zstd"), ("fetches", "none"), ("listens", "0016 4E20 4E21 ")];
        assert_eq!(found(&bare)[0].0, Health::Ok);
        let ports = |first, last| Ports { first, last };
        let relay = |ports, name| Needs { relay: Some((ports, vec![HostId::new(name).unwrap()])), ..Needs::default() };
        let told = |needs: &Needs| {
            let found = found_with(&bare, needs).into_iter().filter(|(health, _)| *health == Health::Warning);
            found.map(|(_, message)| message).collect::<Vec<_>>()
        };
        let torrent = Needs { torrent: Some(ports(20_000, 20_001)), ..Needs::default() };
        assert_eq!(told(&torrent), ["has no aria2c, so nothing comes to it by torrent"]);
        let http = Needs { http: true, ..Needs::default() };
        assert_eq!(told(&http), ["has neither curl nor wget, so nothing comes to it by HTTP"]);
        let full = told(&relay(ports(20_000, 20_001), "mw01"));
        assert!(full.len() == 1 && full[0].starts_with("somebody listens on every port of 20000-20001"), "{full:?}");
        assert!(told(&relay(ports(20_000, 20_002), "mw01")).is_empty(), "one port is free");
        assert!(told(&relay(ports(20_000, 20_001), "mw02")).is_empty(), "it passes nothing on");
        let has = [python, ("unpacks", "tar zstd aria2c"), ("fetches", "wget"), ("listens", " 4E20 ")];
        let all = Needs { torrent: Some(ports(20_000, 20_001)), http: true, ..relay(ports(20_000, 20_001), "mw01") };
        assert_eq!(found_with(&has, &all)[0].0, Health::Ok);
        let found = found_with(
            &[python, ("unpacks", "tar aria2c"), ("listens", " 4E20 ")],
            &Needs { torrent: Some(ports(20_000, 20_000)), ..Needs::default() },
        );
        assert!(found[0].1.ends_with("so nothing comes to it by torrent"), "{found:?}");
    }
}
