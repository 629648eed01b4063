//! Host expressions: parse, resolve, fold.
//!
//! An [`Expression`] is parsed once, keeps the place of each of its terms for error messages, and is then either resolved
//! against a [`Universe`] (the ordered hosts that may be chosen from, and the groups) or expanded by itself.
//! This room knows nothing of files, commands or configuration: a universe hands it hosts, and hands it files' hosts too.
//!
//! # Terms
//!
//! | term | means |
//! |---|---|
//! | `mw01`, `mw[01-40].eqiad.wmnet`, `r[1-4]n[1-3,7]` | names; ranges in brackets, as many as wanted |
//! | `[0-10/2]`, `[01:10]`, `[01:10:2]`, `[a:d]`, `[a-d]` | a step; scap's and Ansible's way; letters. Both ends are included |
//! | `2001:db8::1` | an address; outside brackets a colon means nothing |
//! | `mw*`, `mw?1` | the hosts whose whole name matches; ranges may stand beside wildcards |
//! | `~regex` | the hosts whose name matches from its start (not to its end: write `$`) |
//! | `@group`, `@web*`, `@*` | the hosts of a group, of every group whose name matches, of every group |
//! | `@inventory:section` | the hosts of one section of an Ansible inventory |
//! | `@./file`, `@/etc/hosts.list` | the hosts that a file lists: whatever has a `/` in it is a path |
//! | `!term` | all but |
//! | `(…)` | an expression as a term |
//!
//! Zero padding is kept: `[08-12]` is 08, 09, 10, 11, 12 and never 8, and padded ends are of one width.
//! Numbers are compared as numbers, so `[9:10]` works.
//!
//! # Operators
//!
//! `,` union, `!` minus, `&` intersection, `^` symmetric difference. As in `ClusterShell`, they are all equally strong
//! and go from left to right: `a,b&c` is `(a,b)&c`. Blanks around them mean nothing. A `!` where a term belongs is "all but"
//! and takes the one term behind it, so `!a!b` is all but a and b, and `!a&@web` is the group but a. `a,!b` is refused: it
//! would add everything but b, while whoever comes from Ansible means `a!b`.
//!
//! # How far a `~regex` runs
//!
//! Up to the next operator, blank or closing parenthesis that is outside the regex's own `(…)`, `[…]` and `{…}` and not behind
//! a backslash. A `^` right behind `~`, `(` or `|` is an anchor and not an operator.
//! So `~mw0[1-3,7],db01` has two terms, and `~(mw|db)\d{1,3}$!mw01` too.
//!
//! # What matches nothing
//!
//! Every term must match a host of the universe, wherever it stands: on the right of `!` and in `-x` too, where a mistyped
//! name would let a host through that was to be spared. A term in parentheses is a term. A range is one term, and one
//! host of it is enough where hosts are chosen. What operators make of terms may be empty on the way, but not at the end.
//! A file lists its hosts one by one, so each of them must be in the universe, as if it had been typed.
//!
//! Where hosts are spared, behind `!` and in `-x`, every name of a range must be a host's: `!mw[1-10]` that was meant as `!mw[01-10]` would
//! spare mw10 alone. Elsewhere the names that are none are counted in a note ([`Expression::notes`]).
//!
//! # Case
//!
//! Names of hosts have neither case nor a final dot (RFC 4343): `MW01.` is `mw01`, in expressions as in every inventory.
//!
//! # Why not the `nodeset` crate
//!
//! It sorts what it holds and prints it sorted, while ours stays in the inventory's order; `!`, `~`, globs and scap's ranges are
//! not in its language, its errors have no place, and it reads `ClusterShell`'s own configuration files.

mod ast;
mod error;
mod expand;
mod fold;
mod group;
mod name;
mod nearest;
mod parse;
mod range;
mod resolve;
mod site;
#[cfg(test)]
mod tests;

pub use ast::Expression;
pub use error::{ExpandError, ParseError, ResolveError};
pub use fold::fold;
pub use group::{GroupName, GroupNameError};
pub use nearest::nearest;
pub use resolve::{Universe, UniverseError};
pub use site::{SiteError, SiteRule};

/// The most names that the ranges of one expression may stand for.
pub const MOST_NAMES: u64 = 1_000_000;
