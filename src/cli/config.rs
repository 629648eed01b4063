use super::args::{Cli, ConfigCommand, TableFormat};
use super::output::{print, tell};
use super::{interrupt, workspace};
use crate::deploy::{Error, check_environment};

pub(super) fn run(cli: &Cli, command: &ConfigCommand) -> Result<u8, Error> {
    match command {
        ConfigCommand::Show { output } => {
            let workspace = workspace(cli)?;
            match output {
                TableFormat::Text => print(&workspace.loaded.show())?,
                TableFormat::Json => print(&workspace.loaded.show_json())?,
            }
        }
        ConfigCommand::Check => {
            let right = crate::config::check(&cli.invocation().sources()?)?;
            // What the files say may be right and what they name wrong.
            let workspace = workspace(cli)?;
            let names = workspace.config().environments.keys();
            let wrong = interrupt::run(async {
                let mut wrong = Vec::new();
                for name in names {
                    wrong.extend(
                        check_environment(&workspace, name.as_str()).await.err().map(|error| error.to_string()),
                    );
                }
                Ok(wrong)
            })?;
            if !wrong.is_empty() {
                return Err(Error::usage(wrong.join("\n")));
            }
            for text in workspace.unheeded()? {
                tell(&format!("warning: {text}"));
            }
            print(&right)?;
        }
        ConfigCommand::Sample => print(&crate::config::sample())?,
    }
    Ok(0)
}
