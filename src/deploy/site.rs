//! What the configuration says of a rollout's gates and hooks, in the words of the room that asks them.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::config::{self, Config, DryWords, GateScope};
use crate::hooks::{HookSettings, Place, SiteHooks, StageGateSettings};
use crate::host::GateCheck;
use crate::model::{Environment, HostHook, HostId, Installed, PhaseHook, ReleaseId, StageName};
use crate::plan::{Plan, StageKind, StagePlan};

/// How long `build.check` may take on a master.
const MASTER_CHECK: Duration = Duration::from_secs(60);

fn hook_settings(config: &Config) -> HookSettings {
    let hooks = &config.hooks;
    HookSettings {
        depool: hooks.depool.clone(),
        repool: hooks.repool.clone(),
        announce: hooks.announce.clone(),
        phases: PhaseHook::ALL.into_iter().filter_map(|hook| Some((hook, hooks.of_phase(hook)?.clone()))).collect(),
        beside: HostHook::ALL.into_iter().filter_map(|hook| Some((hook, hooks.of_host(hook)?.clone()))).collect(),
        irc: hooks.irc.as_ref().map(ToString::to_string),
        timeout: hooks.timeout,
    }
}

/// Gives the site's own commands for what is done to a host while no rollout does anything to it.
pub(super) fn alone(config: &Config, environment: &Environment) -> SiteHooks {
    let words = DryWords { environment: Some(environment.clone()), ..DryWords::default() };
    SiteHooks::new(hook_settings(config), [], words)
}

/// Gives the site's own commands for a rollout.
pub(super) fn site(config: &Config, plan: &Plan) -> SiteHooks {
    let gates = config.gates.iter().filter_map(|gate| match gate.scope {
        GateScope::Host => None,
        GateScope::Stage { max, baseline, .. } => Some(StageGateSettings {
            name: gate.name.as_str().into(),
            run: gate.run.clone(),
            timeout: gate.timeout,
            retries: gate.retries,
            max,
            baseline,
        }),
    });
    let places = places(plan).map(|(host, stage, previous)| (host, Place { stage: stage.name.clone(), previous }));
    SiteHooks::new(hook_settings(config), gates, words(plan)).with_hosts(places)
}

/// Names each of the site's own commands, and what it runs first.
fn programs(config: &Config) -> impl Iterator<Item = (String, String)> {
    let hooks = &config.hooks;
    let named = [("depool", &hooks.depool), ("repool", &hooks.repool), ("announce", &hooks.announce)];
    let named = named.into_iter().map(|(name, command)| (format!("hooks.{name}"), command.as_ref()));
    let phases = PhaseHook::ALL.into_iter().map(|hook| (hook.to_string(), hooks.of_phase(hook)));
    let beside = HostHook::ALL.into_iter().map(|hook| (hook.to_string(), hooks.of_host(hook)));
    named.chain(phases).chain(beside).filter_map(|(name, command)| {
        let program = command?.argv(&DryWords::default()).into_iter().next()?;
        Some((name, program))
    })
}

/// Gives the site's own commands that cannot be run here, each by its key with why; and how many there are in all.
pub(super) fn broken_programs(config: &Config) -> (Vec<(String, String)>, usize) {
    let all: Vec<(String, String)> = programs(config).collect();
    let broken = all.iter().filter_map(|(name, program)| Some((name.clone(), why_not(program)?)));
    (broken.collect(), all.len())
}

/// Says why a program cannot be run; none when it can.
fn why_not(program: &str) -> Option<String> {
    let is_executable = |found: &std::fs::Metadata| found.is_file() && found.permissions().mode() & 0o111 != 0;
    if program.contains('/') {
        return match std::fs::metadata(program) {
            Ok(found) if is_executable(&found) => None,
            Ok(_) => Some(format!("{program:?} is not executable")),
            Err(_) => Some(format!("there is no program {program:?}")),
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path)
        .any(|folder| std::fs::metadata(folder.join(program)).is_ok_and(|found| is_executable(&found)));
    (!is_there).then(|| format!("there is no program {program:?}"))
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
                name: "build.check".into(),
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
                name: gate.name.as_str().into(),
                run: gate.run.script(&words),
                environment: environment.clone(),
                timeout: gate.timeout,
                retries: gate.retries,
                dry: gate.dry,
            })
            .collect()
    }
}
