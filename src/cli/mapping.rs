//! What the configuration says, in the words of the rooms that do it.

use std::collections::HashMap;
use std::time::Duration;

use super::args;
use super::context::{Context, Fleet};
use super::error::Failed;
use crate::config::{self, Config, DryWords, GateScope};
use crate::hooks::{HookSettings, SiteHooks, StageGateSettings};
use crate::host::GateCheck;
use crate::model::{HostId, Installed, ReleaseId, StageName};
use crate::plan::{Plan, StageRequest};
use crate::release::{BuildKind, BuildSpec, Channel, Source, Wanted};

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
        config::BuildKind::Command => {
            BuildKind::Command { commands: build.commands.iter().map(ToString::to_string).collect() }
        }
    };
    BuildSpec {
        kind,
        before: build.before.iter().map(ToString::to_string).collect(),
        check: build.check.to_string(),
        deadline: build.timeout,
    }
}

/// Says which commit the words of a command line mean.
pub(super) fn wanted(fleet: &Fleet<'_>, wanted: &args::Wanted) -> Wanted {
    match (&wanted.rev, wanted.version.as_deref()) {
        (Some(revision), _) => Wanted::Revision(revision.clone()),
        (None, None | Some("latest")) => Wanted::Latest(channel(fleet)),
        (None, Some(tag)) => Wanted::Tag(tag.to_owned()),
    }
}

fn channel(fleet: &Fleet<'_>) -> Channel {
    match &fleet.policy.channel {
        config::Channel::Tags => Channel::Tags,
        config::Channel::Branch(name) => Channel::Branch(name.clone()),
    }
}

/// Gives the stages of an environment with their hosts.
pub(super) fn stages(context: &Context, fleet: &Fleet<'_>) -> Result<Vec<StageRequest>, Failed> {
    let gates = context.config().stage_gates();
    let stages = fleet.policy.stages.iter().map(|stage| {
        stage.request(
            |expression| {
                let expression = context.expression(expression.as_str())?;
                context.inventory.resolve(&expression, Some(&fleet.hosts)).map_err(|error| {
                    Failed::usage(format!("environments.{}.stages.{}: {error}", fleet.name, stage.name))
                })
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
    SiteHooks::new(settings, gates, words(plan))
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
pub(super) fn checks(
    config: &Config,
    plan: &Plan,
) -> impl Fn(&HostId, Option<&ReleaseId>) -> Vec<GateCheck> + Send + Sync + use<> {
    let gates: Vec<config::Gate> = config.gates.iter().filter(|gate| gate.scope == GateScope::Host).cloned().collect();
    let known: HashMap<HostId, (StageName, Option<ReleaseId>)> = plan
        .waves()
        .flat_map(|(stage, waves)| waves.into_iter().flatten().map(move |host| (stage, host)))
        .map(|(stage, host)| {
            let previous = host.from.as_ref().and_then(Installed::release).cloned();
            (host.host.clone(), (stage.name.clone(), previous))
        })
        .collect();
    let words = words(plan);
    move |host, running| {
        let (stage, previous) = known.get(host).cloned().unzip();
        let words = DryWords {
            host: Some(host.clone()),
            version: running.map(|release| release.version().clone()),
            previous: previous.flatten(),
            stage,
            ..words.clone()
        };
        let environment: Vec<(String, String)> =
            words.environment().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
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
