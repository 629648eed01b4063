//! The command line: types, a file per command, completions, manual.
