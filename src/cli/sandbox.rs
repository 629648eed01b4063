use std::ffi::OsString;
use std::path::PathBuf;

use super::args::{SandboxCommand, TableFormat};
use super::main::runtime;
use super::output::{print, tell};
use crate::deploy::Error;
use crate::expr::Expression;
use crate::sandbox::{self, Fault, Options, SandboxError};

pub(super) fn run(command: &SandboxCommand) -> Result<u8, Error> {
    match command {
        SandboxCommand::Up { hosts, dir } => {
            let program = std::env::current_exe()
                .map_err(|error| Error::before(format!("this program's own file cannot be found: {error}")))?;
            let supervisor = vec![program.into_os_string(), OsString::from("sandbox"), OsString::from("serve")];
            let options = Options { dir: folder(dir.as_ref())?, hosts: usize::from(*hosts), supervisor };
            print(&sandbox::up(&options).map_err(failed)?.to_string())?;
        }
        SandboxCommand::Down { dir } => print(&sandbox::down(&folder(dir.as_ref())?).map_err(failed)?.to_string())?,
        SandboxCommand::Status { dir, output } => {
            let status = sandbox::status(&folder(dir.as_ref())?).map_err(failed)?;
            match output {
                TableFormat::Text => print(&status.to_string())?,
                TableFormat::Json => print(&serde_json::to_string(&status).map_err(Error::before)?)?,
            }
        }
        SandboxCommand::Fault { hosts: Some(hosts), fault: Some(fault), dir } => {
            let hosts = Expression::new(hosts)?.expand()?;
            let fault = match fault.as_str() {
                "none" => None,
                fault => Some(fault.parse::<Fault>().map_err(Error::usage)?),
            };
            for note in sandbox::fault(&folder(dir.as_ref())?, &hosts, fault).map_err(failed)? {
                tell(&note);
            }
        }
        SandboxCommand::Fault { .. } => {
            let faults = Fault::ALL.iter().map(|fault| format!("{:14} {}\n", fault.to_string(), fault.does()));
            print(&faults.collect::<String>())?;
        }
        SandboxCommand::Serve { dir } => runtime()?.block_on(sandbox::serve(dir)).map_err(failed)?,
    }
    Ok(0)
}

fn folder(named: Option<&PathBuf>) -> Result<PathBuf, Error> {
    match named {
        Some(dir) => Ok(dir.clone()),
        None => sandbox::default_dir().map_err(failed),
    }
}

fn failed(error: SandboxError) -> Error {
    match error {
        error @ SandboxError::NoSuchHost { .. } => Error::usage(error),
        error => Error::before(error),
    }
}
