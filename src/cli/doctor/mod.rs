//! Looks at whatever a rollout needs, on this machine and on every host, and changes nothing.

mod hosts;
mod machine;

use super::args::{DoctorArgs, TableFormat};
use super::context::Context;
use super::error::Failed;
use super::output::{look, print};
use super::{Cli, interrupt};
use crate::config::BuildKind;
use crate::release::Interpreter;
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
    let interpreter = match context.config().build.kind {
        BuildKind::PythonVenv => Some(Interpreter::of_this_machine().await),
        BuildKind::Command => None,
    };
    let mut findings = machine::examine(context, &fleet, interpreter.as_ref()).await;
    let interpreter = interpreter.as_ref().and_then(|found| found.as_ref().ok());
    findings.extend(hosts::examine(context, &fleet, &args.selection, interpreter).await?);
    Ok(DoctorReport::new(fleet.name.clone(), findings))
}
