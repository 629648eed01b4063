//! What is printed, held to snapshots, to product.md's shapes, and to terminals and pipes that misbehave.

mod announce;
mod job;
mod json;
mod output;
mod region;
pub(crate) mod story;
mod tables;
mod text;
