//! The command line: types, a file per command, completions, manual.
//!
//! A command turns flags and configuration into what the rooms below take, and what comes back into output and an exit
//! code. Nothing here decides anything about a rollout.

mod args;
mod ask;
mod begin;
mod bootstrap;
mod build;
mod command;
mod completion;
mod conduct;
mod config;
mod console;
mod control;
mod diff;
mod doctor;
mod globals;
mod habits;
mod host;
mod hosts;
mod init;
mod install;
mod interrupt;
mod main;
mod manual;
mod output;
mod pick;
mod plan;
mod pool;
mod prune;
mod release;
mod releases;
mod rollback;
mod rollout;
mod sandbox;
mod slot;
mod status;

pub use main::main;

use globals::Globals;
