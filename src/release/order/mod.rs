//! In which order tags are: what is the latest of them, and what a tag says of being finished.
//!
//! No configuration is needed for what real projects tag: numbers with dots, dashes or underscores between them, dates, words before and
//! behind them, PEP 440, semantic versions, Maven's words, letters, and what `git describe` adds. `assets/versions.md` shows twenty styles in this
//! order, and where PyPI, Maven, Debian and semver.org would have another; the test that checks it also writes it.
//!
//! # The rules
//!
//! - What stands before the number is a name and does not count: `v`, `release-`, `rel_`, `log4j-`. A word there that says that it is
//!   unfinished (`nightly-`, `beta-`) counts as if it stood behind.
//! - Numbers count as numbers, `4.9` < `4.10`, and `4.10` = `4.10.0`. They may be joined by `.`, `-` or `_` as long as only numbers follow:
//!   `release-2026-11-02`, `REL_1_4_0`. One number behind a dash or an underscore after dotted ones is a post-release: `1.0` < `1.0-1` < `1.0.1`.
//!   An epoch (`1!`, Debian's `1%`) counts before all of them. Times (`2026-11-02T10-51-33Z`) are numbers too.
//! - Words of finals count nothing: `RELEASE`, `Final`, `GA`, `LTS`, `stable`, and others in [`words`]. With a number behind them they come after.
//! - Words of fixes come after: `p1`, `patch1`, `hotfix1`, `sp1`, `post1`, `u292`, and a last letter glued to the number, `1.1.1w`; `za` follows `z`.
//! - All other words come before, in alphabetical order: `alpha` (`a1`), `beta` (`b1`), `milestone` (`M1`), `rc` (`c1`, `CR1`, `pre1`), `snapshot`;
//!   `dev` before all of them.
//! - `+local` comes after the version without it, and so does what `git describe` adds. A commit's name at the end counts nothing.
//! - What has no number is older than everything that has one.

mod key;
mod scheme;
mod words;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod styles;
#[cfg(test)]
mod table;

pub use key::{compare, is_prerelease};
pub use scheme::VersionOrder;
