//! What an expression means among the groups of an inventory.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::error::InventoryError;
use super::groups::{Inventory, Union};
use super::lines::read_list;
use crate::expr::{Expression, GroupName, ResolveError, Universe, UniverseError};
use crate::model::HostId;

impl Inventory {
    /// Gives the hosts that an environment's `hosts` or `masters` means: names that are written in it are hosts.
    ///
    /// # Errors
    ///
    /// When a term matches nothing, or a group or file cannot be read.
    pub fn define(&self, expression: &Expression) -> Result<Vec<HostId>, ResolveError> {
        let mut union = Union::default();
        match expression.groups() {
            None => union.add(self.everything(expression)?),
            Some(needed) => self.add_groups(&needed, &mut union)?,
        }
        union.add(&expression.named(&mut |path| read_list(path).map_err(shared))?);
        self.choose(expression, Cow::Owned(union.hosts))
    }

    /// Gives the hosts that an expression chooses from `within`, or from the whole inventory, in their order.
    ///
    /// # Errors
    ///
    /// When a term matches nothing, or a group or file cannot be read.
    pub fn resolve(&self, expression: &Expression, within: Option<&[HostId]>) -> Result<Vec<HostId>, ResolveError> {
        if let Some(hosts) = within {
            return self.choose(expression, Cow::Borrowed(hosts));
        }
        match expression.groups() {
            // Groups alone are in the inventory by what they are: there is no need to read the others.
            Some(needed) if !expression.names_hosts() => {
                let mut union = Union::default();
                self.add_groups(&needed, &mut union)?;
                self.choose(expression, Cow::Owned(union.hosts))
            }
            _ => self.choose(expression, Cow::Borrowed(self.everything(expression)?)),
        }
    }

    /// Gives the hosts of `within` that `-l` selects and `-x` does not, in their order; both choose from all of `within`.
    ///
    /// # Errors
    ///
    /// When a term matches nothing, a group or file cannot be read, or nothing is left.
    pub fn select(
        &self,
        within: &[HostId],
        limit: Option<&Expression>,
        exclude: Option<&Expression>,
    ) -> Result<Vec<HostId>, ResolveError> {
        let mut selected = match limit {
            Some(limit) => self.resolve(limit, Some(within))?,
            None => within.to_vec(),
        };
        if let Some(exclude) = exclude {
            let hosts = selected.len();
            let choice = Choice { inventory: self, hosts: Cow::Borrowed(within) };
            let excluded: HashSet<HostId> = exclude.resolve_spared(&choice)?.into_iter().collect();
            selected.retain(|host| !excluded.contains(host));
            if selected.is_empty() {
                return Err(ResolveError::NothingLeft { exclude: exclude.to_string(), hosts });
            }
        }
        Ok(selected)
    }

    /// Says of each range of an expression how many of its names are no host of `within`.
    #[must_use]
    pub fn notes(&self, expression: &Expression, within: &[HostId]) -> Vec<String> {
        expression.notes(&Choice { inventory: self, hosts: Cow::Borrowed(within) })
    }

    fn choose(&self, expression: &Expression, hosts: Cow<'_, [HostId]>) -> Result<Vec<HostId>, ResolveError> {
        expression.resolve(&Choice { inventory: self, hosts })
    }

    fn everything(&self, expression: &Expression) -> Result<&[HostId], ResolveError> {
        self.hosts().map_err(|error| unreadable(expression.to_string(), error))
    }

    /// Adds the hosts of the groups that are needed, in the configuration's order; unknown ones are for the resolver to tell.
    ///
    /// A section brings its whole inventory along, so that its hosts stand in the file's order.
    fn add_groups(&self, needed: &[&GroupName], union: &mut Union) -> Result<(), ResolveError> {
        let needed: HashSet<&str> = needed.iter().map(|name| name.outer()).collect();
        for name in self.names().filter(|name| needed.contains(name.as_str())) {
            let hosts = self.group(name).map_err(|error| unreadable(format!("@{name}"), error))?;
            union.add(hosts.unwrap_or_default());
        }
        Ok(())
    }
}

fn shared(error: InventoryError) -> UniverseError {
    Arc::new(error)
}

fn unreadable(term: String, error: InventoryError) -> ResolveError {
    ResolveError::Unreadable { term, reason: shared(error) }
}

/// The hosts that may be chosen, and the groups of the inventory to choose by.
struct Choice<'a> {
    inventory: &'a Inventory,
    hosts: Cow<'a, [HostId]>,
}

impl Universe for Choice<'_> {
    fn hosts(&self) -> &[HostId] {
        &self.hosts
    }

    fn groups(&self) -> Vec<GroupName> {
        self.inventory.names().cloned().collect()
    }

    fn group(&self, name: &GroupName) -> Result<Option<&[HostId]>, UniverseError> {
        self.inventory.group(name).map_err(shared)
    }

    fn file(&self, path: &Path) -> Result<Vec<HostId>, UniverseError> {
        read_list(path).map_err(shared)
    }
}
