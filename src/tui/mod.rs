//! The console, a client of conductors.
