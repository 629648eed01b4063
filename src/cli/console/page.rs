//! The page of one host: asked once for all that it has, and then for its own log while the page is open.

use std::sync::Arc;
use std::time::Duration;

use super::{Backend, output};
use crate::cli::host::page;
use crate::deploy::{Error, Pooled, WantedRelease};
use crate::host::Survey;
use crate::model::{HostId, Pooling};
use crate::report::HostPage;
use crate::tui::messages::{Message, PagePart, Ticket};
use crate::words::quote;

/// How often a host is asked what its log has got since.
const AGAIN: Duration = Duration::from_secs(2);

/// Tells the parts of a page as they come, and its log for as long as this runs.
pub(super) async fn open(backend: Arc<Backend>, ticket: Ticket, host: HostId, wanted: Option<WantedRelease>) {
    let tell = |part| backend.send(Message::Page { ticket, part });
    tell(pooling(&backend, &host)).await;
    let past = async {
        tell(PagePart::Past(past(&backend, &host).await)).await;
    };
    let answer = async {
        let answer = answer(&backend, &host, wanted).await.map_err(|failed| output::own(&failed));
        tell(PagePart::Answer(answer.map(Box::new))).await;
    };
    tokio::join!(past, answer);
    loop {
        tokio::time::sleep(AGAIN).await;
        let log = match backend.deployment().await {
            Ok(deployment) => match deployment.ask(&host, &Survey::Log).await {
                Ok(probe) => Ok(probe.log),
                Err(failure) => Err(failure.message),
            },
            Err(failed) => Err(output::own(&failed)),
        };
        tell(PagePart::Log(log)).await;
    }
}

async fn answer(backend: &Backend, host: &HostId, wanted: Option<WantedRelease>) -> Result<HostPage, Error> {
    let deployment = backend.deployment().await?;
    let wanted = match wanted {
        Some(wanted @ WantedRelease { digest: Some(_), .. }) => wanted,
        Some(wanted) => {
            let store = backend.workspace.store()?;
            let built = match &wanted.commit {
                Some(commit) => store.find_of(&wanted.version, commit)?,
                None => store.find(&wanted.version)?,
            };
            WantedRelease { digest: built.map(|built| built.digest), ..wanted }
        }
        None => backend.workspace.wanted_release(&deployment.fleet.wanted(None, None), true).await?,
    };
    Ok(page(&deployment, &backend.workspace, host, wanted).await)
}

async fn past(backend: &Arc<Backend>, host: &HostId) -> Result<Vec<crate::deploy::HostPast>, String> {
    let (reader, host) = (Arc::clone(backend), host.clone());
    let read = tokio::task::spawn_blocking(move || {
        let (environment, _) = reader.workspace.policy()?;
        reader.workspace.past_of(environment, &host)
    });
    match read.await {
        Ok(past) => past.map_err(|failed| output::own(&failed)),
        Err(error) => Err(error.to_string()),
    }
}

fn pooling(backend: &Backend, host: &HostId) -> PagePart {
    let line = |which| {
        let (environment, _) = backend.workspace.policy().ok()?;
        let argv = backend.workspace.pooling(environment, host, which)?;
        Some(argv.iter().map(|word| quote(word).into_owned()).collect::<Vec<_>>().join(" "))
    };
    PagePart::Pooling { depool: line(Pooling::Depool), repool: line(Pooling::Repool) }
}

/// Takes a host out of service, or back in.
pub(super) async fn pool(backend: Arc<Backend>, ticket: Ticket, host: HostId, which: Pooling, reason: Option<String>) {
    let pooled = async {
        if backend.read_only {
            return Err(Error::usage("this console may only watch"));
        }
        let (environment, _) = backend.workspace.policy()?;
        backend.workspace.pool(environment, &host, which, reason).await
    };
    let pooled = pooled.await;
    let told = match &pooled {
        Ok(Pooled::Done) => Some(format!("{host} was {}", which.done())),
        Ok(Pooled::Accepted(rollout)) => Some(format!("{host}: rollout {rollout} does the {}", which.word())),
        Err(_) => None,
    };
    backend.reply(ticket, pooled.map(drop)).await;
    if let Some(told) = told {
        backend.send(Message::Notice(told)).await;
    }
}
