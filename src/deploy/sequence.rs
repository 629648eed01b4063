//! Which rollout came after which.

use std::cmp::Ordering;
use std::collections::HashMap;

use jiff::Timestamp;

use super::error::Error;
use super::workspace::Workspace;
use crate::model::RolloutId;

/// The digits of a rollout's name, in the order in which texts sort them.
const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// How many names of four digits there are for each millisecond of a second.
const EACH: u32 = 36_u32.pow(4) / 1000;

/// Knows the numbers of the rollouts of a state folder.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    numbers: HashMap<RolloutId, u64>,
}

impl Workspace {
    /// Reads in which order rollouts of this deploy server were planned.
    ///
    /// # Errors
    ///
    /// When the state folder cannot be read.
    pub(super) fn sequence(&self) -> Result<Sequence, Error> {
        let entries = self.rollouts().list()?.entries.into_iter();
        Ok(Sequence { numbers: entries.filter_map(|entry| Some((entry.rollout, entry.number?))).collect() })
    }
}

impl Sequence {
    /// Compares two rollouts by when they were planned: by their numbers where both are known here, whatever clocks said, else by
    /// their names, which begin with the time. None is before all.
    pub(super) fn compare(&self, a: Option<&RolloutId>, b: Option<&RolloutId>) -> Ordering {
        let number = |rollout: Option<&RolloutId>| self.numbers.get(rollout?);
        match (number(a), number(b)) {
            (Some(a), Some(b)) => a.cmp(b),
            _ => a.cmp(&b),
        }
    }

    /// Gives the later one of two.
    pub(super) fn later(&self, a: Option<RolloutId>, b: Option<RolloutId>) -> Option<RolloutId> {
        if self.compare(a.as_ref(), b.as_ref()).is_lt() { b } else { a }
    }
}

/// Names a rollout.
pub(super) fn new_id() -> Result<RolloutId, Error> {
    RolloutId::new(&name(Timestamp::now(), fastrand::u32(0..EACH))).map_err(Error::before)
}

/// Writes a rollout's name: its start in UTC, and four characters that sort by the millisecond and tell two of the same one apart.
fn name(at: Timestamp, other: u32) -> String {
    let millisecond = u32::try_from(at.subsec_millisecond()).unwrap_or(0);
    let mut rest = millisecond * EACH + other;
    let mut tail = [0_u8; 4];
    for digit in tail.iter_mut().rev() {
        let place = usize::try_from(rest % 36).unwrap_or(0);
        *digit = DIGITS.get(place).copied().unwrap_or(b'0');
        rest /= 36;
    }
    format!("{}-{}", at.strftime("%Y%m%d-%H%M%S"), String::from_utf8_lossy(&tail))
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use jiff::Timestamp;

    use super::{EACH, Sequence, name};
    use crate::model::RolloutId;

    #[test]
    fn names_sort_by_the_millisecond_in_which_a_rollout_was_planned() {
        let at = |millisecond| Timestamp::from_millisecond(1_767_225_600_000_i64 + millisecond).unwrap();
        assert_eq!(name(at(0), 0), "20260101-000000-0000");
        assert_eq!(name(at(999), EACH - 1).len(), "20260101-000000-0000".len());
        for millisecond in 0..2000 {
            assert!(name(at(millisecond), EACH - 1) < name(at(millisecond + 1), 0), "{millisecond}");
        }
    }

    #[test]
    fn what_is_known_here_is_in_the_order_of_its_numbers_and_not_of_its_clock() {
        let id = |name: &str| Some(RolloutId::new(name).unwrap());
        let (early, late, elsewhere) =
            (id("20260101-000000-0000"), id("20260102-000000-0000"), id("20260103-000000-0000"));
        // Its clock was set back between the two.
        let numbers = [(late.clone().unwrap(), 1), (early.clone().unwrap(), 2)].into();
        let sequence = Sequence { numbers };
        assert_eq!(sequence.compare(late.as_ref(), early.as_ref()), Ordering::Less);
        assert_eq!(sequence.later(late.clone(), early.clone()), early);
        assert_eq!(sequence.later(early, elsewhere.clone()), elsewhere);
        assert_eq!(sequence.later(None, late.clone()), late);
    }
}
