use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;

use super::error::JournalError;
use super::rollouts::{Rollouts, is_locked};
use crate::files;
use crate::model::{Environment, Operator, ProductId, ReleaseId, RolloutId, Slot, Version};
use crate::plan::PlanKind;
use crate::rollout::{Event, Outcome, Record};

/// Sums one rollout up, as far as the first and the last line of its journal tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub rollout: RolloutId,
    /// Its place among the rollouts of the state folder; none in journals of an earlier coalmine.
    pub number: Option<u64>,
    /// Whose fleet it was for.
    pub environment: Environment,
    /// Which product that was of; none in journals of an earlier coalmine.
    pub product: Option<ProductId>,
    /// What it was for.
    pub kind: PlanKind,
    /// What it installed.
    pub version: Version,
    /// The release.
    pub release: ReleaseId,
    /// Who wanted it.
    pub operator: Operator,
    /// Why, in the operator's words.
    pub reason: Option<String>,
    /// Which link it was for; none is the usual one.
    pub slot: Option<Slot>,
    /// Whether it was an emergency.
    pub emergency: bool,
    /// When it was planned.
    pub started: Timestamp,
    /// When the last thing happened in it.
    pub latest: Timestamp,
    /// How it ended and with which exit code; none while it has not.
    pub ended: Option<(Outcome, u8)>,
    /// Whether a conductor runs it.
    pub live: bool,
}

impl Entry {
    /// Tells whether it waits for somebody to resume it.
    #[must_use]
    pub const fn is_resumable(&self) -> bool {
        !self.live && self.ended.is_none()
    }
}

/// Lists the rollouts of a state folder in the order in which they were planned, the first one first: by what their journals say, and
/// not by clocks.
#[derive(Debug, Default)]
pub struct Listing {
    /// Those that could be read.
    pub entries: Vec<Entry>,
    /// Those that could not be, and why.
    pub unreadable: Vec<(RolloutId, JournalError)>,
}

impl Rollouts {
    /// Lists every rollout; reads the ends of each journal and not what is between them.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read. A journal that cannot be is listed as such.
    pub fn list(&self) -> Result<Listing, JournalError> {
        let mut listing = Listing::default();
        for rollout in self.ids()? {
            match self.entry(&rollout) {
                Ok(entry) => listing.entries.push(entry),
                // Its disk was full when it was planned: it never began.
                Err(_) if self.never_began(&rollout) => {}
                Err(error) => listing.unreadable.push((rollout, error)),
            }
        }
        let place = |entry: &Entry| (entry.number, entry.started);
        listing.entries.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.rollout.cmp(&b.rollout)));
        Ok(listing)
    }

    /// Says of which product an environment is, and by which rollout: by any that says it, since all of them are of the same.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read. A journal that cannot be says nothing.
    pub fn product_of(&self, environment: &Environment) -> Result<Option<(RolloutId, ProductId)>, JournalError> {
        let mut rollouts = self.ids()?;
        // Ids begin with the time: the latest are the likeliest to say it, and no other is opened then.
        rollouts.sort_unstable_by(|a, b| b.cmp(a));
        // An environment that is new, or long unused, has all of them opened: no more is read of each than says it.
        let product = |rollout: RolloutId| {
            let path = self.journal(&rollout);
            let first = first(&mut files::open(&path).ok()?, &path).ok()?;
            Some((rollout, first.plan.product.filter(|_| first.plan.environment == *environment)?))
        };
        Ok(rollouts.into_iter().find_map(product))
    }

    fn ids(&self) -> Result<Vec<RolloutId>, JournalError> {
        let folders = match files::list(self.root()) {
            Ok(folders) => folders,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(JournalError::io("list", self.root())(error)),
        };
        let mut rollouts = Vec::new();
        for folder in folders {
            let name = folder.map_err(JournalError::io("list", self.root()))?.file_name();
            rollouts.extend(name.to_str().and_then(|name| RolloutId::new(name).ok()));
        }
        Ok(rollouts)
    }

    /// Gives a number that is greater than that of every rollout that is there.
    ///
    /// Whoever plans a rollout holds the lock of its environment, so that two of one environment never get the same.
    pub(super) fn next_number(&self) -> Result<u64, JournalError> {
        let listing = self.list()?;
        // Those of an earlier coalmine have none, and come before all that have.
        Ok(listing.entries.iter().filter_map(|entry| entry.number).max().unwrap_or(0).saturating_add(1))
    }

    /// Tells whether a journal has no whole line, nobody writes one, and none is lost.
    fn never_began(&self, rollout: &RolloutId) -> bool {
        let Ok(mut file) = files::open(&self.journal(rollout)) else {
            return false;
        };
        let mut head = Vec::new();
        let read = file.by_ref().take(64 * 1024 * 1024).read_to_end(&mut head);
        let is_empty = read.is_ok() && !head.contains(&b'\n') && is_locked(&file).is_ok_and(|live| !live);
        is_empty && self.stands_alone(rollout)
    }

    /// Tells whether nothing stands beside a journal: whatever does was made after the first record was on the disk.
    fn stands_alone(&self, rollout: &RolloutId) -> bool {
        let of_others = |name: &OsStr| name != "journal.jsonl" && !name.as_encoded_bytes().starts_with(b".tmp");
        let mut entries = files::list(&self.folder(rollout)).into_iter().flatten().flatten();
        !entries.any(|entry| of_others(&entry.file_name()))
    }

    /// Sums one rollout up.
    ///
    /// # Errors
    ///
    /// When there is no such rollout, or when one of the journal's ends cannot be read.
    pub fn entry(&self, rollout: &RolloutId) -> Result<Entry, JournalError> {
        let path = self.journal(rollout);
        let mut file = files::open(&path).map_err(|error| JournalError::opening(rollout, &path, error))?;
        let live = is_locked(&file).map_err(JournalError::io("ask for the lock of", &path))?;
        let first = first(&mut file, &path)?;
        let last = last(&mut file, &path)?;
        let plan = first.plan;
        Ok(Entry {
            rollout: plan.rollout,
            number: first.number,
            environment: plan.environment,
            product: plan.product,
            kind: plan.kind,
            version: plan.version,
            release: plan.release,
            operator: plan.operator,
            reason: plan.reason,
            slot: plan.slot,
            emergency: plan.emergency,
            started: first.at,
            latest: last.at,
            ended: match last.event {
                Event::RolloutFinished { outcome, exit_code, .. } => Some((outcome, exit_code)),
                _ => None,
            },
            live,
        })
    }
}

/// Holds what the index wants of the first record.
#[derive(Deserialize)]
struct First {
    v: u32,
    at: Timestamp,
    #[serde(default)]
    number: Option<u64>,
    plan: PlanHead,
}

#[derive(Deserialize)]
struct PlanHead {
    rollout: RolloutId,
    environment: Environment,
    #[serde(default)]
    product: Option<ProductId>,
    kind: PlanKind,
    version: Version,
    release: ReleaseId,
    operator: Operator,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    slot: Option<Slot>,
    #[serde(default)]
    emergency: bool,
}

/// Reads the head of the plan; the fleet behind it may be megabytes, which nobody wants to read for a list.
fn first(file: &mut File, path: &Path) -> Result<First, JournalError> {
    let mut head = Vec::new();
    file.take(16 * 1024).read_to_end(&mut head).map_err(JournalError::io("read", path))?;
    let damaged = |why: String| JournalError::Damaged { path: path.to_owned(), line: 1, why };
    // A quote inside a JSON text is escaped, so these bytes are the key and nothing else.
    let key = br#","policy":"#;
    let cut = head.windows(key.len()).position(|window| window == key);
    let first: First = if let Some((start, _)) = cut.map(|cut| head.split_at(cut)) {
        serde_json::from_slice(&[start, b"}}"].concat())
    } else {
        file.read_to_end(&mut head).map_err(JournalError::io("read", path))?;
        serde_json::from_slice(head.split(|&byte| byte == b'\n').next().unwrap_or_default())
    }
    .map_err(|error| damaged(format!("not the plan of a rollout: {error}")))?;
    if first.v != Record::VERSION {
        return Err(JournalError::Version { path: path.to_owned(), line: 1, found: first.v });
    }
    Ok(first)
}

/// Reads the last whole line, however long it is.
fn last(file: &mut File, path: &Path) -> Result<Record, JournalError> {
    let length = file.metadata().map_err(JournalError::io("look at", path))?.len();
    let mut window: u64 = 16 * 1024;
    loop {
        let start = length.saturating_sub(window);
        let mut tail = Vec::new();
        file.seek(SeekFrom::Start(start)).map_err(JournalError::io("read", path))?;
        file.take(length - start).read_to_end(&mut tail).map_err(JournalError::io("read", path))?;
        let whole = tail.iter().rposition(|&byte| byte == b'\n').and_then(|end| tail.get(..end)).unwrap_or_default();
        let begin = whole.iter().rposition(|&byte| byte == b'\n').map(|before| before + 1);
        if begin.is_none() && start > 0 {
            window *= 8;
            continue;
        }
        let line = whole.get(begin.unwrap_or(0)..).unwrap_or_default();
        let damaged = |why: String| JournalError::DamagedEnd { path: path.to_owned(), why };
        let text = std::str::from_utf8(line).map_err(|error| damaged(error.to_string()))?;
        return Record::from_line(text).map_err(|error| damaged(error.to_string()));
    }
}
