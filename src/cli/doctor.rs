//! Checks configuration, tools, agent, locks and every host.

use clap::Args;

use super::args::{Selection, TableFormat};
use super::output::{look, print, print_for_people};
use super::{Globals, interrupt};
use crate::deploy::{Error, examine};
use crate::report::DoctorReport;

/// What `doctor` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct DoctorArgs {
    /// Which hosts.
    #[command(flatten)]
    pub selection: Selection,

    /// What is printed.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
    pub output: TableFormat,
}

pub(super) fn run(globals: &Globals, args: &DoctorArgs) -> Result<u8, Error> {
    let workspace = globals.workspace()?;
    let environment = workspace.policy()?.0.clone();
    let findings = interrupt::run(examine(&workspace, &args.selection.clone().into()))?;
    let report = DoctorReport::new(environment, findings);
    match args.output {
        TableFormat::Text => print_for_people(&report.text(look(globals.color)).join("\n"))?,
        TableFormat::Json => print(&serde_json::to_string(&report).map_err(Error::before)?)?,
    }
    Ok(report.exit_code())
}
