//! The command line as its users meet it: what the real binary prints, refuses and completes, and what it answers.

mod completion;
mod damage;
mod diff;
mod examples;
mod init;
mod inputs;
mod interrupts;
mod output;
mod project;
mod prune;
mod refusals;
mod release;
