//! Distributes one file to many hosts by BitTorrent: aria2 is the engine, there and here; what is ours is what it cannot do.
//!
//! `torrent` describes the file, deterministically; `tracker` tells the hosts of one rollout of each other, and nobody else; `seeder` is the
//! aria2 of this machine; [`Swarm`] holds them together and is gone with the rollout. Nothing here knows what the file is for, how
//! hosts are told of it, or that what arrives is proven elsewhere: whoever has the hash of a torrent can ask any of its peers for the
//! file, so what is confidential is not for this room.

mod hub;
mod seeder;
#[cfg(test)]
mod tests;
mod torrent;
mod tracker;

pub use hub::{Offer, Seat, Settings, Swarm};
