//! The command line: types, a file per command, completions, manual.
//!
//! A command turns flags and configuration into what the rooms below take, and what comes back into output and an exit
//! code. Nothing here decides anything about a rollout.

mod args;
mod build;
mod completion;
mod conduct;
mod config;
mod console;
mod context;
mod control;
mod doctor;
mod error;
mod hosts;
mod install;
mod interrupt;
mod main;
mod manual;
mod mapping;
mod output;
mod plan;
mod planned;
mod release;
mod releases;
mod rollback;
mod rollout;
mod sandbox;
mod status;
mod survey;

pub use args::Cli;
pub use error::Failed;
pub use main::main;
