//! The console: a client of conductors with a screen.
//!
//! | part | does |
//! |---|---|
//! | `messages` | what the console is told and what it asks, as data |
//! | `keymap` | the keys as data: lookup, footer, help and the README come from it |
//! | `app` | state and update: messages in, requests out; no IO, no clock |
//! | `rows` | which rows are shown, in which order, and the window on them |
//! | `view` | what the state looks like; draws the window only, changes nothing |
//! | `theme` | colours and signs by meaning |
//! | `terminal` | the only IO: a thread for the screen, one for the keys, one for signals |
//!
//! It knows of a rollout what its records tell, and must not know how hosts are reached or where journals are: whoever opens
//! the console answers its requests.

pub mod app;
pub mod keymap;
pub mod messages;
pub mod rows;
pub mod terminal;
pub mod theme;
pub mod view;

#[cfg(test)]
mod tests;

pub use app::App;
pub use messages::{Message, Request, Settings};
