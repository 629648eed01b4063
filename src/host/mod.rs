//! The trait that the engine sees of a host, and its makers.
