use super::args::{Cli, ConfigCommand, TableFormat};
use super::context::{Context, sources};
use super::error::Failed;
use super::mapping;
use super::output::print;
use super::planned::check_masters;

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
            let right = crate::config::check(&sources(cli)?).map_err(Failed::usage)?;
            // What the files say may be right and what they name wrong.
            let context = Context::load(cli)?;
            let names = context.config().environments.keys();
            let wrong: Vec<String> = names
                .filter_map(|name| check_environment(&context, name.as_str()).err())
                .map(|failed| failed.to_string())
                .collect();
            if !wrong.is_empty() {
                return Err(Failed::usage(wrong.join("\n")));
            }
            print(&right)?;
        }
        ConfigCommand::Sample => print(&crate::config::sample())?,
    }
    Ok(0)
}

/// Resolves every expression of an environment, as a plan would.
fn check_environment(context: &Context, name: &str) -> Result<(), Failed> {
    let fleet = context.fleet_of(name)?;
    check_masters(&fleet)?;
    mapping::stages(context, &fleet).map(drop)
}
