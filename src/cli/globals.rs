use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::output::{ColorChoice, hear};
use crate::deploy::{Error, Invocation, Workspace};
use crate::journal::Rollouts;
use crate::model::Environment;
use crate::words::Typed;

/// Says where the environment is that is meant and how people are told of it, whatever the command.
///
/// Completion reads these flags to know where to look, so that none of them can name its own completer here.
#[derive(Debug, Clone, Args)]
pub(super) struct Globals {
    /// Which configuration; without it, coalmine.toml here or in a folder above, then the user's, then the system's.
    #[arg(short = 'c', long = "config", value_name = "FILE", global = true, env = "COALMINE_CONFIG")]
    pub config: Option<PathBuf>,

    /// Which environment; needed where the configuration has several.
    #[arg(
        short,
        long,
        visible_alias = "env",
        value_name = "ENV",
        global = true,
        env = "COALMINE_ENV",
        value_parser = environment
    )]
    pub environment: Option<Environment>,

    /// Where releases, journals and marks are kept.
    #[arg(long, value_name = "DIR", global = true, env = "COALMINE_STATE_DIR")]
    pub state_dir: Option<PathBuf>,

    /// When to use colours; auto is on a terminal, unless `NO_COLOR` is set.
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value_t = ColorChoice::Auto,
        global = true,
        env = "COALMINE_COLOR"
    )]
    pub color: ColorChoice,

    /// Uses ASCII signs only, as where the locale is not UTF-8.
    #[arg(long, global = true)]
    pub ascii: bool,

    /// Tells more: once what is done, twice how.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
}

impl Globals {
    /// Says where the environment is that is meant; people are told on standard error what happens meanwhile.
    pub(super) fn typed(&self) -> Typed {
        // What a variable says, it says to the next command as well.
        let typed = |value: Option<&OsStr>, variable: &str| {
            let value = value.filter(|value| std::env::var_os(variable).as_deref() != Some(value))?;
            Some(value.to_string_lossy().into_owned())
        };
        // A command that is proposed may be typed in another folder.
        let whole =
            |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone()).to_string_lossy().into_owned();
        let path = |path: Option<&PathBuf>, variable: &str| {
            typed(path.map(|path| path.as_os_str()), variable).map(|typed| whole(&typed.into()))
        };
        let config = path(self.config.as_ref(), "COALMINE_CONFIG");
        let environment = typed(self.environment.as_ref().map(|name| OsStr::new(name.as_str())), "COALMINE_ENV");
        let state_dir = path(self.state_dir.as_ref(), "COALMINE_STATE_DIR");
        Typed::new(config.as_deref(), environment.as_deref(), state_dir.as_deref())
    }

    /// Says where the environment is that is meant; people are told on standard error what happens meanwhile.
    pub(super) fn invocation(&self) -> Invocation {
        Invocation {
            config: self.config.clone(),
            environment: self.environment.clone(),
            state_dir: self.state_dir.clone(),
            verbose: self.verbose,
            listener: Arc::new(|notice| hear(&notice)),
        }
    }

    /// Finds the rollouts of the state folder that is meant; no configuration is needed for it.
    pub(super) fn rollouts(&self) -> Result<Rollouts, Error> {
        self.invocation().rollouts()
    }

    /// Gives what to say where nothing was found of the environment that was given: that there is none of that name, where a configuration says so.
    pub(super) fn or_unknown(&self, failed: Error) -> Error {
        let Some(name) = &self.environment else { return failed };
        let Ok(workspace) = Workspace::open(&self.invocation()) else { return failed };
        workspace.config().environment(Some(name.as_str())).err().map_or(failed, Error::from)
    }

    /// Opens the workspace that is meant.
    ///
    /// # Errors
    ///
    /// When its configuration is wrong, or has no environment of the name that was given, whatever the command would do with it.
    pub(super) fn workspace(&self) -> Result<Workspace, Error> {
        let workspace = Workspace::open(&self.invocation())?;
        if let Some(name) = &self.environment {
            workspace.config().environment(Some(name.as_str()))?;
        }
        Ok(workspace)
    }
}

fn environment(text: &str) -> Result<Environment, String> {
    Environment::new(text).map_err(|error| error.to_string())
}
