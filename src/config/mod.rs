//! `coalmine.toml`: files, layers, where each value came from, refusals that help.
//!
//! Every key, its default and its meaning are data in one place, before the type that holds its value (`schema` says what
//! such data are). Each file is read against them, keeping the line of every value, so that a mistake is told where it was
//! made, and all mistakes of all files at once. The layers are merged key by key into one tree that remembers the origin of
//! each value, the defaults fill what is left, and the typed [`Config`] is made of the result. `config show`, `config check`
//! and the sample file come of the same data.
//!
//! # Layers
//! Flag, `COALMINE_*` variable, project (`coalmine.toml` here or in a folder above, or the one that `-c` names), user
//! (`$XDG_CONFIG_HOME/coalmine/coalmine.toml`), system (`/etc/coalmine/coalmine.toml`), default: the stronger wins. Tables
//! merge key by key; values, lists, `[[…]]` and each group replace what is weaker as a whole. Relative paths belong to
//! the folder of the file that names them, those of variables and flags to the current folder; `~/` is the home folder.
//!
//! # Variables
//! `COALMINE_SECTION_KEY` sets `section.key`, `COALMINE_ENVIRONMENTS_NAME_KEY` a key of an environment that a file has, its
//! name in capitals and every other character than a letter or digit as `_`. Texts are taken as they stand, everything else
//! as TOML (`30`, `true`, `["a"]`). A key that is misspelt behind a known section is refused. Lists of tables and groups
//! are for files only.
//!
//! # Whom a file must belong to
//! A configuration names commands that coalmine runs, so whoever can write it owns the deployer. A file that anybody may
//! write, or that lies in a folder where anybody may put another in its place (writable by all and not sticky), is refused
//! always. A file that was found and not named must belong to root or to the user who runs coalmine, its symlink too:
//! otherwise a file left in a shared folder above would be run, as git's `safe.directory` has it. `-c` names the file of
//! a colleague on purpose. Being writable by a group is how deployers share a checkout, and allowed.
//!
//! This room must not know what a group holds, or what anything is used for.

mod amount;
mod bandwidth;
mod build;
mod carriers;
mod console;
mod duration;
mod environment;
mod error;
mod gate;
mod group;
mod hooks;
mod hosts;
mod layer;
mod leaf;
mod load;
mod origin;
mod product;
mod rules;
mod sample;
mod schema;
mod selection;
mod settings;
mod shell;
mod show;
mod source;
mod ssh;
mod stage;
mod target;
mod template;
mod text;
mod transfer;
mod tree;
mod trust;
mod variable;
mod variables;
mod version;
mod word;

#[cfg(test)]
mod tests;

pub use amount::{Budget, Waves};
pub use bandwidth::Bandwidth;
pub use build::Build;
pub use carriers::{Carriers, PackUrl, Ports, RelayHosts};
pub use console::{AnsiColor, Colors, ConsoleSettings, KeyNames};
pub use duration::{parse_duration, show_duration};
pub use environment::{EnvironmentPolicy, Freeze};
pub use error::{ConfigErrors, EnvironmentError, Place, Problem, ValueError};
pub use gate::{Gate, GateScope};
pub use group::GroupOrigin;
pub use hooks::{Hooks, PhaseHooks};
pub use hosts::{GroupReference, HostList};
pub use load::{Loaded, check};
pub use origin::{Layer, Origin};
pub use product::Product;
pub use sample::sample;
pub use selection::StageSelection;
pub use settings::{Config, Control, Lock, Release};
pub use source::{Flag, LoadedFile, Sources};
pub use ssh::Ssh;
pub use stage::{FailureBudgets, Stage};
pub use target::Target;
pub use template::{CommandTemplate, DryWord, DryWords, Template, TemplateError};
pub use text::{
    Argv, Endpoint, ExportPath, GitRemote, KexAlgorithms, LinkName, LocalPath, LoginName, PathPattern, ProductName,
    PythonName, TagGlob, TargetRoot, Title, UnixGroup, VersionLink,
};
pub use transfer::Transfer;
pub use variables::Variables;
pub use version::VersionPattern;
pub use word::{BuildKind, Channel, Ground};
