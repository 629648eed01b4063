use std::ffi::OsString;
use std::path::Path;

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
    /// The configuration that was named for it, absolute; none is the one that it was started with.
    pub config: Option<&'a Path>,
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
        // What another user wrote down names commands, folders and variables of that one's choice: nothing of it is obeyed.
        let launch = match Launch::stranger(&folder)? {
            // By a configuration that is named it can be gone on with, also where what was noted is lost.
            None => match Launch::load(&folder) {
                Err(_) if self.config.is_some() => {
                    Launch::of_process(self.config, lock.environment().clone(), self.verbose)?
                }
                loaded => loaded?,
            },
            Some(_) => Launch::of_process(self.config, lock.environment().clone(), self.verbose)?,
        };
        let command = self.command(rollout, &launch)?;
        let start = Start { command: &command, folder: &folder, launch: &launch, unattended: self.unattended };
        Ok(start.run(lock).await.map(drop)?)
    }

    /// Writes the command line of a conductor: this program with what the rollout was started with.
    fn command(&self, rollout: &RolloutId, launch: &Launch) -> Result<Vec<OsString>, Error> {
        let program = std::env::current_exe()
            .map_err(|error| Error::before(format!("this program's own file cannot be found: {error}")))?;
        let mut command: Vec<OsString> = vec![program.into()];
        if let Some(config) = self.config.or(launch.config.as_deref()) {
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

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::path::Path;

    use super::Detached;
    use crate::conductor::Launch;
    use crate::journal::Rollouts;
    use crate::model::{Environment, RolloutId};

    #[test]
    fn a_process_of_its_own_is_given_the_configuration_that_was_named_for_it() {
        let rollouts = Rollouts::new(Path::new("/state"));
        let rollout = RolloutId::new("one").unwrap();
        let mut launch = Launch::of_process(None, Environment::new("beta").unwrap(), 0).unwrap();
        launch.config = Some("/home/bob/coalmine.toml".into());
        let named = |config| {
            let detached = Detached { rollouts: &rollouts, verbose: 0, config, unattended: false };
            detached.command(&rollout, &launch).unwrap()
        };
        assert!(named(None).iter().any(|argument| argument == OsStr::new("/home/bob/coalmine.toml")));
        let mine = named(Some(Path::new("/home/amy/coalmine.toml")));
        assert!(mine.windows(2).any(|pair| pair == ["--config", "/home/amy/coalmine.toml"]), "{mine:?}");
        assert!(!mine.iter().any(|argument| argument == OsStr::new("/home/bob/coalmine.toml")), "{mine:?}");
    }
}
