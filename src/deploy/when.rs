//! When and from where an environment may be deployed to: its freeze windows, and the machines that it names.

use jiff::Timestamp;

use super::deployment::Deployment;
use super::error::{Error, Kind};
use super::notice::Notice;
use super::prepare::{Goal, Options};
use super::settings::this_machine;
use crate::config::Freeze;
use crate::host;
use crate::model::{FreezeWindow, frozen_by};

/// Holds what freeze windows mean to a rollout.
pub(super) struct Windows {
    /// Those that it pauses for.
    pub(super) heeded: Vec<FreezeWindow>,
    /// What is to be known of those that it goes ahead in.
    pub(super) notes: Vec<String>,
}

impl Goal {
    /// Tells whether it may bring hosts to something that the environment does not have.
    const fn brings_something_new(&self) -> bool {
        match self {
            Self::Install(_) | Self::Activate(_) => true,
            // What is primed runs nowhere, what is caught up with runs already, and a way back is never closed.
            Self::Prime(_) | Self::CatchUp | Self::Rollback { .. } => false,
        }
    }
}

impl<F: host::Fleet> Deployment<'_, F> {
    /// Gives the windows that a rollout has to heed: those that were not overridden by name, where it brings something new; and
    /// says in which of the others it goes ahead, a sentence each.
    ///
    /// # Errors
    ///
    /// When a window is there now, or when a name that is overridden is none.
    pub(super) fn heed_windows(&self, goal: &Goal, options: &Options, now: Timestamp) -> Result<Windows, Error> {
        let windows: Vec<FreezeWindow> = self.fleet.policy.freezes.iter().map(Freeze::window).collect();
        for name in &options.override_freezes {
            if !windows.iter().any(|window| window.name == *name) {
                let known: Vec<&str> = windows.iter().map(|window| window.name.as_str()).collect();
                let known =
                    if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
                let text = format!("{} has no freeze window {name:?}: {known}; nothing was done", self.fleet.name);
                return Err(Error::usage(text));
            }
        }
        let (overridden, heeded): (Vec<_>, Vec<_>) =
            windows.into_iter().partition(|window| options.override_freezes.contains(&window.name));
        let goes_ahead = |window: &FreezeWindow| {
            let ends = window.ends(window.at(now)?);
            Some(format!("goes ahead inside the freeze window {:?}, which ends {ends}", window.name))
        };
        let notes = overridden.iter().filter_map(goes_ahead).collect();
        if !goal.brings_something_new() {
            return Ok(Windows { heeded: Vec::new(), notes });
        }
        if let Some((window, times)) = frozen_by(&heeded, now) {
            let why = window.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            let text = format!(
                "{} is frozen by its window {:?} until {}{why}",
                self.fleet.name,
                window.name,
                window.ends(times)
            );
            if options.dry_run {
                self.notify(Notice::warning(text));
            } else {
                return Err(Error::new(Kind::Locked, format!("{text}; nothing was changed"))
                    .hint(format!("--override-freeze {} goes ahead all the same", crate::process::quote(&window.name)))
                    .hint("--prime brings it to the hosts meanwhile, and switches none"));
            }
        }
        Ok(Windows { heeded, notes })
    }

    /// Refuses to deploy from a machine that the environment does not name.
    pub(super) async fn heed_machine(&self, options: &Options) -> Result<(), Error> {
        let Some(machines) = &self.fleet.policy.run_from else { return Ok(()) };
        let key = format!("environments.{}.run_from", self.fleet.name);
        let allowed = self.workspace.define(machines, &key).await?;
        let names = this_machine();
        if allowed.iter().any(|host| names.iter().any(|name| name == host.as_str())) {
            return Ok(());
        }
        let here = names.first().cloned().unwrap_or_default();
        let text =
            format!("{} is deployed to from {}, and this is {here}", self.fleet.name, crate::expr::fold(&allowed));
        if options.dry_run {
            self.notify(Notice::warning(text));
            return Ok(());
        }
        Err(Error::usage(format!("{text}; nothing was changed"))
            .hint(format!("`run_from` of environments.{} says so", self.fleet.name)))
    }
}
