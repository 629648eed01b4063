//! Surveys the fleet for the console, and tells each answer as it comes.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{Backend, output};
use crate::deploy::{Error, WantedRelease};
use crate::host::Survey;
use crate::model::{Failure, HostId, Installed, Probe, Version};
use crate::report::HostStatusReport;
use crate::tui::messages::{Message, SurveyHost, SurveyRow};

pub(super) async fn survey(backend: Arc<Backend>) {
    let result = run(&backend).await.map_err(|failed| output::own(&failed));
    backend.send(Message::SurveyDone(result)).await;
}

async fn run(backend: &Backend) -> Result<(), Error> {
    let workspace = &backend.workspace;
    let deployment = backend.deployment().await?;
    // A group that cannot be read hides no host.
    drop(workspace.grouped().await);
    let fleet = &deployment.fleet;
    let hosts = fleet.hosts.iter().map(|host| SurveyHost {
        host: host.clone(),
        site: fleet.policy.site.site_of(host),
        groups: workspace.groups_of(host).into_iter().map(Into::into).collect(),
    });
    backend.send(Message::SurveyStarted { hosts: hosts.collect() }).await;
    let wanted = workspace.wanted_release(&fleet.wanted(None, None), true).await?;
    backend.memory().release = Some((wanted.version.clone(), wanted.digest));
    let versions: Vec<Version> = workspace.tags().await?.into_iter().map(|tag| tag.version).collect();
    let order = workspace.version_order();
    let order = |a: &Version, b: &Version| order.compare(a.as_str(), b.as_str());
    let (heard, mut answers) = mpsc::unbounded_channel();
    let asking = deployment.survey_targets(&Survey::Files, |host, answer| {
        // The receiver is read below until the last answer.
        drop(heard.send(row(host, answer, &wanted, &versions, order)));
    });
    let telling = async {
        let mut counts: HashMap<Version, usize> = HashMap::new();
        for _ in 0..fleet.hosts.len() {
            let Some(row) = answers.recv().await else { break };
            if let Some(version) = row.version.as_deref().and_then(|version| Version::new(version).ok()) {
                *counts.entry(version).or_default() += 1;
            }
            backend.send(Message::SurveyRow(Box::new(row))).await;
        }
        backend.memory().versions = counts;
        Ok(())
    };
    tokio::try_join!(asking, telling).map(drop)
}

fn row(
    host: &HostId,
    answer: &Result<Probe, Failure>,
    wanted: &WantedRelease,
    versions: &[Version],
    order: impl Fn(&Version, &Version) -> Ordering,
) -> SurveyRow {
    let report = HostStatusReport::new(host.clone(), None, Vec::new(), answer, wanted, order);
    let probe = answer.as_ref().ok();
    let running = probe.and_then(|probe| match &probe.installed {
        Installed::Release { id, .. } => Some(id.version()),
        Installed::Missing | Installed::Unmanaged { .. } => None,
    });
    let place = |version: &Version| versions.iter().position(|known| known == version);
    let behind =
        running.and_then(place).zip(place(&wanted.version)).and_then(|(runs, should)| should.checked_sub(runs));
    SurveyRow {
        host: host.clone(),
        settled: report.is_settled(),
        state: report.state,
        version: report.version,
        digest: report.digest,
        behind,
        latency: probe.map(|probe| probe.latency).unwrap_or_default(),
        at: Timestamp::now(),
        cause: report.error,
        facts: probe.map(|probe| probe.facts.clone()).unwrap_or_default(),
    }
}
