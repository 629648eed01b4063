//! What of the built releases goes, what stays and why, as a table and as JSON.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::narrate::Style;
use super::table::table;
use crate::model::{Bytes, Commit, Environment, ReleaseId, Version};
use crate::release::{Built, Kept, Need};
use crate::words::{Tone, count, day_and_time};

/// Holds a release that goes, or is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoingRow {
    /// The release.
    pub release: ReleaseId,
    /// Its version.
    pub version: Version,
    /// What it was built of.
    pub commit: Commit,
    /// When.
    pub built_at: Timestamp,
    /// What it takes of the disk.
    pub bytes: u64,
}

/// Holds a release that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StayingRow {
    /// The release.
    pub release: ReleaseId,
    /// Its version.
    pub version: Version,
    /// What it was built of.
    pub commit: Commit,
    /// When.
    pub built_at: Timestamp,
    /// What it takes of the disk.
    pub bytes: u64,
    /// Why it stays.
    pub why: Need,
    /// Whose need that is; none of them where it is nobody's in particular.
    pub environments: BTreeSet<Environment>,
}

/// Holds what `releases prune --output json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PruneReport {
    /// The version of the format.
    pub schema: u32,
    /// Which product's releases go.
    pub product: String,
    /// How many of the newest built stay in any case.
    pub keep: usize,
    /// Whether this only tells what would go.
    pub dry_run: bool,
    /// What goes, or is gone, oldest build first.
    pub goes: Vec<GoingRow>,
    /// What stays, oldest build first.
    pub stays: Vec<StayingRow>,
    /// What is packed of it and goes with it.
    pub packs_bytes: u64,
    /// What that frees, packs too.
    pub freed_bytes: u64,
}

impl PruneReport {
    /// Makes the report of what is to go, and of packs that go with it.
    #[must_use]
    pub fn new(product: &str, keep: usize, goes: &[Built], stays: &[Kept], packs: Bytes) -> Self {
        let releases: Bytes = goes.iter().map(|built| built.bytes).sum();
        let going = |built: &Built| GoingRow {
            version: built.id.version().clone(),
            release: built.id.clone(),
            commit: built.commit.clone(),
            built_at: built.built_at,
            bytes: built.bytes.0,
        };
        let staying = |Kept { built, need, environments }: &Kept| StayingRow {
            version: built.id.version().clone(),
            release: built.id.clone(),
            commit: built.commit.clone(),
            built_at: built.built_at,
            bytes: built.bytes.0,
            why: *need,
            environments: environments.clone(),
        };
        Self {
            schema: 1,
            product: product.to_owned(),
            keep,
            dry_run: false,
            goes: goes.iter().map(going).collect(),
            stays: stays.iter().map(staying).collect(),
            packs_bytes: packs.0,
            freed_bytes: releases.saturating_add(packs).0,
        }
    }

    /// Writes for people what is to go: a table, and what it comes to.
    #[must_use]
    pub fn text(&self, style: &Style) -> Vec<String> {
        self.table(style, "goes").into_iter().chain([self.sum()]).collect()
    }

    /// Writes for people what is gone: a table, and what it came to.
    #[must_use]
    pub fn done_text(&self, style: &Style) -> Vec<String> {
        self.table(style, "gone").into_iter().chain([self.gone()]).collect()
    }

    fn table(&self, style: &Style, goes: &str) -> Vec<String> {
        let row = |release: &ReleaseId, at: Timestamp, bytes: u64, what: &str, why: String| {
            let built = day_and_time(at, &style.zone);
            vec![release.to_string(), built, format!("{:>9}", Bytes(bytes).to_string()), what.to_owned(), why]
        };
        let why = |row: &StayingRow| {
            let environments: Vec<&str> = row.environments.iter().map(Environment::as_str).collect();
            let of = if environments.is_empty() { String::new() } else { format!(": {}", environments.join(", ")) };
            format!("{}{of}", row.why)
        };
        let goes = self.goes.iter().map(|going| row(&going.release, going.built_at, going.bytes, goes, String::new()));
        let stays = self.stays.iter().map(|kept| row(&kept.release, kept.built_at, kept.bytes, "stays", why(kept)));
        let rows: Vec<Vec<String>> = goes.chain(stays).collect();
        let mut lines = Vec::new();
        if !rows.is_empty() {
            let heads = ["release", "built", "     size", "", "why"];
            let going = self.goes.len();
            let tone = |row, column| (row < going && column == 3).then_some(Tone::Warn);
            lines = table(&heads, rows, style.look, tone);
            lines.push(String::new());
        }
        lines
    }

    /// Says in one line what goes, what stays and what that frees.
    fn sum(&self) -> String {
        if self.goes.is_empty() && self.stays.is_empty() {
            return "nothing is built".to_owned();
        }
        if self.goes.is_empty() {
            return format!("nothing goes: {} {}", count(self.stays.len(), "release"), self.stay());
        }
        let go = if self.goes.len() == 1 { "goes" } else { "go" };
        format!(
            "{} {go}, {} {}; {}",
            count(self.goes.len(), "release"),
            self.stays.len(),
            self.stay(),
            self.room("frees")
        )
    }

    const fn stay(&self) -> &'static str {
        if self.stays.len() == 1 { "stays" } else { "stay" }
    }

    /// Says in one line what is gone, and how much room that made.
    #[must_use]
    pub fn gone(&self) -> String {
        let are = if self.goes.len() == 1 { "is" } else { "are" };
        format!("{} {are} gone; {}", count(self.goes.len(), "release"), self.room("freed"))
    }

    fn room(&self, frees: &str) -> String {
        let packs = Bytes(self.packs_bytes);
        let of_them = if packs.0 == 0 { String::new() } else { format!(", {packs} of it packs") };
        format!("{frees} {}{of_them}", Bytes(self.freed_bytes))
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::model::Digest;
    use crate::words::{Look, Typed};

    fn built(version: &str, mebibytes: u64) -> Built {
        Built {
            id: format!("{version}-0000000a").parse().unwrap(),
            commit: "a".repeat(40).parse().unwrap(),
            digest: Digest([1; 32]),
            built_at: Timestamp::UNIX_EPOCH,
            bytes: Bytes(mebibytes << 20),
        }
    }

    #[test]
    fn what_goes_comes_first_and_what_stays_says_for_whom() {
        let production = BTreeSet::from([Environment::new("production").unwrap()]);
        let stays = [
            Kept { built: built("1.1.0", 1500), need: Need::GoesBackTo, environments: production },
            Kept { built: built("1.2.0", 3), need: Need::Newest, environments: BTreeSet::new() },
        ];
        let style = Style { look: Look::default(), zone: TimeZone::UTC, verbose: false, typed: Typed::default() };
        let report = PruneReport::new("scap", 1, &[built("1.0.0", 20)], &stays, Bytes(2 << 20));
        let text = report.text(&style).join("\n");
        insta::assert_snapshot!(text, @"
        release         built                  size         why
        1.0.0-0000000a  1970-01-01 00:00   20.0 MiB  goes
        1.1.0-0000000a  1970-01-01 00:00    1.5 GiB  stays  goes back to: production
        1.2.0-0000000a  1970-01-01 00:00    3.0 MiB  stays  newest

        1 release goes, 2 stay; frees 22.0 MiB, 2.0 MiB of it packs
        ");
        assert_eq!(report.gone(), "1 release is gone; freed 22.0 MiB, 2.0 MiB of it packs");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((&json["schema"], &json["stays"][0]["why"]), (&1.into(), &"goes_back_to".into()));
        assert_eq!(json["freed_bytes"], 22 << 20);
        let nothing = PruneReport::new("scap", 1, &[], &stays, Bytes(0));
        assert!(nothing.text(&style).last().unwrap().starts_with("nothing goes: "), "{nothing:?}");
    }
}
