//! The process of a rollout: engine, control socket, signals.
