//! What the configuration says, in the words of the rooms that do it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::carriage::carriers;
use super::error::Error;
use super::workspace::{Fleet, Workspace};
use crate::config::{self, Config, DryWords, StageSelection};
use crate::host::{RealFleet, SshSettings, TargetSettings, TransferSettings};
use crate::model::{Bytes, HostId};
use crate::plan::StageRequest;
use crate::release::{BuildKind, BuildSpec, Source, VersionOrder};

/// How long the product's remote may take to be fetched.
const FETCH: Duration = Duration::from_secs(120);

pub(super) fn source(config: &Config, no_fetch: bool) -> Source {
    let product = &config.product;
    Source {
        repository: product.repository.as_path().to_owned(),
        remote: product.remote.as_ref().map_or_else(String::new, |remote| remote.as_str().to_owned()),
        tags: product.tags.as_str().to_owned(),
        order: VersionOrder::new(product.version_pattern.clone()),
        verify_tags: product.verify_tags,
        fetch: !no_fetch,
        fetch_deadline: FETCH,
        bad: [].into(),
    }
}

pub(super) fn build_spec(config: &Config) -> BuildSpec {
    let build = &config.build;
    let kind = match build.kind {
        config::BuildKind::PythonVenv => BuildKind::PythonVenv {
            pip: build.pip.as_slice().to_vec(),
            requirements: build.requirements.iter().map(|file| file.as_str().to_owned()).collect(),
            python: build.python.as_ref().map(|python| python.as_str().into()),
            own: build.own_python,
        },
        config::BuildKind::Command => BuildKind::Command { commands: build.commands.clone() },
    };
    BuildSpec {
        kind,
        before: build.before.clone(),
        check: build.check.clone(),
        environment: build.env.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        installer: build.installer,
        submodules: build.submodules,
        modes: build.modes,
        allow_paths: build.allow_paths.iter().map(|pattern| pattern.as_str().to_owned()).collect(),
        deadline: build.timeout,
    }
}

/// Finds the hosts of an environment: masters that are this machine without ssh, all others over it.
///
/// # Errors
///
/// When the configuration makes no sense, or when there is no folder for ssh's sockets.
pub fn reach(workspace: &Workspace) -> Result<Arc<RealFleet>, Error> {
    // Who wants to hear more wants to hear of connecting, too.
    let shares = workspace.config().ssh.share && workspace.invocation.verbose == 0;
    // The same folder by another name is the same.
    let among = shares.then(|| workspace.state_dir.canonicalize().unwrap_or_else(|_| workspace.state_dir.clone()));
    let keep = workspace.config().ssh.persist;
    reach_by(workspace, SshSettings { share: among, keep, ..ssh_settings(workspace)? })
}

/// Finds the hosts of an environment as [`reach`] does, over connections of this process's alone.
///
/// # Errors
///
/// As [`reach`].
pub(super) fn reach_alone(workspace: &Workspace) -> Result<Arc<RealFleet>, Error> {
    reach_by(workspace, ssh_settings(workspace)?)
}

fn reach_by(workspace: &Workspace, ssh: SshSettings) -> Result<Arc<RealFleet>, Error> {
    let store = workspace.store()?;
    let transfer = transfer_settings(workspace.config());
    let here: HashSet<HostId> =
        ssh.addresses.iter().filter(|(_, address)| address.local).map(|(host, _)| host.clone()).collect();
    let target = target_settings(workspace)?;
    let names = this_machine();
    let fleet = RealFleet::new(
        ssh,
        transfer,
        target,
        move |host| here.contains(host) || names.iter().any(|name| name == host.as_str()),
        store,
    );
    let fleet = fleet.map_err(|error| {
        Error::before(format!("no host can be reached from here: {error}"))
            .hint("`coalmine doctor` says what is missing on this machine")
    })?;
    Ok(Arc::new(fleet))
}

/// Says how hosts are reached.
///
/// # Errors
///
/// When an inventory that says where hosts are cannot be read.
pub(super) fn ssh_settings(workspace: &Workspace) -> Result<SshSettings, Error> {
    let config = workspace.config();
    let (ssh, user) = (&config.ssh, &config.target.user);
    Ok(SshSettings {
        addresses: workspace.inventory.addresses()?,
        config: ssh.config.as_ref().map(|path| path.as_path().to_owned()),
        user: user.as_ref().map(|user| user.as_str().to_owned()),
        connect_timeout: ssh.connect_timeout,
        alive: ssh.alive,
        connects: ssh.connects.get(),
        sessions: ssh.sessions.get(),
        host_keys: ssh.host_keys,
        kex: ssh.kex.as_ref().map(|kex| kex.as_str().to_owned()),
        ..SshSettings::default()
    })
}

/// Says how releases travel.
pub(super) fn transfer_settings(config: &Config) -> TransferSettings {
    let transfer = &config.transfer;
    TransferSettings {
        bandwidth: transfer.bandwidth.kib_per_second().map(|kib| Bytes(kib.saturating_mul(1024))),
        stall: transfer.stall,
        retries: transfer.retries,
        compress: transfer.compress,
        packs: transfer.packs,
        carriers: carriers(transfer),
        verify: transfer.verify,
        rehash: Some(config.verify.rehash),
        ..TransferSettings::default()
    }
}

/// Says where releases go on hosts.
pub(super) fn target_settings(workspace: &Workspace) -> Result<TargetSettings, Error> {
    let config = workspace.config();
    let target = &config.target;
    let settings = TargetSettings {
        root: target.root.as_path().to_owned(),
        current: target.current.as_str().to_owned(),
        slots: target.slots.clone(),
        version_link: target.version_link.as_ref().map(|name| name.as_str().to_owned()),
        keep: target.keep,
        r#become: target.r#become.as_slice().to_vec(),
        version_command: config.build.version_command.as_ref().map(|command| command.script(&DryWords::default())),
        tool: tool(config),
    };
    settings.check()?;
    Ok(settings)
}

/// Names what people run: the program of a release's `bin` that `build.check` or `build.version_command` runs, or else the product's name.
fn tool(config: &Config) -> Option<String> {
    let is_plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-'));
    let commands = std::iter::once(&config.build.check).chain(&config.build.version_command);
    let mut named = commands.filter_map(|command| {
        let script = command.script(&DryWords::default());
        Some(script.split_whitespace().next()?.strip_prefix("bin/")?.to_owned())
    });
    let name = named.find(|name| is_plain(name)).unwrap_or_else(|| config.product.name.to_string());
    (is_plain(&name) && !name.starts_with('-')).then_some(name)
}

/// Names this machine as an inventory may: by its short name, and by the one with its domain.
pub(super) fn this_machine() -> Vec<String> {
    let uname = rustix::system::uname();
    let name = uname.nodename().to_string_lossy().into_owned();
    let domain = uname.domainname().to_string_lossy().into_owned();
    let full = (!matches!(domain.as_str(), "" | "(none)")).then(|| format!("{name}.{domain}"));
    let names = [Some(name), full, Some("localhost".to_owned())].into_iter().flatten();
    // As hosts are named.
    names.map(|name| name.to_ascii_lowercase()).collect()
}

/// Gives the stages of an environment with their hosts.
pub(super) async fn stages(workspace: &Workspace, fleet: &Fleet<'_>) -> Result<Vec<StageRequest>, Error> {
    let gates = workspace.config().stage_gates();
    let mut stages = Vec::new();
    for (at, stage) in fleet.policy.stages.iter().enumerate() {
        let mut hosts = Vec::new();
        if let StageSelection::Hosts(expression) = &stage.selection {
            let (based, within) = (workspace.based(expression), fleet.hosts.clone());
            let resolved =
                workspace.ask(vec![based.clone()], move |inventory| inventory.resolve(&based, Some(&within)));
            let key = format!("environments.{}.stages[{at}].hosts", fleet.name);
            hosts = resolved.await?.map_err(|error| Error::usage(workspace.placed(&key, &error)))?;
        }
        stages.push(stage.request(|_| Ok::<_, Error>(hosts), gates.clone())?);
    }
    Ok(stages)
}
