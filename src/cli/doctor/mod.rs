//! Looks at whatever a rollout needs, on this machine and on every host, and changes nothing.

mod hosts;
mod machine;

use super::args::{DoctorArgs, TableFormat};
use super::context::Context;
use super::error::Failed;
use super::output::{look, print};
use super::{Cli, interrupt};
use crate::report::DoctorReport;

pub(super) fn run(cli: &Cli, context: &Context, args: &DoctorArgs) -> Result<u8, Failed> {
    let report = interrupt::run(examine(context, args))?;
    match args.output {
        TableFormat::Text => print(&report.text(look(cli.color)).join("\n"))?,
        TableFormat::Json => print(&serde_json::to_string(&report).map_err(Failed::before)?)?,
    }
    Ok(report.exit_code())
}

async fn examine(context: &Context, args: &DoctorArgs) -> Result<DoctorReport, Failed> {
    let fleet = context.fleet()?;
    let mut findings = machine::examine(context, &fleet).await;
    findings.extend(hosts::examine(context, &fleet, &args.selection).await?);
    Ok(DoctorReport::new(fleet.name.clone(), findings))
}
