use std::collections::HashSet;
use std::net::Ipv6Addr;
use std::path::Path;

use super::ast::{Chain, Expression, Kind, Operator, Term};
use super::error::{ExpandError, ResolveError};
use super::name::Name;
use super::resolve::UniverseError;
use crate::model::HostId;

impl Expression {
    /// Gives the hosts that it names, in the order written, without an inventory: names, ranges and operators.
    ///
    /// Duplicates vanish.
    ///
    /// # Errors
    ///
    /// When a term needs an inventory, a name is not one, or nothing is left.
    pub fn expand(&self) -> Result<Vec<HostId>, ExpandError> {
        let hosts = self.expand_chain(&self.root)?;
        if hosts.is_empty() {
            return Err(ExpandError::Nothing { expression: self.source.as_ref().to_owned() });
        }
        Ok(hosts)
    }

    /// Gives the hosts of a plain list, names and ranges with commas between them; duplicates stay, for whoever refuses them.
    ///
    /// # Errors
    ///
    /// When it is anything else, or a name is not one.
    pub fn list(&self) -> Result<Vec<HostId>, ExpandError> {
        let mut hosts = Vec::new();
        for (operator, term) in self.root.terms() {
            match &term.kind {
                Kind::Parentheses(_) => return Err(self.not_a_list()),
                _ if operator != Operator::Union => return Err(self.not_a_list()),
                _ => self.expand_name(term, &mut hosts)?,
            }
        }
        Ok(hosts)
    }

    fn not_a_list(&self) -> ExpandError {
        ExpandError::NotAList { expression: self.source.as_ref().to_owned() }
    }

    fn expand_chain(&self, chain: &Chain) -> Result<Vec<HostId>, ExpandError> {
        let mut hosts = Vec::new();
        let mut held = HashSet::new();
        // What was taken out stays in the list until the end, so that each step costs no more than its own term.
        for (operator, term) in chain.terms() {
            let mut these = Vec::new();
            self.expand_term(term, &mut these)?;
            match operator {
                Operator::Union => these.into_iter().for_each(|host| {
                    if held.insert(host.clone()) {
                        hosts.push(host);
                    }
                }),
                Operator::Minus => these.iter().for_each(|host| {
                    held.remove(host);
                }),
                Operator::Intersection => {
                    let these: HashSet<HostId> = these.into_iter().collect();
                    hosts.retain(|host| held.contains(host) && these.contains(host));
                    held = hosts.iter().cloned().collect();
                }
                Operator::Difference => {
                    let mut seen = HashSet::new();
                    for host in these.into_iter().filter(|host| seen.insert(host.clone())) {
                        if !held.remove(&host) {
                            held.insert(host.clone());
                            hosts.push(host);
                        }
                    }
                }
            }
        }
        // A host that went and came back is in the list twice.
        hosts.retain(|host| held.remove(host));
        Ok(hosts)
    }

    fn expand_term(&self, term: &Term, hosts: &mut Vec<HostId>) -> Result<(), ExpandError> {
        match &term.kind {
            Kind::Parentheses(chain) => {
                hosts.extend(self.expand_chain(chain)?);
                Ok(())
            }
            _ => self.expand_name(term, hosts),
        }
    }

    fn expand_name(&self, term: &Term, hosts: &mut Vec<HostId>) -> Result<(), ExpandError> {
        match &term.kind {
            Kind::Name(name) if !name.is_wild() => names(name, self.text(term), hosts),
            _ => Err(ExpandError::NeedsInventory { term: self.text(term).to_owned() }),
        }
    }

    /// Gives the hosts that are named, or listed in a file, where that adds them to the result.
    ///
    /// That is left of every `!` and `&` and not under an "all but": where a name may define a host instead of choosing one.
    /// `read` reads a file. Groups, globs and regexes add nothing here.
    ///
    /// # Errors
    ///
    /// When a name is no host's, or a file cannot be read.
    pub fn named(
        &self,
        read: &mut dyn FnMut(&Path) -> Result<Vec<HostId>, UniverseError>,
    ) -> Result<Vec<HostId>, ResolveError> {
        let mut hosts = Vec::new();
        self.named_in(&self.root, read, &mut hosts)?;
        Ok(hosts)
    }

    fn named_in(
        &self,
        chain: &Chain,
        read: &mut dyn FnMut(&Path) -> Result<Vec<HostId>, UniverseError>,
        hosts: &mut Vec<HostId>,
    ) -> Result<(), ResolveError> {
        let adding = |operator: &Operator| matches!(operator, Operator::Union | Operator::Difference);
        for (_, term) in chain.terms().filter(|(operator, _)| adding(operator)) {
            match &term.kind {
                Kind::Name(name) if !name.is_wild() => names(name, self.text(term), hosts)?,
                Kind::File(path) => hosts.extend(
                    read(path)
                        .map_err(|reason| ResolveError::Unreadable { term: self.text(term).to_owned(), reason })?,
                ),
                Kind::Parentheses(chain) => self.named_in(chain, read, hosts)?,
                Kind::Name(_) | Kind::Group(_) | Kind::Regex(_) | Kind::AllBut(_) => {}
            }
        }
        Ok(())
    }
}

/// Makes hosts of the names that a name with ranges stands for.
fn names(name: &Name, term: &str, hosts: &mut Vec<HostId>) -> Result<(), ExpandError> {
    let mut wrong = None;
    let mut visit = |name: &str| {
        // Once one is wrong the others need no memory.
        if wrong.is_none() {
            match host(name) {
                Ok(host) => hosts.push(host),
                Err(reason) => wrong = Some(reason),
            }
        }
    };
    match name.literal() {
        Some(name) => visit(name),
        None => name.each(&mut visit),
    }
    wrong.map_or(Ok(()), |reason| Err(ExpandError::Name { term: term.to_owned(), reason }))
}

fn host(name: &str) -> Result<HostId, String> {
    // `mw01:22` would be a host of that name, and looked up as such.
    if name.contains(':') && name.parse::<Ipv6Addr>().is_err() {
        return Err(format!("{name:?} is no IPv6 address, and a port belongs in ssh's configuration"));
    }
    HostId::new(name).map_err(|error| error.to_string())
}
