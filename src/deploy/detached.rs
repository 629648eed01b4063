use std::ffi::OsString;

use super::error::Error;
use crate::conductor::{EnvironmentLock, Launch, Start};
use crate::journal::Rollouts;
use crate::model::RolloutId;

/// Says what a process of its own is started with.
#[derive(Debug, Clone, Copy)]
pub struct Detached<'a> {
    /// Where the rollout is.
    pub rollouts: &'a Rollouts,
    /// How much it logs at least, as `-v` counts it.
    pub verbose: u8,
    /// Whether nobody is there whose own variables would be better than those of the first start.
    pub unattended: bool,
}

impl Detached<'_> {
    /// Starts a process of its own that conducts a rollout, and waits until that can be reached.
    ///
    /// # Errors
    ///
    /// When it says that it cannot, or nothing at all.
    pub async fn start(&self, rollout: &RolloutId, lock: EnvironmentLock) -> Result<(), Error> {
        let folder = self.rollouts.folder(rollout);
        let launch = Launch::load(&folder)?;
        let command = self.command(rollout, &launch)?;
        let start = Start { command: &command, folder: &folder, launch: &launch, unattended: self.unattended };
        Ok(start.run(lock).await.map(drop)?)
    }

    /// Writes the command line of a conductor: this program with what the rollout was started with.
    fn command(&self, rollout: &RolloutId, launch: &Launch) -> Result<Vec<OsString>, Error> {
        let program = std::env::current_exe()
            .map_err(|error| Error::before(format!("this program's own file cannot be found: {error}")))?;
        let mut command: Vec<OsString> = vec![program.into()];
        if let Some(config) = &launch.config {
            command.extend(["--config".into(), config.into()]);
        }
        command.extend(["--environment".into(), launch.environment.as_str().into()]);
        if let Some(state_dir) = self.rollouts.root().parent() {
            command.extend(["--state-dir".into(), state_dir.into()]);
        }
        // A log without what was done would be of little help.
        let verbose = launch.verbose.max(self.verbose).max(1);
        command.push(format!("-{}", "v".repeat(usize::from(verbose))).into());
        command.extend(["conduct".into(), rollout.as_str().into()]);
        Ok(command)
    }
}
