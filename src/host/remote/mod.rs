//! The one host over any transport: it knows the phases and their scripts, and nothing of how they get there.

mod carry;
mod prime;
mod read;
mod refusal;
mod relay;
mod torrent;
mod work;

pub(super) use carry::Passed;
pub(super) use relay::{Daemon, Opening};
pub(super) use work::{Common, Remote};
