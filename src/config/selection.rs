//! Which hosts a stage takes.

use std::num::NonZeroUsize;

use crate::expr::Expression;
use crate::plan::Amount;

/// Says which hosts a stage takes of those that no earlier stage has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageSelection {
    /// Those of an expression.
    Hosts(Expression),
    /// The first so many; a share is one of the environment's hosts, and at least one host.
    First(Amount),
    /// So many of each site.
    PerSite(NonZeroUsize),
    /// Whatever is left; the last stage only.
    Rest,
}
