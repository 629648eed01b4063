//! coalmine installs a release of a tool on every host that should have it, over ssh and rsync, canaries first.
//!
//! A rollout is a fold over its events: a pure state machine decides, the engine does, the journal remembers. Console,
//! headless output, `attach`, `resume`, `show` and the tests derive what they know by the same `apply`.
//!
//! The rooms, from the ground up; a room may use those above it in this list and no other (`tests/layering`).
//!
//! # Working on coalmine
//!
//! | to | do |
//! |---|---|
//! | check everything, as CI does | `.ci/test` |
//! | run one test | `cargo nextest run --lib a_part_of_its_name`; of real fleets, `cargo nextest run --test rollouts a_part_of_its_name` |
//! | play one seed of the simulator again | `COALMINE_SIM_SEED=17 cargo nextest run --test sim` |
//! | look at changed screens and texts | `cargo insta review`; CI takes no snapshot that is not committed |
//! | write generated files anew | each test that finds one out of date says how: key table, manual, sample configuration, tables of userlands and versions |
//! | measure | `cargo bench --bench upgrade`, `scale`, `console`; benches assert nothing |
//! | play with a fleet | `coalmine sandbox up --hosts 12`, and `sandbox fault HOST FAULT` for one that misbehaves |
//!
//! A **command** is a file in `cli` (its arguments and what it prints), one in `deploy` where it decides anything, and one in
//! `report` where it has a layout of its own; beside these it costs a variant and a line in `cli/command.rs`, a `mod` line in each room and
//! the manual, which a test writes anew. `diff` is a small one to copy, and `cli/begin.rs` has the flags of whatever starts a rollout. A
//! **field of a plan** costs `plan/types.rs`, who fills it in, and `tests/common/plans.rs`: no test writes a plan out. An **event** is a variant of `rollout`'s `Event`: `apply`
//! says what it changes, `words` how it is told, and the contract's test in `rollout` names its fields. A **remote step** is a function
//! `phase_…` in `assets/remote` that answers by `say` and ends by `fail`; `host/script.rs` names it, `host/remote` asks and reads it,
//! and `tests/hosts` runs it in every shell (`assets/remote/README.md` has the idioms). A **key** is a line of `tui/keymap.rs`, from which
//! help, footer and README are written. A **setting** is declared in `config` with its sample line.
//!
//! # Words
//!
//! The code speaks the field's words as deployers read them (fleet, host, master, release, prime, activate, slot, stage, wave, soak, gate,
//! budget, drift, depool, journal, conductor); beside them it uses these, each with one meaning:
//!
//! | word | meaning |
//! |---|---|
//! | globals | what may stand on every command line: which configuration, environment and state folder, and how it is shown |
//! | workspace | a configuration with its inventory, store, journals and operator; everything that needs no host |
//! | deployment | a workspace, one environment's hosts, and the connections to them |
//! | survey | asking hosts what they have; its depth is how much is hashed for that |
//! | notice | what a deployer is told while a command runs; a *message* goes to the console, an *event* into the journal |
//! | delta | what travels from one release to another |
//! | way back | where a host goes when it must leave a release, and which host has none |
//! | aim | the release that a rollout leads to, with what is known of it |
//! | decision | what a dialog of the console does once it is confirmed |
//! | verdict | what a gate, or the site, found of a release |
//!
//! What may not change without thought: formats on disk and on the wire carry a version; journals and state files of older releases
//! are read for ever; nothing but `sh`, coreutils and rsync may be needed on a host; a law of `tests/sim/laws.rs` is never weakened.

pub mod model;

pub mod expr;
pub mod manifest;
pub mod plan;
pub mod rollout;
pub mod words;

pub mod files;
pub mod process;

pub mod config;
pub mod inventory;
pub mod release;

pub mod journal;
pub mod swarm;

pub mod hooks;
pub mod host;

pub mod engine;

pub mod conductor;
pub mod deploy;

pub mod report;
pub mod tui;

pub mod sandbox;

pub mod cli;

// What tests of several rooms share names this crate as test programs do.
#[cfg(test)]
extern crate self as coalmine;
#[cfg(test)]
#[path = "../tests/common/plans.rs"]
mod plans;
