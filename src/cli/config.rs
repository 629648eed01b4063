use super::args::{Cli, ConfigCommand, TableFormat};
use super::context::{Context, sources};
use super::error::Failed;
use super::output::print;

pub(super) fn run(cli: &Cli, command: &ConfigCommand) -> Result<u8, Failed> {
    match command {
        ConfigCommand::Show { output } => {
            let context = Context::load(cli)?;
            match output {
                TableFormat::Text => print(&context.loaded.show())?,
                TableFormat::Json => print(&context.loaded.show_json())?,
            }
        }
        ConfigCommand::Check => {
            print(&crate::config::check(&sources(cli)?).map_err(Failed::usage)?)?;
            // What the files say may be right and what they name wrong.
            let context = Context::load(cli)?;
            for name in context.config().environments.keys() {
                context.fleet_of(name.as_str())?;
            }
        }
        ConfigCommand::Sample => print(&crate::config::sample())?,
    }
    Ok(0)
}
