//! Freezing the environment of a console, and freeing it: what `lock` and `unlock` do.

use std::sync::Arc;

use super::Backend;
use crate::deploy::Error;
use crate::tui::messages::{Message, Ticket};

/// Freezes the environment with a reason, or frees it without one; nobody's freeze is taken over from here.
pub(super) async fn change(backend: Arc<Backend>, ticket: Ticket, reason: Option<String>) {
    let asked = Arc::clone(&backend);
    let changed = tokio::task::spawn_blocking(move || match reason {
        _ if asked.read_only => Err(Error::usage("this console may only watch")),
        Some(reason) => lock(&asked, reason),
        None => unlock(&asked),
    });
    let changed = changed.await.unwrap_or_else(|error| Err(Error::before(error.to_string())));
    let told = changed.as_ref().ok().cloned();
    backend.reply(ticket, changed.map(drop)).await;
    if let Some(told) = told {
        backend.send(Message::Notice(told)).await;
    }
}

fn lock(backend: &Backend, reason: String) -> Result<String, Error> {
    let (environment, _) = backend.workspace.policy()?;
    let (mine, _) = backend.workspace.freeze(Some(reason), false)?;
    Ok(format!("{environment} is frozen for everybody: {}", mine.reason()))
}

fn unlock(backend: &Backend) -> Result<String, Error> {
    let (environment, _) = backend.workspace.policy()?;
    Ok(match backend.workspace.unfreeze()? {
        Some(_) => format!("{environment} is free again"),
        None => format!("{environment} was not frozen"),
    })
}
