//! coalmine installs a release of a tool on every host that should have it, over ssh and rsync, canaries first.
//!
//! A rollout is a fold over its events: a pure state machine decides, the engine does, the journal remembers. Console,
//! headless output, `attach`, `resume`, `show` and the tests derive what they know by the same `apply`.
//!
//! The rooms, from the ground up; a room may use those above it in this list and no other (`tests/layering.rs`).

pub mod model;

pub mod expr;
pub mod manifest;
pub mod plan;
pub mod rollout;
pub mod words;

pub mod process;

pub mod config;
pub mod inventory;
pub mod release;

pub mod journal;

pub mod hooks;
pub mod host;

pub mod engine;

pub mod conductor;
pub mod deploy;

pub mod report;
pub mod tui;

pub mod sandbox;

pub mod cli;
