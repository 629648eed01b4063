//! Tests of the console as a whole: keys and records in, screens and requests out.

mod driver;
mod fixture;
mod fuzz;
mod habits;
mod planning;
mod screens;
