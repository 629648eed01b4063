use super::args::{DoctorArgs, TableFormat};
use super::output::{look, print};
use super::{Cli, interrupt, workspace};
use crate::deploy::{Error, examine};
use crate::report::DoctorReport;

pub(super) fn run(cli: &Cli, args: &DoctorArgs) -> Result<u8, Error> {
    let workspace = workspace(cli)?;
    let environment = workspace.policy()?.0.clone();
    let findings = interrupt::run(examine(&workspace, &args.selection.clone().into()))?;
    let report = DoctorReport::new(environment, findings);
    match args.output {
        TableFormat::Text => print(&report.text(look(cli.color)).join("\n"))?,
        TableFormat::Json => print(&serde_json::to_string(&report).map_err(Error::before)?)?,
    }
    Ok(report.exit_code())
}
