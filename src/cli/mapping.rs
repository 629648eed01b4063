//! What the configuration says, in the words of the rooms that do it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::args;
use super::context::{Context, Fleet};
use super::error::Failed;
use crate::config::{self, Config, DryWords, GateScope};
use crate::hooks::{HookSettings, Place, SiteHooks, StageGateSettings};
use crate::host::{Compress, GateCheck, HostKeys, RealFleet, SshSettings, TargetSettings, TransferSettings, Verify};
use crate::model::{Bytes, HostId, Installed, ReleaseId, StageName};
use crate::plan::{Plan, StageKind, StagePlan, StageRequest};
use crate::release::{BuildKind, BuildSpec, Source, Store, Wanted};

/// How long `build.check` may take on a master.
const MASTER_CHECK: Duration = Duration::from_secs(60);

/// How long the product's remote may take to be fetched.
const FETCH: Duration = Duration::from_secs(120);

pub(super) fn source(config: &Config, no_fetch: bool) -> Source {
    let product = &config.product;
    Source {
        repository: product.repository.as_path().to_owned(),
        remote: product.remote.as_ref().map_or_else(String::new, |remote| remote.as_str().to_owned()),
        tags: product.tags.as_str().to_owned(),
        verify_tags: product.verify_tags,
        fetch: !no_fetch,
        fetch_deadline: FETCH,
    }
}

pub(super) fn build_spec(config: &Config) -> BuildSpec {
    let build = &config.build;
    let kind = match build.kind {
        config::BuildKind::PythonVenv => BuildKind::PythonVenv { pip: build.pip.as_slice().to_vec(), python: None },
        config::BuildKind::Command => BuildKind::Command { commands: build.commands.clone() },
    };
    BuildSpec { kind, before: build.before.clone(), check: build.check.clone(), deadline: build.timeout }
}

/// Finds the hosts of an environment: masters that are this machine without ssh, all others over it.
pub(super) fn real_fleet(config: &Config, store: &Store, full_verify: bool) -> Result<Arc<RealFleet>, Failed> {
    let (ssh, transfer, target) = (&config.ssh, &config.transfer, &config.target);
    let ssh = SshSettings {
        config: ssh.config.as_ref().map(|path| path.as_path().to_owned()),
        user: target.user.as_ref().map(|user| user.as_str().to_owned()),
        connect_timeout: ssh.connect_timeout,
        alive: ssh.alive,
        connects: ssh.connects.get(),
        sessions: ssh.sessions.get(),
        host_keys: match ssh.host_keys {
            config::HostKeys::Strict => HostKeys::Strict,
            config::HostKeys::AcceptNew => HostKeys::AcceptNew,
        },
        kex: ssh.kex.as_ref().map(|kex| kex.as_str().to_owned()),
        ..SshSettings::default()
    };
    let transfer = TransferSettings {
        bandwidth: transfer.bandwidth.kib_per_second().map(|kib| Bytes(kib.saturating_mul(1024))),
        stall: transfer.stall,
        retries: transfer.retries,
        compress: match transfer.compress {
            config::Compress::Auto => Compress::Auto,
            config::Compress::Always => Compress::Always,
            config::Compress::Never => Compress::Never,
        },
        verify: match transfer.verify {
            config::Verify::Changed if !full_verify => Verify::Changed,
            config::Verify::Changed | config::Verify::Full => Verify::Full,
        },
        ..TransferSettings::default()
    };
    let target = TargetSettings {
        root: target.root.as_path().to_owned(),
        current: target.current.as_str().to_owned(),
        keep: target.keep,
        r#become: target.r#become.as_slice().to_vec(),
        version_command: config.build.version_command.as_ref().map(|command| command.script(&DryWords::default())),
    };
    target.check().map_err(Failed::usage)?;
    let names = this_machine();
    let store = store.clone();
    let fleet = RealFleet::new(
        ssh,
        transfer,
        target,
        move |host| names.iter().any(|name| name == host.as_str()),
        move |id: &ReleaseId| store.manifest(id),
    );
    let fleet = fleet.map_err(|error| {
        Failed::before(format!("no host can be reached from here: {error}"))
            .hint("`coalmine doctor` says what is missing on this machine")
    })?;
    Ok(Arc::new(fleet))
}

/// Names this machine as an inventory may: by its short name, and by the one with its domain.
fn this_machine() -> Vec<String> {
    let uname = rustix::system::uname();
    let name = uname.nodename().to_string_lossy().into_owned();
    let domain = uname.domainname().to_string_lossy().into_owned();
    let full = (!matches!(domain.as_str(), "" | "(none)")).then(|| format!("{name}.{domain}"));
    [Some(name), full, Some("localhost".to_owned())].into_iter().flatten().collect()
}

/// Says which commit the words of a command line mean.
pub(super) fn wanted(fleet: &Fleet<'_>, wanted: &args::Wanted) -> Wanted {
    match (&wanted.rev, wanted.version.as_deref()) {
        (Some(revision), _) => Wanted::Revision(revision.clone()),
        (None, None | Some("latest")) => Wanted::Latest(fleet.policy.channel.clone()),
        (None, Some(tag)) => Wanted::Tag(tag.to_owned()),
    }
}

/// Gives the stages of an environment with their hosts.
pub(super) fn stages(context: &Context, fleet: &Fleet<'_>) -> Result<Vec<StageRequest>, Failed> {
    let gates = context.config().stage_gates();
    let stages = fleet.policy.stages.iter().enumerate().map(|(at, stage)| {
        stage.request(
            |expression| {
                let resolved = context.inventory.resolve(&context.based(expression), Some(&fleet.hosts));
                let key = format!("environments.{}.stages[{at}].hosts", fleet.name);
                resolved.map_err(|error| Failed::usage(context.told(&key, &error)))
            },
            gates.clone(),
        )
    });
    stages.collect()
}

/// Gives the site's own commands for a rollout.
pub(super) fn site(config: &Config, plan: &Plan) -> SiteHooks {
    let hooks = &config.hooks;
    let settings = HookSettings {
        depool: hooks.depool.clone(),
        repool: hooks.repool.clone(),
        announce: hooks.announce.clone(),
        irc: hooks.irc.as_ref().map(ToString::to_string),
        timeout: hooks.timeout,
    };
    let gates = config.gates.iter().filter_map(|gate| match gate.scope {
        GateScope::Host => None,
        GateScope::Stage { max, baseline, .. } => Some(StageGateSettings {
            name: gate.name.to_string(),
            run: gate.run.clone(),
            timeout: gate.timeout,
            retries: gate.retries,
            max,
            baseline,
        }),
    });
    let places = places(plan).map(|(host, stage, previous)| (host, Place { stage: stage.name.clone(), previous }));
    SiteHooks::new(settings, gates, words(plan)).with_hosts(places)
}

/// Gives each host of a plan with its stage and the release that was there before.
fn places(plan: &Plan) -> impl Iterator<Item = (HostId, &StagePlan, Option<ReleaseId>)> {
    plan.waves().flat_map(|(stage, waves)| {
        waves.into_iter().flatten().map(move |host| {
            let previous = host.from.as_ref().and_then(Installed::release).cloned();
            (host.host.clone(), stage, previous)
        })
    })
}

fn words(plan: &Plan) -> DryWords {
    DryWords {
        version: Some(plan.version.clone()),
        rollout: Some(plan.rollout.clone()),
        environment: Some(plan.environment.clone()),
        ..DryWords::default()
    }
}

/// Renders the gates of hosts; which release runs there is known when they are asked.
///
/// A master serves nobody, so what is asked of targets may not hold there: it has to pass `build.check` alone.
pub(super) fn checks(
    config: &Config,
    plan: &Plan,
) -> impl Fn(&HostId, Option<&ReleaseId>) -> Vec<GateCheck> + Send + Sync + use<> {
    let gates: Vec<config::Gate> = config.gates.iter().filter(|gate| gate.scope == GateScope::Host).cloned().collect();
    let build_check = config.build.check.clone();
    let known: HashMap<HostId, (StageName, StageKind, Option<ReleaseId>)> =
        places(plan).map(|(host, stage, previous)| (host, (stage.name.clone(), stage.kind, previous))).collect();
    let words = words(plan);
    move |host, running| {
        let (stage, kind, previous) = match known.get(host) {
            Some((stage, kind, previous)) => (Some(stage.clone()), *kind, previous.clone()),
            None => (None, StageKind::Targets, None),
        };
        let words = DryWords {
            host: Some(host.clone()),
            version: running.map(|release| release.version().clone()),
            // Gates run in the release's folder.
            prefix: Some(".".into()),
            previous,
            stage,
            ..words.clone()
        };
        let environment: Vec<(String, String)> =
            words.environment().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if kind == StageKind::Masters {
            return vec![GateCheck {
                name: "build.check".to_owned(),
                run: build_check.script(&words),
                environment,
                timeout: MASTER_CHECK,
                retries: 0,
                dry: false,
            }];
        }
        gates
            .iter()
            .map(|gate| GateCheck {
                name: gate.name.to_string(),
                run: gate.run.script(&words),
                environment: environment.clone(),
                timeout: gate.timeout,
                retries: gate.retries,
                dry: gate.dry,
            })
            .collect()
    }
}
