//! The console on a real terminal, over a real fleet: what a person sees and types, and what becomes of terminals.

mod branches;
#[path = "../common/fleet.rs"]
#[expect(dead_code, reason = "these tests leave most of what others ask of a fleet to the console")]
mod fleet;
mod hosts;
mod journey;
mod left_behind;
mod looks;
mod process;
mod terminal;
mod terminals;
