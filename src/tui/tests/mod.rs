//! Tests of the console as a whole: keys and records in, screens and requests out.

mod after;
mod driver;
mod earlier;
mod filters;
mod fixture;
mod fuzz;
mod habits;
mod log;
mod planning;
mod screens;
mod truth;
