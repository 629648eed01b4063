//! Which slot of the cycle a version goes into.

use std::collections::BTreeSet;

use super::deployment::{Answers, Deployment};
use super::error::Error;
use super::notice::Notice;
use super::sequence::Sequence;
use super::slots::SlotUse;
use super::workspace::Selection;
use crate::expr::{fold, nearest};
use crate::host;
use crate::model::{Installed, Probe, ReleaseId, Slot};

/// The slot of a rollout, and why it is that one.
pub(super) struct NextSlot {
    pub(super) slot: Slot,
    pub(super) why: String,
}

impl<F: host::Fleet> Deployment<'_, F> {
    /// Finds the slot of the cycle that a release goes into, by what all hosts of the environment have: whoever asks with whatever
    /// selection gets the same one.
    ///
    /// # Errors
    ///
    /// When there is no cycle, or when every slot of it is in use.
    pub(super) async fn next_slot(&self, release: &ReleaseId) -> Result<NextSlot, Error> {
        let cycle = &self.workspace.config().target.slots;
        if cycle.is_empty() {
            return Err(Error::usage("there is no next slot: target.slots names none; nothing was changed")
                .hint("write `slots = [\"slot0\", \"slot1\"]` under [target], or name one with --slot"));
        }
        let slots = self.slots(&Selection::default()).await?;
        if !slots.silent.is_empty() {
            let silent = fold(&slots.silent);
            let text = format!("the next slot is that of the hosts that answered, and not all did: {silent}");
            self.notify(Notice::warning(text));
        }
        choose(cycle, &slots.uses, release, &self.workspace.sequence()?)
    }

    /// Refuses a slot that is none of the cycle and is called almost as one of it: that was a slip of the finger. Any other is a private
    /// one beside the cycle.
    pub(super) fn refuse_slip(&self, slot: Option<&Slot>) -> Result<(), Error> {
        let Some(slot) = slot.filter(|slot| self.is_private(slot)) else { return Ok(()) };
        let names: Vec<&str> = self.workspace.config().target.slots.iter().map(Slot::as_str).collect();
        let Some(meant) = nearest(slot.as_str(), names.iter().copied()) else { return Ok(()) };
        let names = names.join(", ");
        Err(Error::usage(format!("target.slots has no slot {slot}, only {names}; nothing was changed"))
            .hint(format!("did you mean --slot {meant}?"))
            .hint(format!(
                "a private slot needs a name less like these; for one more of the cycle, write {:?} into target.slots",
                slot.as_str()
            )))
    }

    /// Tells whether a slot is none of the cycle, where there is one.
    fn is_private(&self, slot: &Slot) -> bool {
        let cycle = &self.workspace.config().target.slots;
        !cycle.is_empty() && !cycle.contains(slot)
    }

    /// Refuses to go back in a slot that no host has, nor ever had.
    pub(super) fn refuse_absent_slot(&self, answers: &Answers, slot: &Slot) -> Result<(), Error> {
        let has = |probe: &Probe| probe.installed != Installed::Missing || probe.good.is_some();
        if answers.probes().any(has) || answers.probes().next().is_none() {
            return Ok(());
        }
        let names: BTreeSet<&str> =
            answers.probes().flat_map(|probe| probe.named.iter().map(|named| named.slot.as_str())).collect();
        Err(Error::usage(format!("{}; nothing was changed", no_slot(slot, &Vec::from_iter(names)))))
    }

    /// Refuses a version that has a slot already where it would have the name of a version twice, and says who uses what a slot
    /// loses.
    pub(super) fn heed_slots(&self, answers: &Answers, slot: &Slot, release: &ReleaseId) -> Result<Vec<String>, Error> {
        let is_private = self.is_private(slot);
        // No version's name leads to a private slot, which is found by its own.
        let pattern = self.workspace.config().target.version_link.as_ref().filter(|_| !is_private);
        let name = pattern.map(|name| name.as_str().replace("{version}", release.version().as_str()));
        let (mut elsewhere, mut users) = (Vec::new(), BTreeSet::new());
        let mut other = None;
        for (host, answer) in answers.all() {
            let Ok(probe) = answer else { continue };
            let taken =
                probe.named.iter().find(|named| named.slot != *slot && named.name.is_some() && named.name == name);
            if let Some(taken) = taken {
                elsewhere.push(host.clone());
                other = Some(taken.slot.clone());
            }
            let named = probe.named.iter().filter(|named| named.slot == *slot);
            users.extend(named.flat_map(|named| named.used_by.iter().cloned()));
        }
        if let Some(other) = other {
            let version = release.version();
            return Err(Error::usage(format!(
                "{version} is in slot {other} already on {}, and a version has one slot; nothing was changed",
                fold(&elsewhere)
            ))
            .hint(format!("--slot {other} or --next-slot mends it there"))
            .hint(format!("coalmine slot remove {other} takes it away there")));
        }
        let mut notes = Vec::new();
        if is_private {
            notes.push(format!(
                "slot {slot} is a private one: target.slots does not have it, and no version's name leads to it"
            ));
        }
        if !users.is_empty() {
            let users = Vec::from_iter(users).join(", ");
            notes.push(format!("{users} on hosts leads to slot {slot}, and will lead to this version"));
        }
        Ok(notes)
    }
}

/// Says that no host has a slot, and which there are.
pub fn no_slot(slot: &Slot, names: &[&str]) -> String {
    let there = if names.is_empty() { "no other either".to_owned() } else { format!("there is {}", names.join(", ")) };
    format!("no host has a slot {slot}; {there}")
}

/// Chooses of what hosts have: the slot that has the version already, else the first that nobody has, else the one whose version was
/// finalized longest ago and that nothing else leads to.
fn choose(cycle: &[Slot], uses: &[SlotUse], release: &ReleaseId, sequence: &Sequence) -> Result<NextSlot, Error> {
    let of = |slot: &Slot| uses.iter().filter(|found| found.slot == *slot).collect::<Vec<_>>();
    let names: Vec<&str> = cycle.iter().map(Slot::as_str).collect();
    let chosen = |slot: &Slot, why: &str| NextSlot {
        slot: slot.clone(),
        why: format!("slot {slot} is the next of {}: {why}", names.join(", ")),
    };
    let has = |slot: &&Slot| of(slot).iter().any(|found| found.release.version() == release.version());
    if let Some(slot) = cycle.iter().find(has) {
        return Ok(chosen(slot, "it has this version already"));
    }
    if let Some(slot) = cycle.iter().find(|slot| of(slot).is_empty()) {
        return Ok(chosen(slot, "no host has it yet"));
    }
    let free = cycle.iter().filter(|slot| of(slot).iter().all(|found| found.used_by.is_empty()));
    // A slot is as young as the youngest that is in it anywhere.
    let since = |slot: &Slot| {
        let each = of(slot).into_iter().map(|found| found.since.as_ref());
        each.max_by(|a, b| sequence.compare(*a, *b)).flatten()
    };
    let oldest = free.min_by(|a, b| sequence.compare(since(a), since(b)));
    if let Some(slot) = oldest {
        return Ok(chosen(slot, &format!("what it has came longest ago, {}", told(&of(slot)))));
    }
    let mut text = "every slot of target.slots is in use; nothing was changed".to_owned();
    for slot in cycle {
        let found = of(slot);
        let users: Vec<&str> = found.iter().flat_map(|found| found.used_by.iter().map(String::as_str)).collect();
        text.push_str(&format!("\n  {slot}: {}, to which {} leads", told(&found), users.join(", ")));
    }
    Err(Error::before(text)
        .hint("let those links lead elsewhere, or add a slot to target.slots")
        .hint("--slot NAME takes one all the same"))
}

/// Tells what a slot has.
fn told(found: &[&SlotUse]) -> String {
    let each = found.iter().map(|found| format!("{} on {}", found.release.version(), fold(&found.hosts)));
    each.collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Sequence, choose};
    use crate::deploy::SlotUse;
    use crate::model::{HostId, RolloutId, Slot};

    fn used(slot: &str, version: &str, since: Option<&str>, used_by: &[&str]) -> SlotUse {
        SlotUse {
            slot: Slot::new(slot).unwrap(),
            release: format!("{version}-00000000").parse().unwrap(),
            hosts: vec![HostId::new("mw01").unwrap()],
            name: None,
            since: since.map(|since| RolloutId::new(since).unwrap()),
            used_by: used_by.iter().map(|link| (*link).to_owned()).collect::<BTreeSet<_>>(),
        }
    }

    fn next(uses: &[SlotUse], version: &str) -> Result<String, String> {
        let cycle = ["a", "b", "c"].map(|slot| Slot::new(slot).unwrap());
        let release = format!("{version}-11111111").parse().unwrap();
        choose(&cycle, uses, &release, &Sequence::default())
            .map(|next| next.slot.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_version_goes_where_it_is_then_where_nothing_is_then_where_the_oldest_is() {
        let (one, two) = (used("a", "1", Some("20260101"), &[]), used("b", "2", Some("20260102"), &[]));
        let three = |since| used("c", "3", since, &[]);
        assert_eq!(next(&[], "1").unwrap(), "a");
        assert_eq!(next(std::slice::from_ref(&two), "1").unwrap(), "a");
        assert_eq!(next(&[one.clone(), two.clone()], "2").unwrap(), "b", "built anew it is the same version");
        assert_eq!(next(&[one.clone(), two.clone()], "3").unwrap(), "c");
        assert_eq!(next(&[one.clone(), two.clone(), three(Some("20260103"))], "4").unwrap(), "a");
        // What was gone back to is as old as can be, and so is what no rollout finished.
        assert_eq!(next(&[one.clone(), two.clone(), three(None)], "4").unwrap(), "c");
        // A slot is as young as the youngest that is in it anywhere.
        let again = used("a", "0", Some("20260104"), &[]);
        assert_eq!(next(&[one, again, two, three(Some("20260103"))], "4").unwrap(), "b");
    }

    #[test]
    fn what_somebody_uses_is_passed_over_and_a_cycle_in_use_is_refused_by_name() {
        let cycle = |last: &[&str]| {
            [
                used("a", "1", None, &["stable"]),
                used("b", "2", Some("20260102"), &["php"]),
                used("c", "3", Some("20260103"), last),
            ]
        };
        assert_eq!(next(&cycle(&[]), "4").unwrap(), "c");
        let refused = next(&cycle(&["x", "y"]), "4").unwrap_err();
        assert!(refused.contains("every slot") && refused.contains("c: 3 on mw01, to which x, y leads"), "{refused}");
    }
}
