//! Asks for what a first configuration needs, and says what to do next.

use std::path::{Path, PathBuf};

use clap::Args;

use super::ask::ask;
use super::output::{count, is_interactive, notify, print, print_for_people};
use super::{Globals, interrupt};
use crate::deploy::{Beginning, Begun, Checkout, Error, HostSource, begin, usual_environment};

/// How often somebody is asked the same.
const TRIES: usize = 3;

/// What `init` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct InitArgs {
    /// The checkout that holds the release tags; without it, the one around the current folder.
    #[arg(long, value_name = "DIR")]
    pub repository: Option<PathBuf>,

    /// The hosts: a dsh file, an Ansible inventory, an `ssh_config`, or names such as `mw[01-40].example.org`.
    #[arg(long, value_name = "FILE|EXPR")]
    pub hosts: Option<String>,

    /// What is installed.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// What is run in the finished release, and must exit 0.
    #[arg(long, value_name = "COMMAND")]
    pub check: Option<String>,

    /// The folder of the releases on hosts; relative: to the login folder.
    #[arg(long, value_name = "DIR")]
    pub root: Option<String>,

    /// Whom ssh logs in as; ssh's own choice without it.
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,

    /// What builds a release into `{prefix}`, where pip does not; may be given again for a further command.
    #[arg(long, value_name = "COMMAND")]
    pub build: Vec<String>,

    /// Prints the configuration and writes nothing.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

pub(super) fn run(globals: &Globals, args: &InitArgs) -> Result<u8, Error> {
    let folder = std::env::current_dir().map_err(|error| Error::before(format!("the current folder: {error}")))?;
    let target = folder.join(globals.config.as_deref().unwrap_or(Path::new("coalmine.toml")));
    if target.symlink_metadata().is_ok() && !args.dry_run {
        return Err(Error::usage(format!("{} is there already; nothing was written", target.display()))
            .hint("`coalmine config check` tells what is wrong with it, `coalmine config show` what it means"));
    }
    let repository = match &args.repository {
        Some(named) => folder.join(named),
        None => around(&folder)?,
    };
    let checkout = interrupt::run(Checkout::read(&repository))?;
    let beginning = complete(globals, args, checkout, &folder)?;
    let begun = interrupt::run(begin(&beginning, &target, &globals.invocation(), !args.dry_run))?;
    tell_notes(&beginning, &begun);
    if args.dry_run {
        print(&begun.text)?;
        return Ok(0);
    }
    let Beginning { name, checkout, environment, .. } = &beginning;
    print_for_people(&format!(
        "wrote {}: {name} from {} on {}, in {environment}\n\
         next: `coalmine doctor` tries every host, `coalmine plan` shows what an installation would do;\n\
         `coalmine config sample` has what else can be said: gates, hooks, budgets, groups, masters",
        target.display(),
        checkout.path.display(),
        count(begun.hosts.len(), "host")
    ))?;
    Ok(0)
}

/// Finds the checkout around a folder.
fn around(folder: &Path) -> Result<PathBuf, Error> {
    let found = folder.ancestors().find(|folder| folder.join(".git").exists());
    found.map(Path::to_owned).ok_or_else(|| {
        Error::usage(format!("{} is in no git checkout", folder.display()))
            .hint("name the one that holds the release tags with --repository DIR")
    })
}

/// Takes what the flags say, and asks for the rest where there is somebody to ask.
fn complete(globals: &Globals, args: &InitArgs, checkout: Checkout, folder: &Path) -> Result<Beginning, Error> {
    let called = checkout.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let called = called.trim_end_matches(".git").to_owned();
    let mut missing = Missing { asks: is_interactive(), flags: Vec::new() };
    let name = missing.or_ask(&args.name, "--name NAME", "What is the product called?", &called)?;
    let build = if !args.build.is_empty() {
        args.build.clone()
    } else if checkout.is_python {
        Vec::new()
    } else {
        let usual = if checkout.has_makefile { "make install DESTDIR={prefix}" } else { "cp -a . {prefix}/" };
        vec![missing.or_ask(&None, "--build COMMAND", "Which command builds it into {prefix}?", usual)?]
    };
    let usual = if checkout.is_python { format!("bin/{name} --version") } else { String::new() };
    let check = missing.or_ask(&args.check, "--check COMMAND", "Which command shows that a release works?", &usual)?;
    let hosts = missing.or_ask(
        &args.hosts,
        "--hosts FILE|EXPR",
        "Which hosts (a dsh file, an Ansible inventory, an ssh_config, or names)?",
        "",
    )?;
    let root =
        missing.or_ask(&args.root, "--root DIR", "In which folder of the hosts?", &format!("/var/lib/{name}"))?;
    let user = match &args.user {
        Some(user) => user.clone(),
        None if missing.asks => ask("Whom does ssh log in as? [ssh's own choice] ")?.trim().to_owned(),
        None => String::new(),
    };
    if !missing.flags.is_empty() {
        return Err(Error::usage(format!(
            "there is no terminal to ask on, and init needs {} besides; nothing was written",
            missing.flags.join(", ")
        )));
    }
    let environment = match &globals.environment {
        Some(environment) => environment.clone(),
        None => usual_environment(&globals.invocation(), &name)?,
    };
    let hosts = HostSource::read(&hosts, folder)?;
    let user = Some(user).filter(|user| !user.is_empty());
    Ok(Beginning { name, checkout, build, check, root, user, environment, hosts })
}

/// Collects the flags that nobody gave and nobody can be asked for.
struct Missing {
    asks: bool,
    flags: Vec<&'static str>,
}

impl Missing {
    fn or_ask(
        &mut self,
        given: &Option<String>,
        flag: &'static str,
        question: &str,
        usual: &str,
    ) -> Result<String, Error> {
        if let Some(given) = given {
            return Ok(given.clone());
        }
        if !self.asks {
            self.flags.push(flag);
            return Ok(String::new());
        }
        let usual = usual.trim();
        let choice = if usual.is_empty() { String::new() } else { format!(" [{usual}]") };
        for _ in 0..TRIES {
            let answer = ask(&format!("{question}{choice} "))?;
            let answer = if answer.trim().is_empty() { usual } else { answer.trim() };
            if !answer.is_empty() {
                return Ok(answer.to_owned());
            }
        }
        Err(Error::usage(format!("nothing was answered; {flag} says it, too")))
    }
}

fn tell_notes(beginning: &Beginning, begun: &Begun) {
    if let HostSource::SshConfig { file, passed_over, .. } = &beginning.hosts {
        for line in passed_over {
            notify(&format!("{}: {line:?} names no host, and was passed over", file.display()));
        }
        notify("every other name behind `Host` was taken for a host of the fleet: look through groups.all");
    }
    for note in &begun.notes {
        notify(&format!("warning: {note}"));
    }
    if beginning.checkout.tags.is_none() {
        notify(
            "the checkout has no release tag yet: --rev HEAD stands for its newest commit, product.tags says what a release is",
        );
    }
}
