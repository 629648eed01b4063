//! Releases: tags, version order, export, build, relocation, store, good and bad marks.
//!
//! From a tag of a git repository to an immutable folder with its manifest, once per commit and way of building. This room
//! runs git, pip and the product's own commands on this machine; it must not know of hosts, rollouts or screens, nor
//! of the configuration's files: [`Source`] and [`BuildSpec`] are what it is told.
//!
//! # What is exported
//!
//! `git archive` of the commit, so never the working tree: `export-ignore` and `export-subst` of `.gitattributes` hold, files have
//! the commit's time, and submodules are refused, since their folders would be empty. A Git LFS pointer that git did not
//! replace is told.
//!
//! # How a virtual environment is made
//!
//! pip builds wheels (`pip wheel`) in an environment of its own, the builder, whose `bin` is first on the `PATH` of
//! `build.before` too; the release's environment is made without pip, and the wheels are installed into it. So neither pip nor
//! setuptools is in the release unless the product requires them. A product that has to build without any index either names
//! an in-tree build backend (PEP 517, `backend-path`), or its build tools are found by `--find-links`.
//!
//! Then it is made to run from any path (see `relocate`), moved away from where it was built, searched for the name of the folder in
//! which it was built, tried by `build.check`, hashed before and after that, made read-only and moved to its place in the store.
//!
//! # What a build sees
//!
//! This process's environment without what would steer Python, pip's target, git or the locale; proxies, `PIP_*` indexes and
//! compilers' settings stay. `SOURCE_DATE_EPOCH` is the commit's time, `PYTHONHASHSEED` is 0, `TMPDIR` is inside the build folder, and
//! compilers are told to leave its path out of their output.

mod build;
mod error;
mod export;
mod git;
mod marks;
mod order;
mod prepare;
mod progress;
mod python;
mod relocate;
mod resolve;
mod run;
mod scan;
mod spec;
mod store;

#[cfg(test)]
mod build_tests;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod git_tests;
#[cfg(test)]
mod store_tests;

pub use error::{Ended, FailedStep, ReleaseError};
pub use git::{Commit, MovedTag, Repository, Tag};
pub use marks::{Mark, MarkRecord};
pub use order::{compare, is_prerelease};
pub use prepare::{Request, prepare, prepare_resolved};
pub use progress::{Progress, Report, Step};
pub use python::Interpreter;
pub use resolve::{Resolved, Source, Wanted, resolve};
pub use spec::{BuildKind, BuildSpec};
pub use store::{Store, StoredRelease};
