//! Sets of hosts: what is asked of them at every answer of every host takes no search.

use crate::model::{HostIdx, HostRange};

const BITS: usize = u64::BITS as usize;

/// Holds hosts by their places in a plan.
#[derive(Debug, Default, Clone)]
pub(super) struct HostSet {
    words: Vec<u64>,
    len: usize,
    /// No word before this one has a host.
    first: usize,
}

impl HostSet {
    pub(super) fn contains(&self, index: HostIdx) -> bool {
        self.words.get(index.0 / BITS).is_some_and(|word| word >> (index.0 % BITS) & 1 == 1)
    }

    pub(super) fn insert(&mut self, index: HostIdx) {
        let place = index.0 / BITS;
        if self.words.len() <= place {
            self.words.resize(place + 1, 0);
        }
        if let Some(word) = self.words.get_mut(place) {
            let before = *word;
            *word |= 1 << (index.0 % BITS);
            self.first = if self.len == 0 { place } else { self.first.min(place) };
            self.len += usize::from(before != *word);
        }
    }

    /// Takes a host out; tells whether it was there.
    pub(super) fn remove(&mut self, index: HostIdx) -> bool {
        let Some(word) = self.words.get_mut(index.0 / BITS) else { return false };
        let before = *word;
        *word &= !(1 << (index.0 % BITS));
        let was_there = before != *word;
        self.len -= usize::from(was_there);
        while self.words.get(self.first) == Some(&0) {
            self.first += 1;
        }
        was_there
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Gives all of them, in the plan's order.
    pub(super) fn iter(&self) -> impl Iterator<Item = HostIdx> {
        self.but(None, HostIdx(usize::MAX))
    }

    /// Gives those up to a place, in the plan's order.
    pub(super) fn before(&self, end: HostIdx) -> impl Iterator<Item = HostIdx> {
        self.but(None, end)
    }

    /// Gives those up to a place that are not in another set, in the plan's order.
    pub(super) fn before_without(&self, end: HostIdx, others: &Self) -> impl Iterator<Item = HostIdx> {
        self.but(Some(others), end)
    }

    fn but(&self, others: Option<&Self>, end: HostIdx) -> impl Iterator<Item = HostIdx> {
        let words = self.words.iter().enumerate().skip(self.first).take_while(move |(place, _)| place * BITS < end.0);
        let left = words.map(move |(place, word)| {
            let out = others.and_then(|others| others.words.get(place)).copied().unwrap_or(0);
            (place * BITS, word & !out)
        });
        left.flat_map(|(start, word)| Ones(word).map(move |place| HostIdx(start + place)))
            .take_while(move |index| index.0 < end.0)
    }

    /// Counts those in a range.
    pub(super) fn count_in(&self, range: &HostRange) -> usize {
        let up_to = |end: HostIdx| {
            let whole = self.words.iter().take(end.0 / BITS).map(|word| word.count_ones() as usize).sum::<usize>();
            let rest = self.words.get(end.0 / BITS).map_or(0, |word| word & !(u64::MAX << (end.0 % BITS)));
            whole + rest.count_ones() as usize
        };
        up_to(range.end()).saturating_sub(up_to(range.start()))
    }
}

impl FromIterator<HostIdx> for HostSet {
    fn from_iter<T: IntoIterator<Item = HostIdx>>(hosts: T) -> Self {
        let mut set = Self::default();
        hosts.into_iter().for_each(|index| set.insert(index));
        set
    }
}

impl PartialEq for HostSet {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

/// Goes through the places of the ones of a word, the lowest first.
struct Ones(u64);

impl Iterator for Ones {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let place = self.0.trailing_zeros() as usize;
        let lowest = self.0 & self.0.wrapping_neg();
        self.0 ^= lowest;
        (lowest != 0).then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::HostSet;
    use crate::model::{HostIdx, HostRange};

    proptest! {
        /// It is what the library's own set is, whatever was put in and taken out.
        #[test]
        fn it_is_a_set(steps in prop::collection::vec((0usize..300, any::<bool>()), 0..400), others in prop::collection::vec(0usize..300, 0..200), from in 0usize..310, to in 0usize..310) {
            let (mut set, mut known) = (HostSet::default(), BTreeSet::new());
            for (index, goes_in) in steps {
                if goes_in {
                    set.insert(HostIdx(index));
                    known.insert(HostIdx(index));
                } else {
                    prop_assert_eq!(set.remove(HostIdx(index)), known.remove(&HostIdx(index)));
                }
                prop_assert_eq!((set.len(), set.is_empty()), (known.len(), known.is_empty()));
            }
            let others: HostSet = others.into_iter().map(HostIdx).collect();
            let (from, to) = (HostIdx(from), HostIdx(to.max(from)));
            prop_assert!(set.iter().eq(known.iter().copied()));
            prop_assert!(set.before(to).eq(known.range(..to).copied()));
            let without = known.range(..to).copied().filter(|index| !others.contains(*index));
            prop_assert!(set.before_without(to, &others).eq(without));
            prop_assert_eq!(set.count_in(&HostRange::new(from, to)), known.range(from..to).count());
            prop_assert!((0..310).all(|index| set.contains(HostIdx(index)) == known.contains(&HostIdx(index))));
            prop_assert_eq!(&known.iter().copied().collect::<HostSet>(), &set);
        }
    }
}
