//! What a tree contains, how two trees differ, and the digest that proves one.

/// Lists the entries of a tree.
#[derive(Debug)]
pub struct Manifest;
