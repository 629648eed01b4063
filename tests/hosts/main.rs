//! Hosts as they are: the scripts under dash and busybox, this machine, and others over a real sshd and a real rsync.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot set its stage fails, and says where"
)]

mod carriers;
mod connections;
mod ends;
mod failing;
mod forgetting;
mod links;
mod locks;
mod over_ssh;
mod packs;
mod phases;
#[expect(dead_code, reason = "stages of plans mean nothing to hosts")]
#[path = "../common/plans.rs"]
mod plans;
mod processes;
mod programs;
mod proven;
mod relays;
mod room;
mod roots;
mod scripts;
mod sshd;
mod stage;
mod steps;
mod userlands;
mod warm;
