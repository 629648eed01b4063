//! Whole rollouts by the real program, on real sshd hosts with real rsync: what becomes of the hosts, and what a deployer reads.

mod adopted;
mod dead_man;
mod faults;
#[path = "../common/fleet.rs"]
mod fleet;
mod hosts;
mod interrupted;
mod refusals;
mod rollback;
mod story;
mod wishes;
