//! Looks at whatever a rollout needs, on this machine and on every host, and changes nothing.

mod finding;
mod hosts;
mod kept;
mod machine;

pub use finding::{Finding, Health};

use std::path::Path;

use super::error::Error;
use super::workspace::{Selection, Workspace};
use crate::config::BuildKind;
use crate::release::Interpreter;

/// Looks at this machine first, then at the hosts.
///
/// # Errors
///
/// When it is not clear what to look at; whatever is wrong with it is a finding.
pub async fn examine(workspace: &Workspace, selection: &Selection) -> Result<Vec<Finding>, Error> {
    let fleet = workspace.fleet().await?;
    let interpreter = match workspace.config().build.kind {
        BuildKind::PythonVenv => {
            let python = workspace.config().build.python.as_ref().map(|python| Path::new(python.as_str()));
            Some(Interpreter::find(python).await)
        }
        BuildKind::Command => None,
    };
    let mut findings = machine::examine(workspace, &fleet, interpreter.as_ref()).await;
    // Hosts need none where the release holds it.
    let needed = interpreter.as_ref().filter(|_| !workspace.config().build.own_python);
    let interpreter = needed.and_then(|found| found.as_ref().ok());
    findings.extend(hosts::examine(workspace, fleet, selection, interpreter).await?);
    Ok(findings)
}
