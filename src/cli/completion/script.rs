use std::ffi::OsString;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::Shell;
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};

use crate::cli::output::print;
use crate::deploy::Error;
use crate::process::quote;
use crate::rollout::Exit;

/// The variable by which a script asks, with its shell's name as value.
const VARIABLE: &str = "COMPLETE";

/// The engine's own script hands over words as bash parts them, and so loses `@group` and `--limit=EXPR`.
const BASH: &str = include_str!("../../../assets/completion/coalmine.bash");

/// What `completions` takes.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct CompletionsArgs {
    /// For which shell.
    pub shell: Shell,
}

/// Prints the script that lets a shell ask the coalmine that printed it.
pub(in crate::cli) fn script(CompletionsArgs { shell }: &CompletionsArgs) -> Result<String, Error> {
    let program = program();
    if *shell == Shell::Bash {
        return Ok(BASH.replace("COMPLETER", &quote(&program)));
    }
    let completer =
        completer(&shell.to_string()).ok_or_else(|| Error::usage(format!("there is no completion for {shell}")))?;
    let mut script = Vec::new();
    completer
        .write_registration(VARIABLE, "coalmine", "coalmine", &program, &mut script)
        .map_err(|error| Error::before(format!("the script cannot be written: {error}")))?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}

/// Answers a shell that asks how a command line may go on; none where no shell asks.
pub(in crate::cli) fn answer(command: impl FnOnce() -> clap::Command) -> Option<u8> {
    let completer = completer(std::env::var(VARIABLE).ok()?.as_str())?;
    let mut arguments = std::env::args_os().skip(1);
    // The variable alone may be anybody's: what a script asks is behind two dashes.
    if arguments.next()? != "--" {
        return None;
    }
    let words: Vec<OsString> = arguments.collect();
    if words.is_empty() {
        return Some(Exit::Failed.code());
    }
    let asked = catch_unwind(AssertUnwindSafe(|| candidates(command(), completer, words)));
    match asked.ok().and_then(Result::ok).map(|text| print(&text)) {
        Some(Ok(())) => Some(0),
        _ => Some(Exit::Failed.code()),
    }
}

fn candidates(mut command: clap::Command, completer: &dyn EnvCompleter, words: Vec<OsString>) -> io::Result<String> {
    command.build();
    let folder = std::env::current_dir().ok();
    let mut bytes = Vec::new();
    completer.write_complete(&mut command, words, folder.as_deref(), &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn completer(shell: &str) -> Option<&'static dyn EnvCompleter> {
    let completers: [&'static dyn EnvCompleter; 5] = [&Bash, &Elvish, &Fish, &Powershell, &Zsh];
    completers.into_iter().find(|completer| completer.is(shell))
}

/// Names this program as a script must: as it was called, from wherever the shell will be.
fn program() -> String {
    let called = std::env::args_os().next().map_or_else(|| PathBuf::from("coalmine"), PathBuf::from);
    let is_a_path = called.components().count() > 1;
    let path = if is_a_path { std::path::absolute(&called).unwrap_or(called) } else { called };
    Path::to_string_lossy(&path).into_owned()
}
