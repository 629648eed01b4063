//! What a tree contains, how two trees differ, and the digest that proves one.
