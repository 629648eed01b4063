//! Releases: tags, version order, export, build, relocation, store, good and bad marks.
//!
//! From a tag of a git repository to an immutable folder with its manifest, once per commit and way of building. This room
//! runs git, pip and the product's own commands on this machine; it must not know of hosts, rollouts or screens, nor
//! of the configuration's files: [`Source`] and [`BuildSpec`] are what it is told.
//!
//! # What is exported
//!
//! `git archive` of the commit, so never the working tree, and from a repository of its own that has this commit and its tag alone:
//! `export-ignore` and `export-subst` of `.gitattributes` hold, whoever's clone it is; files have the commit's time. Submodules and
//! the contents of Git LFS are fetched and proven, or refused (`submodules`, `lfs`).
//!
//! # How a virtual environment is made
//!
//! The repository of one commit is put into the export, so that build backends find the version. pip builds wheels (`pip wheel`) in an
//! environment of its own, the tools, whose `bin` is first on the `PATH` of `build.before` too; the wheels are installed into the
//! release's environment, which has no pip. So neither pip nor setuptools is in the release unless the product requires them. A product
//! that has to build without any index either names an in-tree build backend (PEP 517, `backend-path`), or its build tools are found
//! by `--find-links`.
//!
//! With `own_python` the interpreter itself takes the place of the link to it (see `standalone`).
//!
//! Then it is made to run from any path (see `relocate` and `metadata`), searched for the folder in which it was built (`paths`), moved away
//! from there, tried by `build.check`, hashed before and after that, made read-only and moved to its place in the store.
//!
//! # What a build sees
//!
//! See `environment`: nothing of the deployer's account but how servers are reached. `SOURCE_DATE_EPOCH` is the commit's time,
//! `PYTHONHASHSEED` is 0, `TMPDIR` is inside the build folder, the umask is 022, and compilers are told to leave its path out of
//! their output.

mod aside;
mod build;
mod bytecode;
mod cut;
mod environment;
mod error;
mod export;
mod finish;
mod git;
mod heads;
mod history;
mod latest;
mod lfs;
mod marks;
mod metadata;
mod modes;
mod needs;
mod order;
mod pack;
mod packs;
mod paths;
mod pip;
mod prepare;
mod progress;
mod proof;
mod python;
mod refs;
mod relocate;
mod resolve;
mod run;
mod scan;
mod spec;
mod standalone;
mod state_branch;
mod store;
mod submodules;
mod tools;
mod uv;
mod venv;
mod verdicts;
mod versions;

#[cfg(test)]
mod build_tests;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod git_tests;
#[cfg(test)]
mod packs_tests;
#[cfg(test)]
mod run_tests;
#[cfg(test)]
mod state_branch_tests;
#[cfg(test)]
mod store_tests;
#[cfg(test)]
mod venv_tests;

pub use aside::{Built, SetAside};
pub use cut::{Bump, Cut, CutError, Ground, propose, read_changelog, with_entry};
pub use error::{Ended, FailedStep, ReleaseError};
pub use git::{LogEntry, MovedTag, Repository, Tag};
pub use heads::Head;
pub use marks::{Mark, MarkRecord, ReadMarks};
pub use needs::{Choice, Kept, Need, Needs, choose, finalized};
pub use order::{VersionOrder, compare, is_prerelease};
pub use pack::Packing;
pub use packs::{Pack, PackLimits, Packs};
pub use prepare::{Request, prepare, prepare_resolved};
pub use progress::{Progress, Report, Step};
pub use python::Interpreter;
pub use resolve::{Resolved, Source, Wanted, resolve};
pub use spec::{BuildKind, BuildSpec};
pub use state_branch::{APART, Noted, Recorded, Records, StateBranch};
pub use store::{Store, StoredRelease};
pub use verdicts::Verdicts;
