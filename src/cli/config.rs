//! Shows or checks the configuration.

use clap::Subcommand;

use super::args::TableFormat;
use super::output::{notify, print};
use super::{Globals, interrupt};
use crate::deploy::{Error, check_environment};
use crate::rollout::Exit;

/// What `config` does.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum ConfigCommand {
    /// Prints the merged configuration, with where each value came from.
    Show {
        /// What is printed.
        #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
        output: TableFormat,
    },
    /// Tells everything that is wrong with the configuration.
    Check {
        /// What is printed.
        #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
        output: TableFormat,
    },
    /// Prints a configuration with every key, its default and its meaning.
    Sample,
}

pub(super) fn run(globals: &Globals, command: &ConfigCommand) -> Result<u8, Error> {
    match command {
        ConfigCommand::Show { output } => {
            let workspace = globals.workspace()?;
            match output {
                TableFormat::Text => print(&workspace.loaded.show())?,
                TableFormat::Json => print(&workspace.loaded.show_json())?,
            }
        }
        ConfigCommand::Check { output: TableFormat::Json } => {
            let problems = match check(globals) {
                Ok(_) => Vec::new(),
                Err(error) => error.to_string().lines().map(str::to_owned).collect(),
            };
            let found = serde_json::json!({"schema": 1, "valid": problems.is_empty(), "problems": problems});
            print(&found.to_string())?;
            return Ok(if problems.is_empty() { Exit::Success } else { Exit::Usage }.code());
        }
        ConfigCommand::Check { output: TableFormat::Text } => print(&check(globals)?)?,
        ConfigCommand::Sample => print(&crate::config::sample())?,
    }
    Ok(0)
}

/// Says that the configuration is right, or everything that is wrong with it.
fn check(globals: &Globals) -> Result<String, Error> {
    let right = crate::config::check(&globals.invocation().sources()?)?;
    // What the files say may be right and what they name wrong.
    let workspace = globals.workspace()?;
    let names = workspace.config().environments.keys();
    let wrong = interrupt::run(async {
        let mut wrong = Vec::new();
        for name in names {
            wrong.extend(check_environment(&workspace, name.as_str()).await.err().map(|error| error.to_string()));
        }
        Ok(wrong)
    })?;
    let mut wrong = wrong;
    wrong.extend(super::console::keymap(&workspace).err().map(|error| error.to_string()));
    if !wrong.is_empty() {
        return Err(Error::usage(wrong.join("\n")));
    }
    for text in workspace.unheeded()? {
        notify(&format!("warning: {text}"));
    }
    Ok(right.clone())
}
