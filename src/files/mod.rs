//! Files that coalmine keeps on this machine: each is opened here, and only where it is one.
//!
//! What else may stand in its place, such as a folder, a pipe or a link that leads nowhere, is told by name; nobody waits for it, and nothing
//! that is only out of reach is taken for what was never there. Nothing here knows what stands in a file.

mod append;
mod open;

pub use append::append_line;
pub use open::{list, open, open_with, read};
