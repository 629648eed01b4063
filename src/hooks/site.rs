use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::api::{GateAnswer, Site, SiteError, StageQuestion};
use super::gate::judge;
use super::irc::say;
use crate::config::{CommandTemplate, DryWords};
use crate::model::{GateName, HostHook, HostId, PhaseHook, ReleaseId, StageName, Verdict};
use crate::process::{Ending, Job, run};

/// How long lies between two attempts of a gate.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(500);

/// Holds the site's own commands; what is none is not done.
#[derive(Debug, Clone)]
pub struct HookSettings {
    /// Takes a host out of service.
    pub depool: Option<CommandTemplate>,
    /// Puts a host back into service.
    pub repool: Option<CommandTemplate>,
    /// Gets each message on its standard input.
    pub announce: Option<CommandTemplate>,
    /// What runs before and after phases.
    pub phases: BTreeMap<PhaseHook, CommandTemplate>,
    /// What runs before and after something is done to a host.
    pub beside: BTreeMap<HostHook, CommandTemplate>,
    /// Gets each message as a line over TCP: `HOST:PORT`.
    pub irc: Option<String>,
    /// How long any of the commands may take.
    pub timeout: Duration,
}

/// Holds a gate of a stage.
#[derive(Debug, Clone)]
pub struct StageGateSettings {
    /// Its name.
    pub name: GateName,
    /// What runs.
    pub run: CommandTemplate,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How many more attempts there are after one that did not pass.
    pub retries: u32,
    /// The most that the printed number may be.
    pub max: Option<f64>,
    /// How many times its value before the stage the printed number may be.
    pub baseline: Option<f64>,
}

/// Does for one rollout what the site's commands do.
///
/// Dropping a future of it kills the command that runs, with all that the command started.
#[derive(Debug)]
pub struct SiteHooks {
    settings: HookSettings,
    gates: BTreeMap<GateName, StageGateSettings>,
    words: DryWords,
    hosts: HashMap<HostId, Place>,
}

/// Says where a host stands in the rollout, for commands that are about it.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its stage.
    pub stage: StageName,
    /// The release that was there before; none where there was none.
    pub previous: Option<ReleaseId>,
}

impl SiteHooks {
    /// Makes the site of a rollout; `words` are those that are the same for all of it.
    #[must_use]
    pub fn new(settings: HookSettings, gates: impl IntoIterator<Item = StageGateSettings>, words: DryWords) -> Self {
        let gates = gates.into_iter().map(|gate| (gate.name.clone(), gate)).collect();
        Self { settings, gates, words, hosts: HashMap::new() }
    }

    /// Adds where the hosts of the rollout stand.
    #[must_use]
    pub fn with_hosts(mut self, hosts: impl IntoIterator<Item = (HostId, Place)>) -> Self {
        self.hosts = hosts.into_iter().collect();
        self
    }

    /// Runs a command that has nothing to answer but whether it did what it was asked to.
    async fn perform(&self, command: &CommandTemplate, words: &DryWords, input: Option<&str>) -> Result<(), SiteError> {
        let argv = command.argv(words);
        let environment = variables(words);
        let name = argv.first().cloned().unwrap_or_default();
        let input = input.map(|text| text.as_bytes().to_vec());
        let job = Job { environment, input, ..Job::new(argv, self.settings.timeout) };
        let ran = run(&job).await.map_err(|error| SiteError(error.to_string()))?;
        let what = match ran.ending {
            Ending::Exited(0) => return Ok(()),
            Ending::Exited(code) => format!("{name}: exit {code}"),
            Ending::Killed(signal) => format!("{name}: killed by signal {signal}"),
            Ending::TimedOut => format!("{name}: not done within {:?}", self.settings.timeout),
            Ending::TooMuch => format!("{name}: printed too much"),
        };
        Err(SiteError(ran.last_line().map_or_else(|| what.clone(), |line| format!("{what}: {line}"))))
    }

    async fn perform_on(&self, command: Option<&CommandTemplate>, host: &HostId) -> Result<(), SiteError> {
        let Some(command) = command else {
            return Ok(());
        };
        let place = self.hosts.get(host);
        let words = DryWords {
            host: Some(host.clone()),
            hosts: vec![host.clone()],
            stage: place.map(|place| place.stage.clone()),
            previous: place.and_then(|place| place.previous.clone()),
            ..self.words.clone()
        };
        self.perform(command, &words, None).await
    }

    async fn attempt(&self, gate: &StageGateSettings, words: &DryWords, question: &StageQuestion) -> GateAnswer {
        let argv = gate.run.argv(words);
        let environment = variables(words);
        match run(&Job { environment, ..Job::new(argv, gate.timeout) }).await {
            Ok(ran) => judge(gate, question.scope, question.baseline, &ran),
            Err(error) => GateAnswer { verdict: Verdict::Inconclusive, value: None, message: error.to_string() },
        }
    }
}

fn variables(words: &DryWords) -> Vec<(String, String)> {
    words.environment().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
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
            DryWords { hosts: question.hosts.clone(), stage: Some(question.stage.clone()), ..self.words.clone() };
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

    async fn phase(&self, hook: PhaseHook, stage: Option<&StageName>, hosts: &[HostId]) -> Result<(), SiteError> {
        let Some(command) = self.settings.phases.get(&hook) else {
            let message = "the configuration has none any more; it was there when the plan was made";
            return Err(SiteError(message.to_owned()));
        };
        let words = DryWords { hosts: hosts.to_vec(), stage: stage.cloned(), ..self.words.clone() };
        self.perform(command, &words, None).await
    }

    async fn beside(&self, hook: HostHook, host: &HostId) -> Result<(), SiteError> {
        self.perform_on(self.settings.beside.get(&hook), host).await
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
