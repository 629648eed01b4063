//! The sandbox as its users see it: real ssh and rsync to real sshd processes, and what is left afterwards.

mod elsewhere;
mod faults;
mod fleet;
mod lifecycle;
