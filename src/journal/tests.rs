use std::fs;
use std::io::{Cursor, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use jiff::{Timestamp, ToSpan as _};
use tempfile::TempDir;

use super::{Journal, JournalError, Memory, Records, Rollouts};
use crate::model::{Bytes, Digest, Environment, HostId, Operator, Phase, ProductId, RolloutId, StageName, Version};
use crate::plan::Plan;
use crate::plans;
use crate::rollout::{Event, Outcome, Record};

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + second.seconds()
}

fn id(name: &str) -> RolloutId {
    RolloutId::new(name).unwrap()
}

fn plan(name: &str, hosts: usize) -> Plan {
    let environment = Environment::new("production").unwrap();
    let host = |index| plans::host(HostId::new(&format!("mw{index:05}.example.org")).unwrap());
    Plan {
        operator: Operator("amy@deploy".into()),
        // The key at which the index stops reading, where it is no key.
        reason: Some("a \",\"policy\":\" reason".to_owned()),
        stages: vec![plans::stage(StageName::new("fleet").unwrap(), [hosts])],
        hosts: (0..hosts).map(host).collect(),
        ..plans::plan(id(name), environment, Version::new("4.283.0").unwrap(), Digest([7; 32]))
    }
}

pub(super) fn first(name: &str, hosts: usize) -> Record {
    let plan = plan(name, hosts);
    Record { seq: 1, at: at(1), rollout: id(name), event: Event::RolloutPlanned { number: None, plan: plan.into() } }
}

/// Gives a first record as it is once it is in a journal.
fn numbered(mut first: Record, place: u64) -> Record {
    if let Event::RolloutPlanned { number, .. } = &mut first.event {
        *number = Some(place);
    }
    first
}

fn primed(name: &str, seq: u64) -> Record {
    let host = HostId::new("mw00000.example.org").unwrap();
    Record {
        seq,
        at: at(i64::try_from(seq).unwrap()),
        rollout: id(name),
        event: Event::host_phase(host, Phase::Primed),
    }
}

fn finished(name: &str, seq: u64) -> Record {
    let event =
        Event::RolloutFinished { outcome: Outcome::RolledBack, exit_code: 6, counts: [].into(), debt: Vec::new() };
    Record { event, ..primed(name, seq) }
}

fn state() -> (TempDir, Rollouts) {
    let folder = TempDir::new().unwrap();
    let rollouts = Rollouts::new(folder.path());
    (folder, rollouts)
}

fn read(rollouts: &Rollouts, name: &str) -> Result<Vec<Record>, JournalError> {
    rollouts.read(&id(name))?.collect()
}

fn append_text(path: &Path, text: &[u8]) {
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text).unwrap();
}

#[test]
fn what_was_appended_is_read_back() {
    let (_folder, rollouts) = state();
    let mut journal = rollouts.create(&first("a", 3)).unwrap();
    let batch = [primed("a", 2), primed("a", 3)];
    journal.append(&batch).unwrap();
    let read = read(&rollouts, "a").unwrap();
    assert_eq!(read, [numbered(first("a", 3), 1), primed("a", 2), primed("a", 3)]);
}

#[test]
fn a_journal_is_its_owners_alone() {
    let (_folder, rollouts) = state();
    let _journal = rollouts.create(&first("a", 1)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(rollouts.root()), mode(rollouts.root().parent().unwrap()), "the list is whose the state folder is");
    assert_eq!(mode(&rollouts.folder(&id("a"))), 0o700);
    assert_eq!(mode(&rollouts.journal(&id("a"))), 0o600);
}

#[test]
fn progress_is_not_journaled() {
    let (_folder, rollouts) = state();
    let mut journal = rollouts.create(&first("a", 1)).unwrap();
    let host = HostId::new("mw00000.example.org").unwrap();
    let event = Event::HostProgress { host, bytes: Bytes(1), total: Bytes(2), rate: Bytes(1), eta: None };
    journal.append(&[Record { event, ..primed("a", 1) }, primed("a", 2)]).unwrap();
    assert_eq!(read(&rollouts, "a").unwrap().len(), 2);
}

#[test]
fn one_rollout_has_one_conductor() {
    let (_folder, rollouts) = state();
    let journal = rollouts.create(&first("a", 1)).unwrap();
    assert!(rollouts.is_live(&id("a")).unwrap());
    assert!(matches!(rollouts.reopen(&id("a")), Err(JournalError::InUse(_))));
    assert!(matches!(rollouts.create(&first("a", 1)), Err(JournalError::Exists(_))));
    drop(journal);
    assert!(!rollouts.is_live(&id("a")).unwrap());
    let (_journal, records) = rollouts.reopen(&id("a")).unwrap();
    assert_eq!(records.len(), 1);
    assert!(matches!(rollouts.reopen(&id("b")), Err(JournalError::Missing(_))));
}

#[test]
fn a_rollout_whose_disk_was_full_when_it_was_planned_never_began() {
    let (_folder, rollouts) = state();
    drop(rollouts.create(&first("a", 1)).unwrap());
    for (name, text) in [("empty", &b""[..]), ("torn", br#"{"v":1,"seq":1,"at":"#)] {
        fs::create_dir(rollouts.folder(&id(name))).unwrap();
        fs::write(rollouts.journal(&id(name)), text).unwrap();
    }
    let listing = rollouts.list().unwrap();
    assert_eq!((listing.entries.len(), listing.unreadable.len()), (1, 0), "{:?}", listing.unreadable);
    // What is made once it has begun stands beside it: so its journal was longer.
    fs::write(rollouts.folder(&id("empty")).join("launch.json"), "{}").unwrap();
    assert_eq!(rollouts.list().unwrap().unreadable.len(), 1);
    fs::remove_dir_all(rollouts.folder(&id("empty"))).unwrap();
    // What somebody changed is told.
    fs::create_dir(rollouts.folder(&id("changed"))).unwrap();
    fs::write(rollouts.journal(&id("changed")), b"nonsense\n").unwrap();
    assert_eq!(rollouts.list().unwrap().unreadable.len(), 1);
}

#[test]
fn of_which_product_an_environment_is_stands_at_the_beginning_of_its_journals_and_no_more_is_read() {
    let (_folder, rollouts) = state();
    let product = ProductId {
        name: "scap".to_owned(),
        repository: "/git/scap".to_owned(),
        link: "/srv/scap/current".to_owned(),
        login: None,
    };
    let plan = Plan { product: Some(product.clone()), ..plan("a", 1) };
    let event = Event::RolloutPlanned { number: None, plan: plan.into() };
    drop(rollouts.create(&Record { event, ..first("a", 1) }).unwrap());
    append_text(&rollouts.journal(&id("a")), b"nonsense\n");
    assert!(rollouts.entry(&id("a")).is_err());
    let of = |name: &str| rollouts.product_of(&Environment::new(name).unwrap()).unwrap();
    assert_eq!((of("production"), of("beta")), (Some((id("a"), product)), None));
}

#[test]
fn a_torn_last_line_is_left_out_and_cut_off() {
    let (_folder, rollouts) = state();
    let mut journal = rollouts.create(&first("a", 1)).unwrap();
    journal.append(&[primed("a", 2)]).unwrap();
    drop(journal);
    let path = rollouts.journal(&id("a"));
    let whole = fs::read(&path).unwrap();
    let line = primed("a", 3).to_line().unwrap();
    // Cut anywhere, the newline left out at last.
    for cut in [1, line.len() / 2, line.len()] {
        fs::write(&path, &whole).unwrap();
        append_text(&path, &line.as_bytes()[..cut]);
        assert_eq!(read(&rollouts, "a").unwrap().len(), 2, "cut at {cut}");
        let (mut journal, records) = rollouts.reopen(&id("a")).unwrap();
        assert_eq!(records.len(), 2);
        assert_eq!(fs::read(&path).unwrap(), whole);
        journal.append(&[primed("a", 3)]).unwrap();
        assert_eq!(read(&rollouts, "a").unwrap().len(), 3);
    }
}

#[test]
fn what_is_no_record_is_refused_by_file_and_line() {
    let (_folder, rollouts) = state();
    let path = rollouts.journal(&id("a"));
    drop(rollouts.create(&first("a", 1)).unwrap());
    let whole = fs::read(&path).unwrap();
    for (text, why) in [
        (b"garbage\n".to_vec(), "line 2"),
        (b"\n".to_vec(), "line 2"),
        (b"\xff\xfe\n".to_vec(), "utf-8"),
        (primed("a", 3).to_line().unwrap().into_bytes(), "record 3 stands where record 2 belongs"),
        (first("a", 1).to_line().unwrap().into_bytes(), "record 1 stands where record 2 belongs"),
    ] {
        fs::write(&path, &whole).unwrap();
        append_text(&path, &text);
        append_text(&path, b"\n");
        append_text(&path, primed("a", 3).to_line().unwrap().as_bytes());
        append_text(&path, b"\n");
        let error = read(&rollouts, "a").unwrap_err();
        let shown = error.to_string();
        assert!(shown.contains(why) && shown.contains(path.to_str().unwrap()), "{shown}");
        assert!(matches!(error, JournalError::Damaged { line: 2, .. }), "{error:?}");
        assert!(rollouts.reopen(&id("a")).is_err());
    }
}

#[test]
fn a_later_version_is_refused_and_a_later_kind_is_not() {
    let (_folder, rollouts) = state();
    drop(rollouts.create(&first("a", 1)).unwrap());
    let path = rollouts.journal(&id("a"));
    let line = primed("a", 2).to_line().unwrap().replace("host_phase", "something_new") + "\n";
    append_text(&path, line.as_bytes());
    assert_eq!(read(&rollouts, "a").unwrap()[1].event, Event::Unknown);
    append_text(&path, (primed("a", 3).to_line().unwrap().replace("\"v\":1", "\"v\":2") + "\n").as_bytes());
    let error = read(&rollouts, "a").unwrap_err();
    assert!(matches!(error, JournalError::Version { line: 3, found: 2, .. }), "{error:?}");
}

#[test]
fn after_an_append_that_failed_nothing_more_is_taken() {
    let memory = Memory::new();
    memory.cut_after(Some(1));
    let mut journal = Journal::new(memory.clone(), "memory");
    assert!(matches!(journal.append(&[first("a", 1), primed("a", 2)]), Err(JournalError::Io { .. })));
    memory.cut_after(None);
    assert!(matches!(journal.append(&[primed("a", 2)]), Err(JournalError::Closed)));
    let read: Vec<_> = Records::new(Cursor::new(memory.bytes()), "memory").collect::<Result<_, _>>().unwrap();
    assert_eq!(read.len(), 1);
}

#[test]
fn a_full_disk_is_an_error() {
    // Linux's full(4) takes no byte.
    let file = fs::OpenOptions::new().append(true).open("/dev/full").unwrap();
    let mut journal = Journal::new(super::Disk::new(file, "/dev/full".into()), "/dev/full");
    let error = journal.append(&[primed("a", 1)]).unwrap_err().to_string();
    assert!(error.contains("/dev/full") && error.contains("o space left"), "{error}");
}

#[test]
fn what_is_written_where_nobody_finds_it_is_not_remembered() {
    type TakenAway = fn(&Path, &Path);
    let ways: [TakenAway; 3] = [
        |path, _| fs::remove_file(path).unwrap(),
        |path, folder| fs::rename(path.parent().unwrap(), folder.join("away")).unwrap(),
        |path, folder| {
            fs::rename(path, folder.join("away")).unwrap();
            fs::write(path, "").unwrap();
        },
    ];
    for taken_away in ways {
        let (folder, rollouts) = state();
        let mut journal = rollouts.create(&first("a", 2)).unwrap();
        journal.append(&[primed("a", 2)]).unwrap();
        taken_away(&rollouts.journal(&id("a")), folder.path());
        let error = journal.append(&[primed("a", 3)]).unwrap_err();
        assert!(matches!(error, JournalError::Io { action: "sync", .. }), "{error:?}");
    }
}

#[test]
fn the_index_tells_the_ends_of_every_rollout() {
    let (_folder, rollouts) = state();
    assert!(rollouts.list().unwrap().entries.is_empty());
    let live = rollouts.create(&first("b", 20_000)).unwrap();
    let mut over = rollouts.create(&first("a", 2)).unwrap();
    over.append(&[primed("a", 2), finished("a", 3)]).unwrap();
    drop(over);
    let mut dead = rollouts.create(&first("c", 2)).unwrap();
    dead.append(&[primed("c", 2)]).unwrap();
    drop(dead);
    append_text(&rollouts.journal(&id("c")), b"{\"v\":1,\"seq\":3");
    drop(rollouts.create(&first("d", 1)).unwrap());
    fs::write(rollouts.journal(&id("d")), "garbage\n").unwrap();
    fs::create_dir(rollouts.root().join("no rollout")).unwrap();

    let listing = rollouts.list().unwrap();
    let seen: Vec<_> = listing
        .entries
        .iter()
        .map(|entry| (entry.rollout.as_str(), entry.ended, entry.live, entry.is_resumable()))
        .collect();
    assert_eq!(
        seen,
        [("b", None, true, false), ("a", Some((Outcome::RolledBack, 6)), false, false), ("c", None, false, true),]
    );
    assert_eq!(listing.unreadable.len(), 1);
    let why = listing.unreadable[0].1.to_string();
    let folder = rollouts.folder(&id("d"));
    let folder = folder.display();
    assert!(why.contains(&format!("mv {folder} {folder}.damaged")) && why.contains("coalmine status"), "{why}");
    let entry = &listing.entries[2];
    assert_eq!((entry.started, entry.latest), (at(1), at(2)));
    assert_eq!(entry.version.as_str(), "4.283.0");
    assert_eq!(entry.operator, Operator("amy@deploy".into()));
    assert_eq!(entry.reason.as_deref(), Some("a \",\"policy\":\" reason"));
    drop(live);
    assert!(rollouts.entry(&id("b")).unwrap().is_resumable());
}

#[test]
fn rollouts_are_in_the_order_in_which_they_were_planned_whatever_clocks_and_names_say() {
    let (_folder, rollouts) = state();
    let planned = |name: &str, second| drop(rollouts.create(&Record { at: at(second), ..first(name, 1) }).unwrap());
    planned("20360101-000000-late", 2_082_758_400);
    planned("20260101-000000-aaaa", 1_767_225_600);
    planned("19700101-000000-zzzz", 1);
    // One of an earlier coalmine has no number, and was there before.
    planned("20270101-000000-old", 1_798_761_600);
    let old = rollouts.journal(&id("20270101-000000-old"));
    let text = fs::read_to_string(&old).unwrap();
    fs::write(&old, text.replace("\"number\":4,", "")).unwrap();
    let names: Vec<String> =
        rollouts.list().unwrap().entries.iter().map(|entry| entry.rollout.as_str().to_owned()).collect();
    let order = ["20270101-000000-old", "20360101-000000-late", "20260101-000000-aaaa", "19700101-000000-zzzz"];
    assert_eq!(names, order);
}
