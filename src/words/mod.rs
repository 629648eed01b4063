//! How everything is told: one vocabulary of words, glyphs and tones for whoever tells it.
//!
//! What a phase, a failure, a pause or an event is called stands here and nowhere else; headless output, the console, the
//! announcements and the logs take it from here, so that one thing never has two names. Where a text stands, in which colour it is
//! drawn and how wide it may be is theirs to say.
//!
//! This room is pure: what it says is a function of records, of the state that they fold to, and of a time that is given. What a host
//! printed is cleaned before it becomes part of a text.

mod debt;
mod event;
mod failures;
mod glyph;
mod installed;
mod look;
mod on_failure;
mod outcome;
mod proposal;
mod reason;
mod status;
mod text;
mod time;
mod transfer;
mod typed;

pub use debt::debts;
pub use event::{Line, counts, event_line, failure, phase_line, stages, way};
pub use failures::{FailureGroup, failure_groups, without_name};
pub use glyph::{Glyph, Tone};
pub use installed::{back_to, brought, was};
pub use look::{ColorChoice, Look};
pub use on_failure::{Follows, follows};
pub use outcome::{emergency, ended};
pub use proposal::{again, back, beside, named, whereabouts};
pub use reason::{after_soak, held_by, reason, soak_left, used};
pub use status::Status;
pub use text::{
    clean, clean_line, count, cut, cut_painted, folded, grouped, one_line, pad, quote, width, with_masters,
    without_masters, wrap,
};
pub use time::{between, clock, day_and_time, known, measured, span, took};
pub use transfer::{Change, Transfer, Transfers};
pub use typed::{Typed, VERBS};
