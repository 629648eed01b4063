//! The append-only record of a rollout, and the index of all of them.
