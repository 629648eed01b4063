//! Which hosts a stage takes.

use std::num::NonZeroUsize;

use super::amount::Percent;
use super::text::HostExpression;

/// Says which hosts a stage takes of those that no earlier stage has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StageSelection {
    /// Those of an expression.
    Hosts(HostExpression),
    /// So many.
    Count(NonZeroUsize),
    /// This share of the environment's hosts; at least one.
    Percent(Percent),
    /// So many of each site.
    PerSite(NonZeroUsize),
    /// Whatever is left; the last stage only.
    Rest,
}
