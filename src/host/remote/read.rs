//! What a host's records mean.

use jiff::Timestamp;

use crate::host::answer::{Answer, Record, clean_lines, last_line, unhex};
use crate::model::{
    Adopted, Digest, HostLock, Installed, LockHolder, NamedSlot, Operator, Packaged, Probe, Proof, ReleaseId, RestsOn,
    RolloutId, Slot, ToolPath,
};

/// Reads what a probe told.
pub(super) fn probe(answer: &Answer) -> Probe {
    let mut probe = Probe::default();
    let greeting = last_line(&answer.greeting);
    if !greeting.is_empty() {
        probe.facts.push(("greets".to_owned(), greeting.to_owned()));
    }
    for record in &answer.records {
        let words = record.words();
        let mut words = words.iter().map(String::as_str);
        match record.kind.as_str() {
            "link" => probe.installed = installed(words.next(), words.next(), words.next()),
            "drift" => {
                if let Installed::Release { drift, .. } = &mut probe.installed {
                    *drift = Some(describe_drift(record));
                }
            }
            "proof" => {
                let rests_on = match words.next() {
                    Some("metadata") => Some(RestsOn::Metadata),
                    Some("hashes") => Some(RestsOn::Hashes),
                    _ => None,
                };
                let at = words.next().and_then(|at| Timestamp::from_second(at.parse().ok()?).ok());
                probe.proof = rests_on.zip(at).map(|(rests_on, hashed_at)| Proof { rests_on, hashed_at });
            }
            "version" => {
                if let Installed::Unmanaged { version } = &mut probe.installed {
                    *version = said(&record.text());
                }
            }
            "state" => {
                let (Some(key), Some(value)) = (words.next(), words.next()) else { continue };
                match key {
                    "good" => probe.good = value.parse().ok(),
                    "previous" => probe.previous = value.parse().ok(),
                    "was" => probe.was.extend(value.parse().ok()),
                    "bad" => probe.bad.extend(value.parse().ok()),
                    "pending" => probe.pending = value.parse().ok(),
                    "rollout" => probe.rollout = RolloutId::new(value).ok(),
                    _ => {}
                }
            }
            "release" => {
                probe.releases.extend(words.next().and_then(|id| id.parse().ok()));
                probe.digests.extend(words.next().and_then(|digest| digest.parse::<Digest>().ok()));
            }
            "slot" => {
                let slot = words.next().and_then(|name| Slot::new(name).ok());
                probe.slots.extend(slot.zip(words.next().and_then(|id| id.parse().ok())));
            }
            "named" => {
                let slot = words.next().and_then(|name| Slot::new(name).ok());
                let name = words.next().filter(|name| is_link_name(name)).map(str::to_owned);
                let since = words.next().and_then(|rollout| RolloutId::new(rollout).ok());
                probe.named.extend(slot.map(|slot| NamedSlot { slot, name, since, used_by: Vec::new() }));
            }
            "used" => {
                let (slot, link) = (words.next(), words.next().filter(|name| is_link_name(name)));
                let named = probe.named.iter_mut().find(|named| Some(named.slot.as_str()) == slot);
                if let Some((named, link)) = named.zip(link) {
                    named.used_by.push(link.to_owned());
                }
            }
            "held" | "left" => {
                let over = record.kind == "left";
                probe.lock = holder(record).map(|holder| HostLock { holder, over });
            }
            "astray" => probe.astray = Some(record.text()),
            "adopted" => {
                let gone = words.next() == Some("gone");
                let place = words.next().map(|digits| clean_lines(&unhex(digits))).unwrap_or_default();
                probe.adopted = Some(Adopted { place, gone });
            }
            "packaged" => {
                let path = words.next().map(|digits| clean_lines(&unhex(digits))).unwrap_or_default();
                let version = words.next().filter(|version| *version != "-").and_then(said);
                probe.packaged = Some(Packaged { path, version });
            }
            "path" => {
                let whose = words.next();
                let path = words.next().map(|digits| clean_lines(&unhex(digits))).unwrap_or_default();
                probe.path = match whose {
                    Some("ours") => Some(ToolPath::Ours(path)),
                    Some("other") => Some(ToolPath::Other(path)),
                    Some("none") => Some(ToolPath::Nothing),
                    _ => None,
                };
            }
            "differs" => probe.differs.push(record.text()),
            "surplus" => probe.surplus.push(record.text()),
            "log" => probe.log.push(record.text()),
            "fact" => {
                let text = record.text();
                if let Some((key, value)) = text.split_once(' ') {
                    probe.facts.push((key.to_owned(), value.to_owned()));
                }
            }
            _ => {}
        }
    }
    probe
}

fn installed(is: Option<&str>, id: Option<&str>, digest: Option<&str>) -> Installed {
    match (is, id.and_then(|id| id.parse::<ReleaseId>().ok())) {
        (Some("release"), Some(id)) => {
            let digest = digest.and_then(|digest| digest.parse::<Digest>().ok());
            Installed::Release { id, digest, drift: None }
        }
        (Some("missing"), _) => Installed::Missing,
        // A link into `releases/` whose name is no release's is somebody else's as well.
        _ => Installed::Unmanaged { version: None },
    }
}

/// Says in one line how a release differs from its manifest: `3 files differ, 1 too many: bin/scap`; where nothing can be compared, that it
/// is not there.
pub(super) fn describe_drift(record: &Record) -> String {
    let text = record.text();
    let mut words = text.splitn(3, ' ');
    let mut count = || words.next().and_then(|word| word.parse::<usize>().ok()).unwrap_or_default();
    let (wrong, extra) = (count(), count());
    let first = words.next().unwrap_or_default();
    let some = |n: usize, what: &str| (n > 0).then(|| format!("{n} {what}"));
    let parts: Vec<_> =
        [some(wrong, if wrong == 1 { "entry differs" } else { "entries differ" }), some(extra, "too many")]
            .into_iter()
            .flatten()
            .collect();
    if parts.is_empty() {
        return "its release is gone: the link leads to nothing".to_owned();
    }
    format!("{}: {first}", parts.join(", "))
}

/// Gives the line of an output that says something, from hexadecimal digits.
fn said(digits: &str) -> Option<String> {
    let text = clean_lines(&unhex(digits));
    let line = last_line(&text);
    (!line.is_empty()).then(|| line.to_owned())
}

/// Reads who holds the lock: rollout, since, until, owner and reason.
pub(super) fn holder(record: &Record) -> Option<LockHolder> {
    let words = record.words();
    let [rollout, since, until, texts] = words.as_slice() else { return None };
    let (owner, reason) = texts.split_once('-')?;
    let text = |digits: &str| clean_lines(&unhex(digits));
    let time = |seconds: &str| Timestamp::from_second(seconds.parse().ok()?).ok();
    let owner = match text(owner) {
        owner if owner.is_empty() => "somebody unknown".to_owned(),
        owner => owner,
    };
    Some(LockHolder {
        owner: Operator(owner.into()),
        rollout: RolloutId::new(rollout).ok()?,
        reason: Some(text(reason)).filter(|reason| !reason.is_empty()),
        since: time(since)?,
        until: time(until)?,
        waits: false,
    })
}

/// Tells whether a host named a link as links are named; whatever else it says is none.
fn is_link_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._+~-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::{describe_drift, holder, probe};
    use crate::host::answer::{Answer, Record};
    use crate::model::{Adopted, Installed, RestsOn};

    fn record(kind: &str, rest: &str) -> Record {
        Record { kind: kind.into(), rest: rest.into() }
    }

    #[test]
    fn a_probe_is_read_and_what_makes_no_sense_is_left_out() {
        let digest = "ab".repeat(32);
        let records = vec![
            record("fact", "python3 3.11.2"),
            record("fact", "missing rsync awk"),
            record("link", &format!("release 4.2.0-abababab {digest}")),
            record("drift", "2 1 bin/a tool"),
            record("proof", "metadata 1700000000"),
            record("state", "good 4.1.0-00000000"),
            record("state", "previous not an id"),
            record("state", "was 4.0.0-00000000"),
            record("state", "was 3.9.0-00000000"),
            record("state", "bad 4.3.0-00000000"),
            record("adopted", "there 72656c65617365732f3230323530313034"),
            record("release", &format!("4.2.0-abababab {digest}")),
            record("release", "lost+found"),
            record("slot", "next 4.3.0-00000000"),
            record("slot", ".. 4.3.0-00000000"),
            record("named", "next tool-4.3.0 20260101-000000-abcd"),
            record("named", "old - -"),
            record("used", "next ../etc"),
            record("used", "next stable"),
            record("differs", "bin/a tool"),
            record("surplus", "lib/left over"),
            record("log", "2026-01-01T00:00:00Z r1 switched \u{1b}to x"),
            record("astray", "/srv/x is the root of the link a, and not of b"),
            record("future", "whatever"),
        ];
        let probe = probe(&Answer { records, ..Answer::default() });
        let Installed::Release { id, digest: found, drift } = probe.installed else { panic!("{probe:?}") };
        assert_eq!(id.to_string(), "4.2.0-abababab");
        assert_eq!(found.unwrap().to_string(), digest);
        assert_eq!(drift.unwrap(), "2 entries differ, 1 too many: bin/a tool");
        let proof = probe.proof.unwrap();
        assert_eq!((proof.rests_on, proof.hashed_at.as_second()), (RestsOn::Metadata, 1_700_000_000));
        assert_eq!(probe.good.unwrap().to_string(), "4.1.0-00000000");
        assert!(probe.previous.is_none());
        let text: Vec<String> = probe.was.iter().chain(&probe.bad).map(ToString::to_string).collect();
        assert_eq!(text, ["4.0.0-00000000", "3.9.0-00000000", "4.3.0-00000000"]);
        assert_eq!(probe.adopted, Some(Adopted { place: "releases/20250104".into(), gone: false }));
        let [next, old] = probe.named.as_slice() else { panic!("{:?}", probe.named) };
        assert_eq!((next.name.as_deref(), next.used_by.as_slice()), (Some("tool-4.3.0"), &["stable".to_owned()][..]));
        assert!(next.since.is_some() && old.since.is_none() && old.name.is_none());
        assert_eq!((probe.releases.len(), probe.digests.len()), (1, 1));
        let slots: Vec<String> = probe.slots.iter().map(|(slot, id)| format!("{slot} {id}")).collect();
        assert_eq!(slots, ["next 4.3.0-00000000"]);
        assert_eq!(probe.differs, ["bin/a tool"]);
        assert_eq!(probe.surplus, ["lib/left over"]);
        assert_eq!(probe.log, ["2026-01-01T00:00:00Z r1 switched to x"]);
        assert_eq!(probe.astray.unwrap(), "/srv/x is the root of the link a, and not of b");
        assert_eq!(probe.facts[1], ("missing".to_owned(), "rsync awk".to_owned()));
        assert_eq!(describe_drift(&record("drift", "1 0 x")), "1 entry differs: x");
        assert_eq!(describe_drift(&record("drift", "0 0 ")), "its release is gone: the link leads to nothing");
    }

    #[test]
    fn a_holder_is_read_with_whatever_its_owner_wrote() {
        // "me@there" and "be\nquick".
        let found = holder(&record("holder", "r1 1700000000 1700000060 6d65407468657265-62650a717569636b")).unwrap();
        assert_eq!(&*found.owner.0, "me@there");
        assert_eq!(found.reason.unwrap(), "be\nquick");
        assert_eq!(found.until.as_second() - found.since.as_second(), 60);
        assert!(holder(&record("holder", "r1 x y -")).is_none());
    }
}
