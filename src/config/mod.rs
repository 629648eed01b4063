//! `coalmine.toml`: files, layers, where each value came from, refusals that help.
