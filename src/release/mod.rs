//! Releases: tags, version order, export, build, relocation, store, good and bad marks.
