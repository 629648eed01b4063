//! The site's own commands: gates, depool, repool, announce.
