//! Tests of the console as a whole: keys and records in, screens and requests out.

mod after;
mod console;
mod control;
mod driver;
mod earlier;
mod filters;
mod fixture;
mod fuzz;
mod habits;
mod keys;
mod log;
mod page;
mod planning;
mod run;
mod screens;
mod transfer;
mod truth;
