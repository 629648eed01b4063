//! Host expressions: parse, resolve, fold.
