//! Which of a product's tags is the latest, and why.

use jiff::Timestamp;

use super::git::Tag;
use super::order::VersionOrder;

/// How much older than others of its shape the newest version may be before its order is doubted.
const DOUBTFUL: i64 = 90 * 24 * 3600;
/// How many tags a reason names.
const NAMED: usize = 4;

/// Holds the tags that may be the latest, best first, and what is to be told of the choice.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// Releases, newest first; then pre-releases; then what has no number.
    pub(super) candidates: Vec<Tag>,
    all: usize,
}

/// Tells why the order of the tags is not believed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Doubt {
    pub(super) chosen: String,
    pub(super) chosen_at: Timestamp,
    /// How many tags of its shape are newer by date.
    pub(super) newer: usize,
    pub(super) newest: String,
    pub(super) newest_at: Timestamp,
}

impl Choice {
    /// Chooses from tags, oldest version first.
    pub(super) fn of(tags: Vec<Tag>, order: &VersionOrder) -> Self {
        let all = tags.len();
        let mut candidates: Vec<Tag> = tags.into_iter().rev().collect();
        // Stable: within a rank the newest stays first.
        candidates.sort_by_key(|tag| match tag {
            tag if !order.has_number(&tag.name) => 2,
            tag if order.is_prerelease(&tag.name) => 1,
            _ => 0,
        });
        Self { candidates, all }
    }

    /// Says why a tag is the latest, and what was passed over for it.
    pub(super) fn why(&self, chosen: &Tag, order: &VersionOrder, withdrawn: &[String]) -> Vec<String> {
        let mut parts = vec![format!("newest of {}", count(self.all, "tag"))];
        let newer = |tag: &&Tag| tag.at > chosen.at && tag.name != chosen.name;
        let is_chosen_finished = !order.is_prerelease(&chosen.name);
        let mut pre: Vec<&str> = Vec::new();
        let mut without: Vec<&str> = Vec::new();
        for tag in self.candidates.iter().filter(newer) {
            if !order.has_number(&tag.name) {
                without.push(&tag.name);
            } else if is_chosen_finished && order.is_prerelease(&tag.name) {
                pre.push(&tag.name);
            }
        }
        if !pre.is_empty() {
            let verb = if pre.len() == 1 {
                "newer by date is counted as a pre-release"
            } else {
                "newer by date are counted as pre-releases"
            };
            parts.push(format!("{} {verb}: {}", pre.len(), names(&pre)));
        }
        if order.has_number(&chosen.name) && !without.is_empty() {
            let verb = if without.len() == 1 { "has no number" } else { "have no number" };
            parts.push(format!("{} newer by date {verb}: {}", without.len(), names(&without)));
        }
        let mut notes = vec![format!("{} is the {}", chosen.name, parts.join("; "))];
        let gone: Vec<&str> = withdrawn
            .iter()
            .map(String::as_str)
            .filter(|name| order.has_number(name) && order.compare(name, &chosen.name).is_gt())
            .collect();
        if !gone.is_empty() {
            let verb = if gone.len() == 1 { "was" } else { "were" };
            notes.push(format!(
                "{} {verb} withdrawn upstream, and {} passed over",
                names(&gone),
                if gone.len() == 1 { "is" } else { "are" }
            ));
        }
        let twins: Vec<&str> = self
            .candidates
            .iter()
            .filter(|tag| tag.name != chosen.name && order.is_same_version(&tag.name, &chosen.name))
            .map(|tag| tag.name.as_str())
            .collect();
        if !twins.is_empty() {
            let same = self.candidates.iter().filter(|tag| twins.contains(&tag.name.as_str()));
            let same =
                if same.clone().all(|tag| tag.commit == chosen.commit) { "the same commit" } else { "another commit" };
            notes.push(format!(
                "{} spells the same version as {}, of {same}: name the one that is meant",
                names(&twins),
                chosen.name
            ));
        }
        notes
    }

    /// Doubts a choice that is much older by date than others that are written like it.
    ///
    /// An older line that is carried on (`1.9.5` after `2.0.0`) is no reason: its own last version is older by date and by number.
    pub(super) fn doubt(&self, chosen: &Tag, order: &VersionOrder) -> Option<Doubt> {
        if order.is_settled() || order.is_prerelease(&chosen.name) {
            return None;
        }
        let alike: Vec<&Tag> = self
            .candidates
            .iter()
            .filter(|tag| tag.name != chosen.name && VersionOrder::is_like(&tag.name, &chosen.name))
            .collect();
        let is_carried_on = |tag: &Tag| {
            let earlier = self.candidates.iter().filter(|earlier| earlier.at < tag.at);
            earlier.into_iter().any(|earlier| order.is_line_of(&earlier.name, &tag.name))
        };
        let newer: Vec<&Tag> = alike.into_iter().filter(|tag| tag.at > chosen.at).collect();
        let newest = newer.iter().filter(|tag| !is_carried_on(tag)).max_by_key(|tag| tag.at)?;
        if newest.at.as_second().saturating_sub(chosen.at.as_second()) < DOUBTFUL {
            return None;
        }
        Some(Doubt {
            chosen: chosen.name.clone(),
            chosen_at: chosen.at,
            newer: newer.len(),
            newest: newest.name.clone(),
            newest_at: newest.at,
        })
    }
}

/// Names the tags that spell one version and are not one commit, pair by pair, of those that lie side by side.
pub(super) fn twins(tags: &[Tag], order: &VersionOrder) -> Vec<(String, String)> {
    let pairs = tags.windows(2).filter_map(|pair| match pair {
        [a, b] if order.is_same_version(&a.name, &b.name) => Some((a.name.clone(), b.name.clone())),
        _ => None,
    });
    pairs.collect()
}

fn names(names: &[&str]) -> String {
    let mut text = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    if let more @ 1.. = names.len().saturating_sub(NAMED) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Choice, twins};
    use crate::model::Version;
    use crate::release::git::Tag;
    use crate::release::order::VersionOrder;

    fn tags(named: &[(&str, i64)]) -> Vec<Tag> {
        let order = VersionOrder::default();
        let mut tags: Vec<Tag> = named
            .iter()
            .enumerate()
            .map(|(at, (name, day))| Tag {
                name: (*name).to_owned(),
                version: Version::new(name).unwrap(),
                commit: format!("{at:040x}").parse().unwrap(),
                at: Timestamp::from_second(day * 24 * 3600).unwrap(),
                author: String::new(),
            })
            .collect();
        tags.sort_by(|a, b| order.compare(&a.name, &b.name));
        tags
    }

    fn chosen(named: &[(&str, i64)]) -> (String, Vec<String>, bool) {
        let order = VersionOrder::default();
        let choice = Choice::of(tags(named), &order);
        let first = choice.candidates[0].clone();
        (first.name.clone(), choice.why(&first, &order, &[]), choice.doubt(&first, &order).is_some())
    }

    #[test]
    fn the_reason_says_what_was_passed_over() {
        let (latest, why, doubted) =
            chosen(&[("1.0", 0), ("1.1", 10), ("1.2-rc1", 20), ("2.0-alpha", 30), ("nightly", 40)]);
        assert_eq!(latest, "1.1");
        assert_eq!(
            why,
            ["1.1 is the newest of 5 tags; 2 newer by date are counted as pre-releases: 2.0-alpha, 1.2-rc1; \
              1 newer by date has no number: nightly"]
        );
        assert!(!doubted);
        assert_eq!(chosen(&[("nightly", 0), ("weekly", 5)]).0, "weekly");
        assert_eq!(chosen(&[("1.0-rc1", 0), ("1.0-rc2", 5), ("nightly", 9)]).0, "1.0-rc2");
    }

    #[test]
    fn a_version_of_last_year_is_doubted_and_a_line_that_is_carried_on_is_not() {
        assert!(chosen(&[("30-11-2025", 0), ("31-12-2025", 31), ("02-06-2026", 180), ("05-11-2026", 340)]).2);
        assert!(!chosen(&[("1.9.4", 0), ("2.0.0", 10), ("1.9.5", 200), ("1.9.6", 300)]).2);
        assert!(!chosen(&[("1.9.4", 0), ("2.0.0", 10), ("1.10.0", 60)]).2);
        assert!(!chosen(&[("v1", 0), ("1.0.0", 400), ("v2", 410)]).2);
    }

    #[test]
    fn two_tags_of_one_version_are_told() {
        let order = VersionOrder::default();
        let all = tags(&[("v1.0", 0), ("1.0.0", 1), ("1.1", 2)]);
        assert_eq!(twins(&all, &order), [("v1.0".to_owned(), "1.0.0".to_owned())]);
        let (_, why, _) = chosen(&[("v1.0", 0), ("1.0.0", 1)]);
        assert!(why[1].contains("spells the same version as"), "{why:?}");
    }
}
