//! The one host over any transport: it knows the phases and their scripts, and nothing of how they get there.

mod carry;
mod carrying;
mod gates;
mod prime;
mod read;
mod refusal;
mod relay;
mod relays;
mod torrent;
mod work;

pub(super) use carrying::Carrying;
pub(super) use work::{Common, Remote};
