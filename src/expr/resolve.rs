use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::net::Ipv6Addr;
use std::path::Path;
use std::sync::Arc;

use super::ast::{Chain, Expression, Kind, Operator, Selector, Term};
use super::error::ResolveError;
use super::fold::fold;
use super::group::GroupName;
use super::name::Name;
use super::nearest::nearest;
use crate::model::HostId;

/// Ranges beside a wildcard of which each value is looked for by itself.
const MOST_GLOBS: u64 = 1_000;
/// Names of a range for which another range is guessed.
const MOST_GUESSED: u64 = 10_000;
/// Bytes of names that a message lists.
const LONGEST_LIST: usize = 400;

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
        self.resolved(universe, false).map(|(hosts, _)| hosts)
    }

    /// As [`Self::resolve`], of hosts that are to be spared (`-x`): each name of a range must be a host's.
    ///
    /// # Errors
    ///
    /// As [`Self::resolve`], and when a range names hosts that do not exist.
    pub fn resolve_spared(&self, universe: &(impl Universe + ?Sized)) -> Result<Vec<HostId>, ResolveError> {
        self.resolved(universe, true).map(|(hosts, _)| hosts)
    }

    /// Says of each range how many of its names are no host's; as much as can be said of an expression that resolves.
    #[must_use]
    pub fn notes(&self, universe: &(impl Universe + ?Sized)) -> Vec<String> {
        self.resolved(universe, false).map(|(_, notes)| notes).unwrap_or_default()
    }

    fn resolved(
        &self,
        universe: &(impl Universe + ?Sized),
        sparing: bool,
    ) -> Result<(Vec<HostId>, Vec<String>), ResolveError> {
        let hosts = universe.hosts();
        let mut places = HashMap::with_capacity(hosts.len());
        for (place, host) in hosts.iter().enumerate() {
            places.entry(host.as_str()).or_insert(place);
        }
        let resolver = Resolver { expression: self, universe, hosts, places, notes: RefCell::default() };
        let places = resolver.chain(&self.root, sparing)?;
        if places.is_empty() {
            return Err(ResolveError::NothingTogether { expression: self.source.as_ref().to_owned() });
        }
        let chosen = places.into_iter().filter_map(|place| hosts.get(place)).cloned().collect();
        Ok((chosen, resolver.notes.into_inner()))
    }
}

struct Resolver<'a, U: ?Sized> {
    expression: &'a Expression,
    universe: &'a U,
    hosts: &'a [HostId],
    places: HashMap<&'a str, usize>,
    notes: RefCell<Vec<String>>,
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
    /// Gives the places of a chain; `sparing` where what it names is taken away from what is chosen.
    fn chain(&self, chain: &Chain, sparing: bool) -> Result<Vec<usize>, ResolveError> {
        if chain.rest.is_empty() {
            return self.term(&chain.first, sparing);
        }
        let mut selected = Selected { held: vec![false; self.hosts.len()], touched: Vec::new() };
        for (operator, term) in chain.terms() {
            selected.apply(operator, self.term(term, sparing || operator == Operator::Minus)?);
        }
        Ok(selected.into_places())
    }

    /// Gives the places of a term, in order, each once, at least one.
    fn term(&self, term: &Term, sparing: bool) -> Result<Vec<usize>, ResolveError> {
        let places = match &term.kind {
            Kind::Name(name) => self.name(term, name, sparing)?,
            Kind::Regex(regex) => self.matching(|name| regex.is_match(name)),
            Kind::Group(Selector::One(name)) => return self.group(term, name),
            Kind::Group(Selector::Glob(glob)) => return self.groups(term, glob),
            Kind::File(path) => return self.file(term, path),
            Kind::Parentheses(chain) => self.chain(chain, sparing)?,
            Kind::AllBut(spared) => {
                let spared = self.term(spared, true)?;
                let mut spared = spared.into_iter().peekable();
                (0..self.hosts.len()).filter(|place| spared.next_if_eq(place).is_none()).collect()
            }
        };
        if places.is_empty() {
            return Err(self.nothing(term));
        }
        Ok(places)
    }

    fn name(&self, term: &Term, name: &Name, sparing: bool) -> Result<Vec<usize>, ResolveError> {
        if let Some(literal) = name.literal() {
            return Ok(self.places.get(literal).copied().into_iter().collect());
        }
        if name.is_wild() {
            let mut matcher = name.matcher();
            let places = self.matching(|name| matcher.matches(name));
            // Where a range stands beside a wildcard, each of its values has to match somebody.
            if sparing && !places.is_empty() && (2..=MOST_GLOBS).contains(&name.count()) {
                let mut missing = Vec::new();
                name.each(&mut |glob| {
                    let one = Name::glob(glob);
                    let mut matcher = one.matcher();
                    if !self.hosts.iter().any(|host| matcher.matches(host.as_str())) {
                        missing.push(glob.to_owned());
                    }
                });
                self.judge(term, name, &missing, sparing)?;
            }
            return Ok(places);
        }
        let (mut places, mut missing) = (Vec::new(), Vec::new());
        name.each(&mut |name| match self.places.get(name) {
            Some(&place) => places.push(place),
            None => missing.push(name.to_owned()),
        });
        if !places.is_empty() {
            self.judge(term, name, &missing, sparing)?;
        }
        Ok(sorted(places))
    }

    /// Refuses names that are nobody's where they were to spare somebody; notes them elsewhere.
    fn judge(&self, term: &Term, name: &Name, missing: &[String], sparing: bool) -> Result<(), ResolveError> {
        if missing.is_empty() {
            return Ok(());
        }
        let hint = self.range_meant(name);
        let hint = hint.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
        let hosts: Vec<HostId> = missing.iter().filter_map(|name| HostId::new(name).ok()).collect();
        let folded = if hosts.len() == missing.len() { fold(&hosts) } else { missing.join(",") };
        let folded = if folded.len() > LONGEST_LIST { format!("{} of them", missing.len()) } else { folded };
        let (term, count) = (self.expression.text(term).to_owned(), missing.len());
        let of = usize::try_from(name.count()).unwrap_or(usize::MAX);
        if sparing {
            return Err(ResolveError::Missing { term, missing: folded, count, of, hint });
        }
        let verb = if count == 1 { "is" } else { "are" };
        self.notes.borrow_mut().push(format!("{count} of the {of} names of `{term}` {verb} no host: {folded}{hint}"));
        Ok(())
    }

    /// Guesses which hosts a range was meant to name: with other zeros in front of its numbers, or without their domain.
    fn range_meant(&self, name: &Name) -> Option<String> {
        if name.is_wild() || name.count() > MOST_GUESSED {
            return None;
        }
        let mut by_number: HashMap<String, &HostId> = HashMap::new();
        let mut by_short: HashMap<&str, &HostId> = HashMap::new();
        for host in self.hosts {
            by_number.entry(unpadded(host.as_str())).or_insert(host);
            by_short.entry(host.as_str().split('.').next().unwrap_or_default()).or_insert(host);
        }
        let mut names = Vec::new();
        name.each(&mut |name| names.push(name.to_owned()));
        let padded: Vec<HostId> =
            names.iter().filter_map(|name| by_number.get(&unpadded(name)).copied().cloned()).collect();
        let found = names.iter().filter(|name| self.places.contains_key(name.as_str())).count();
        if padded.len() > found {
            return Some(fold(&padded));
        }
        let longer: Vec<HostId> =
            names.iter().filter_map(|name| by_short.get(name.as_str()).copied().cloned()).collect();
        (longer.len() > found).then(|| fold(&longer))
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
            Kind::Name(name) => match name.literal() {
                Some(literal) => self.meant(literal),
                None => self.range_meant(name),
            },
            _ => None,
        };
        let hint = match habit(text) {
            Some(habit) if hint.is_none() || text.contains(':') => format!("; {habit}"),
            _ => hint.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?")),
        };
        ResolveError::Nothing { term: text.to_owned(), hosts: self.hosts.len(), hint }
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

/// Takes the zeros in front of numbers away.
fn unpadded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut characters = name.chars().peekable();
    let mut in_number = false;
    while let Some(c) = characters.next() {
        let leads = c == '0' && !in_number && characters.peek().is_some_and(char::is_ascii_digit);
        if leads {
            continue;
        }
        in_number = c.is_ascii_digit();
        text.push(c);
    }
    text
}

/// Says how what another tool writes so is written here.
fn habit(text: &str) -> Option<String> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return None;
    }
    if text.eq_ignore_ascii_case("all") {
        return Some("every host is `*` here".to_owned());
    }
    if let Some(alias) = text.strip_prefix("A:") {
        return Some(format!("cumin's alias `{text}` is the group `@{alias}` here"));
    }
    let (first, rest) = text.split_once(':')?;
    Some(format!(
        "Ansible's `:` between patterns is `,` here, and its groups have an `@`: `@{first},@{}`",
        rest.replace(':', ",@")
    ))
}
