use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::ast::{Chain, Expression, Kind, Operator, Selector, Term};
use super::error::ResolveError;
use super::fold::fold;
use super::group::GroupName;
use super::name::Name;
use super::nearest::nearest;
use crate::model::HostId;

/// What a universe says when a group or a file cannot be read.
pub type UniverseError = Arc<dyn std::error::Error + Send + Sync>;

/// The hosts that an expression may choose from, in their order, and the groups that it may name.
pub trait Universe {
    /// Gives the hosts, each once: what globs, regexes and "all but" go through, and the order of every result.
    fn hosts(&self) -> &[HostId];

    /// Gives the groups that `@*` stands for.
    fn groups(&self) -> Vec<GroupName>;

    /// Gives the hosts of a group, `None` if there is no such group; hosts outside the universe are passed over.
    ///
    /// # Errors
    ///
    /// When the group is known and cannot be read.
    fn group(&self, name: &GroupName) -> Result<Option<&[HostId]>, UniverseError>;

    /// Gives the hosts that the file of an `@path/to/file` lists.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    fn file(&self, path: &Path) -> Result<Vec<HostId>, UniverseError>;
}

impl Expression {
    /// Gives the hosts of the universe that the expression matches: in the universe's order, each once, and at least one.
    ///
    /// # Errors
    ///
    /// When a term matches nothing (see this room's docs), or a group or file cannot be read.
    pub fn resolve(&self, universe: &(impl Universe + ?Sized)) -> Result<Vec<HostId>, ResolveError> {
        let hosts = universe.hosts();
        let mut places = HashMap::with_capacity(hosts.len());
        for (place, host) in hosts.iter().enumerate() {
            places.entry(host.as_str()).or_insert(place);
        }
        let resolver = Resolver { expression: self, universe, hosts, places };
        let places = resolver.chain(&self.root)?;
        if places.is_empty() {
            return Err(ResolveError::NothingTogether { expression: self.source.as_ref().to_owned() });
        }
        Ok(places.into_iter().filter_map(|place| hosts.get(place)).cloned().collect())
    }
}

struct Resolver<'a, U: ?Sized> {
    expression: &'a Expression,
    universe: &'a U,
    hosts: &'a [HostId],
    places: HashMap<&'a str, usize>,
}

/// Places of hosts; whatever is done with a term costs what the term has, not what the universe has.
struct Selected {
    held: Vec<bool>,
    /// Every place that is held, and maybe some that no longer are.
    touched: Vec<usize>,
}

impl Selected {
    fn is_held(&self, place: usize) -> bool {
        self.held.get(place).copied().unwrap_or(false)
    }

    fn set(&mut self, place: usize, wanted: bool) {
        if let Some(held) = self.held.get_mut(place) {
            if wanted && !*held {
                self.touched.push(place);
            }
            *held = wanted;
        }
    }

    /// Takes in the places of a term, each of them once.
    fn apply(&mut self, operator: Operator, places: Vec<usize>) {
        match operator {
            Operator::Union => places.into_iter().for_each(|place| self.set(place, true)),
            Operator::Minus => places.into_iter().for_each(|place| self.set(place, false)),
            Operator::Difference => places.into_iter().for_each(|place| self.set(place, !self.is_held(place))),
            Operator::Intersection => {
                let both: Vec<usize> = places.into_iter().filter(|&place| self.is_held(place)).collect();
                for place in std::mem::take(&mut self.touched) {
                    self.set(place, false);
                }
                both.into_iter().for_each(|place| self.set(place, true));
            }
        }
    }

    fn into_places(mut self) -> Vec<usize> {
        let mut places = std::mem::take(&mut self.touched);
        places.retain(|&place| self.is_held(place));
        sorted(places)
    }
}

fn sorted(mut places: Vec<usize>) -> Vec<usize> {
    places.sort_unstable();
    places.dedup();
    places
}

impl<U: Universe + ?Sized> Resolver<'_, U> {
    fn chain(&self, chain: &Chain) -> Result<Vec<usize>, ResolveError> {
        if chain.rest.is_empty() {
            return self.term(&chain.first);
        }
        let mut selected = Selected { held: vec![false; self.hosts.len()], touched: Vec::new() };
        for (operator, term) in chain.terms() {
            selected.apply(operator, self.term(term)?);
        }
        Ok(selected.into_places())
    }

    /// Gives the places of a term, in order, each once, at least one.
    fn term(&self, term: &Term) -> Result<Vec<usize>, ResolveError> {
        let places = match &term.kind {
            Kind::Name(name) => self.name(name),
            Kind::Regex(regex) => self.matching(|name| regex.is_match(name)),
            Kind::Group(Selector::One(name)) => return self.group(term, name),
            Kind::Group(Selector::Glob(glob)) => return self.groups(term, glob),
            Kind::File(path) => return self.file(term, path),
            Kind::Parentheses(chain) => self.chain(chain)?,
            Kind::AllBut(spared) => {
                let spared = self.term(spared)?;
                let mut spared = spared.into_iter().peekable();
                (0..self.hosts.len()).filter(|place| spared.next_if_eq(place).is_none()).collect()
            }
        };
        if places.is_empty() {
            return Err(self.nothing(term));
        }
        Ok(places)
    }

    fn name(&self, name: &Name) -> Vec<usize> {
        if let Some(literal) = name.literal() {
            return self.places.get(literal).copied().into_iter().collect();
        }
        if name.is_wild() {
            let mut matcher = name.matcher();
            return self.matching(|name| matcher.matches(name));
        }
        let mut places = Vec::new();
        name.each(&mut |name| places.extend(self.places.get(name)));
        sorted(places)
    }

    fn matching(&self, mut matches: impl FnMut(&str) -> bool) -> Vec<usize> {
        let hosts = self.hosts.iter().enumerate();
        hosts.filter_map(|(place, host)| matches(host.as_str()).then_some(place)).collect()
    }

    fn members(&self, term: &Term, name: &GroupName) -> Result<Option<&[HostId]>, ResolveError> {
        self.universe
            .group(name)
            .map_err(|reason| ResolveError::Unreadable { term: self.expression.text(term).to_owned(), reason })
    }

    fn group(&self, term: &Term, name: &GroupName) -> Result<Vec<usize>, ResolveError> {
        let Some(members) = self.members(term, name)? else {
            return Err(self.no_such_group(term, name.as_str()));
        };
        self.within(term, sorted(self.places_of(members)), members.len())
    }

    fn groups(&self, term: &Term, glob: &Name) -> Result<Vec<usize>, ResolveError> {
        let mut matcher = glob.matcher();
        let groups: Vec<GroupName> =
            self.universe.groups().into_iter().filter(|name| matcher.matches(name.as_str())).collect();
        if groups.is_empty() {
            return Err(self.no_such_group(term, self.expression.text(term).trim_start_matches('@')));
        }
        let mut places = Vec::new();
        let mut members = HashSet::new();
        for name in &groups {
            let hosts = self.members(term, name)?.unwrap_or_default();
            places.extend(self.places_of(hosts));
            members.extend(hosts);
        }
        self.within(term, sorted(places), members.len())
    }

    fn places_of(&self, hosts: &[HostId]) -> Vec<usize> {
        hosts.iter().filter_map(|host| self.places.get(host.as_str()).copied()).collect()
    }

    fn within(&self, term: &Term, places: Vec<usize>, members: usize) -> Result<Vec<usize>, ResolveError> {
        if !places.is_empty() {
            return Ok(places);
        }
        let term = self.expression.text(term).to_owned();
        Err(match members {
            0 => ResolveError::Empty { term },
            _ => ResolveError::Elsewhere { term, members, hosts: self.hosts.len() },
        })
    }

    fn file(&self, term: &Term, path: &Path) -> Result<Vec<usize>, ResolveError> {
        let text = || self.expression.text(term).to_owned();
        let hosts = self.universe.file(path).map_err(|reason| ResolveError::Unreadable { term: text(), reason })?;
        let strangers: Vec<HostId> =
            hosts.iter().filter(|host| !self.places.contains_key(host.as_str())).cloned().collect();
        if !strangers.is_empty() {
            return Err(ResolveError::Strangers {
                term: text(),
                strangers: fold(&strangers),
                count: strangers.len(),
                hosts: self.hosts.len(),
            });
        }
        self.within(term, sorted(self.places_of(&hosts)), hosts.len())
    }

    fn no_such_group(&self, term: &Term, wanted: &str) -> ResolveError {
        let groups = self.universe.groups();
        let hint = if let Some(near) = nearest(wanted, groups.iter().map(GroupName::as_str)) {
            format!("; did you mean `@{near}`?")
        } else if groups.is_empty() {
            "; the configuration has no [groups]".to_owned()
        } else {
            let shown: Vec<String> = groups.iter().take(8).map(|name| format!("@{name}")).collect();
            let more = if groups.len() > shown.len() { ", …" } else { "" };
            format!("; there are {}{more}", shown.join(", "))
        };
        ResolveError::NoSuchGroup { term: self.expression.text(term).to_owned(), hint }
    }

    fn nothing(&self, term: &Term) -> ResolveError {
        let text = self.expression.text(term);
        let hint = match &term.kind {
            Kind::Name(name) => name.literal().and_then(|literal| self.meant(literal)),
            _ => None,
        };
        ResolveError::Nothing {
            term: text.to_owned(),
            hosts: self.hosts.len(),
            hint: hint.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?")),
        }
    }

    /// Guesses what a name that is nobody's was meant to be: a group, a name without its domain, or a slip of the finger.
    fn meant(&self, literal: &str) -> Option<String> {
        if self.universe.groups().iter().any(|name| name.as_str() == literal) {
            return Some(format!("@{literal}"));
        }
        let names = || self.hosts.iter().map(HostId::as_str);
        let longer = names().find(|name| name.strip_prefix(literal).is_some_and(|rest| rest.starts_with('.')));
        longer.or_else(|| nearest(literal, names())).map(ToOwned::to_owned)
    }
}
