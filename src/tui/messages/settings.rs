use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::{Environment, RolloutId};
use crate::tui::keymap::Keymap;
use crate::tui::theme::Theme;
use crate::words;

/// Holds the columns that are not wanted, by the title of their screen and their own names.
pub type Hidden = BTreeMap<String, BTreeSet<String>>;

/// Holds what the console is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The command line so far, as the person would type it: `coalmine -e production`.
    pub invocation: words::Typed,
    /// The environment.
    pub environment: Environment,
    /// Every environment of the configuration; empty where none was read.
    pub environments: Vec<Environment>,
    /// In which zone times are shown.
    pub zone: TimeZone,
    /// How it looks.
    pub theme: Theme,
    /// What its keys do.
    pub keys: Arc<Keymap>,
    /// Which columns are not wanted.
    pub hidden: Hidden,
    /// Whether nothing may be changed from here.
    pub read_only: bool,
    /// Whether the mouse scrolls and selects rows; otherwise it selects text, as ever.
    pub mouse: bool,
    /// What it is now.
    pub now: Timestamp,
    /// What is opened first; the fleet otherwise.
    pub open: Option<RolloutId>,
}
