use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::api::{GateAnswer, Site, SiteError, StageQuestion};
use super::gate::judge;
use super::irc::say;
use super::process::{Ending, Job, run};
use crate::model::{Environment, HostId, ReleaseId, RolloutId, StageName, Verdict, Version};

/// How long lies between two attempts of a gate.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);

/// Holds what the dry words of a command stand for; what is none stands for nothing.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct HookWords {
    /// The host that the command is about.
    pub host: Option<HostId>,
    /// The hosts that the command is about.
    pub hosts: Vec<HostId>,
    /// The version that is installed.
    pub version: Option<Version>,
    /// The folder of the release.
    pub prefix: Option<PathBuf>,
    /// The release that was there before.
    pub previous: Option<ReleaseId>,
    /// The stage.
    pub stage: Option<StageName>,
    /// The rollout.
    pub rollout: Option<RolloutId>,
    /// The environment.
    pub environment: Option<Environment>,
}

/// Holds a command with its dry words replaced.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// The command and its arguments; a text for the shell is `/bin/sh -c TEXT` by now.
    pub argv: Vec<String>,
    /// The same values as variables: `COALMINE_HOST` and so on.
    pub environment: Vec<(String, String)>,
}

/// Replaces the dry words of one command of the configuration.
pub type Render = Arc<dyn Fn(&HookWords) -> CommandLine + Send + Sync>;

/// Holds the site's own commands; what is none is not done.
#[derive(Clone)]
pub struct HookSettings {
    /// Takes a host out of service.
    pub depool: Option<Render>,
    /// Puts a host back into service.
    pub repool: Option<Render>,
    /// Gets each message on its standard input.
    pub announce: Option<Render>,
    /// Gets each message as a line over TCP: `HOST:PORT`.
    pub irc: Option<String>,
    /// How long any of the commands may take.
    pub timeout: Duration,
}

impl fmt::Debug for HookSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookSettings")
            .field("depool", &self.depool.is_some())
            .field("repool", &self.repool.is_some())
            .field("announce", &self.announce.is_some())
            .field("irc", &self.irc)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// Holds a gate of a stage.
#[derive(Clone)]
pub struct StageGateSettings {
    /// Its name.
    pub name: String,
    /// What runs.
    pub run: Render,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How many more attempts there are after one that did not pass.
    pub retries: u32,
    /// The most that the printed number may be.
    pub max: Option<f64>,
    /// How many times its value before the stage the printed number may be.
    pub baseline: Option<f64>,
}

impl fmt::Debug for StageGateSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StageGateSettings")
            .field("name", &self.name)
            .field("timeout", &self.timeout)
            .field("retries", &self.retries)
            .field("max", &self.max)
            .field("baseline", &self.baseline)
            .finish_non_exhaustive()
    }
}

/// Does for one rollout what the site's commands do.
///
/// Dropping a future of it kills the command that runs, with all that the command started.
#[derive(Debug)]
pub struct SiteHooks {
    settings: HookSettings,
    gates: BTreeMap<String, StageGateSettings>,
    words: HookWords,
}

impl SiteHooks {
    /// Makes the site of a rollout; `words` are those that are the same for all of it.
    #[must_use]
    pub fn new(settings: HookSettings, gates: impl IntoIterator<Item = StageGateSettings>, words: HookWords) -> Self {
        let gates = gates.into_iter().map(|gate| (gate.name.clone(), gate)).collect();
        Self { settings, gates, words }
    }

    /// Runs a command that has nothing to answer but whether it did what it was asked to.
    async fn perform(&self, command: &Render, words: &HookWords, input: Option<&str>) -> Result<(), SiteError> {
        let CommandLine { argv, environment } = command(words);
        let name = argv.first().cloned().unwrap_or_default();
        let job = Job {
            argv,
            environment,
            input: input.map(|text| text.as_bytes().to_vec()),
            timeout: self.settings.timeout,
        };
        let ran = run(&job).await.map_err(|error| SiteError(error.to_string()))?;
        let what = match ran.ending {
            Ending::Exited(0) => return Ok(()),
            Ending::Exited(code) => format!("{name}: exit {code}"),
            Ending::Killed(signal) => format!("{name}: killed by signal {signal}"),
            Ending::TimedOut => format!("{name}: not done within {:?}", self.settings.timeout),
        };
        Err(SiteError(ran.last_line().map_or_else(|| what.clone(), |line| format!("{what}: {line}"))))
    }

    async fn perform_on(&self, command: Option<&Render>, host: &HostId) -> Result<(), SiteError> {
        let Some(command) = command else {
            return Ok(());
        };
        let words = HookWords { host: Some(host.clone()), hosts: vec![host.clone()], ..self.words.clone() };
        self.perform(command, &words, None).await
    }

    async fn attempt(&self, gate: &StageGateSettings, words: &HookWords, question: &StageQuestion) -> GateAnswer {
        let CommandLine { argv, environment } = (gate.run)(words);
        match run(&Job { argv, environment, input: None, timeout: gate.timeout }).await {
            Ok(ran) => judge(gate, question.scope, question.baseline, &ran),
            Err(error) => GateAnswer { verdict: Verdict::Inconclusive, value: None, message: error.to_string() },
        }
    }
}

impl Site for SiteHooks {
    async fn depool(&self, host: &HostId) -> Result<(), SiteError> {
        self.perform_on(self.settings.depool.as_ref(), host).await
    }

    async fn repool(&self, host: &HostId) -> Result<(), SiteError> {
        self.perform_on(self.settings.repool.as_ref(), host).await
    }

    async fn ask(&self, question: &StageQuestion) -> GateAnswer {
        let Some(gate) = self.gates.get(&question.gate) else {
            let message = "the configuration has no such gate any more; it was there when the plan was made".to_owned();
            return GateAnswer { verdict: Verdict::Inconclusive, value: None, message };
        };
        let words =
            HookWords { hosts: question.hosts.clone(), stage: Some(question.stage.clone()), ..self.words.clone() };
        let mut answer = self.attempt(gate, &words, question).await;
        for _ in 0..gate.retries {
            if answer.verdict == Verdict::Pass {
                break;
            }
            tokio::time::sleep(BETWEEN_ATTEMPTS).await;
            answer = self.attempt(gate, &words, question).await;
        }
        answer
    }

    async fn announce(&self, message: &str) -> Result<(), SiteError> {
        let by_command = async {
            match &self.settings.announce {
                Some(command) => self.perform(command, &self.words, Some(&format!("{message}\n"))).await,
                None => Ok(()),
            }
        };
        let by_irc = async {
            match &self.settings.irc {
                Some(endpoint) => say(endpoint, message).await.map_err(|error| SiteError(error.to_string())),
                None => Ok(()),
            }
        };
        // One that fails must not keep the other from telling.
        match tokio::join!(by_command, by_irc) {
            (Ok(()), Ok(())) => Ok(()),
            (Err(error), Ok(())) | (Ok(()), Err(error)) => Err(error),
            (Err(command), Err(irc)) => Err(SiteError(format!("{command}; {irc}"))),
        }
    }
}

#[cfg(test)]
mod tests;
