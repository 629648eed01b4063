use std::ffi::OsString;
use std::path::PathBuf;

use clap::Subcommand;

use super::args::TableFormat;
use super::interrupt::runtime;
use super::output::{notify, print};
use crate::deploy::Error;
use crate::expr::Expression;
use crate::sandbox::{self, Fault, Options, SandboxError};

/// What `sandbox` does.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum SandboxCommand {
    /// Starts a fleet on loopback.
    Up {
        /// How many hosts, besides two masters.
        #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=1000))]
        hosts: u16,
        /// Where it lives.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Ends the fleet and removes every trace of it.
    Down {
        /// Where it lives.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Tells what runs, and which faults are on.
    Status {
        /// Where it lives.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// What is printed.
        #[arg(long, value_enum, value_name = "FORMAT", default_value_t = TableFormat::Text)]
        output: TableFormat,
    },
    /// Switches a fault of hosts on, or off with `none`; without any, lists the faults there are.
    Fault {
        /// Which hosts: `mw03.eqiad.sandbox`, `mw[03-05].eqiad.sandbox`.
        #[arg(value_name = "HOSTS", requires = "fault")]
        hosts: Option<String>,
        /// Which fault, some with an amount of bytes: `down`, `slow:64k`.
        #[arg(value_name = "FAULT")]
        fault: Option<String>,
        /// Where the fleet lives.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Serves the fleet; started by `up`.
    #[command(hide = true)]
    Serve {
        /// Where the fleet lives.
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

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
                notify(&note);
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
