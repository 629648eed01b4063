//! Whole rollouts by the real program, on real sshd hosts with real rsync: what becomes of the hosts, and what a deployer reads.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod adopted;
mod beta;
mod catch_up;
mod dead_man;
mod dropbear;
mod far;
mod faults;
mod flags;
#[path = "../common/fleet.rs"]
mod fleet;
mod guide;
mod habits;
mod holds;
mod hooks;
mod hosts;
mod http;
mod inputs;
mod interrupted;
mod package;
mod prune;
mod pty;
mod refusals;
mod relays;
mod rollback;
mod roots;
mod slots;
mod story;
mod swarms;
mod warm;
mod way_back;
mod workstation;
