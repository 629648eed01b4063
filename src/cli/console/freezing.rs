//! Freezing the environment of a console, and freeing it: what `lock` and `unlock` do.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Backend, output};
use crate::conductor::{Freeze, Freezing, LockError, freeze, unfreeze};
use crate::deploy::Error;
use crate::tui::messages::{Message, Ticket};

/// Freezes the environment with a reason, or frees it without one; nobody's freeze is taken over from here.
pub(super) async fn change(backend: Arc<Backend>, ticket: Ticket, reason: Option<String>) {
    let asked = Arc::clone(&backend);
    let changed = tokio::task::spawn_blocking(move || match reason {
        Some(reason) => lock(&asked, reason),
        None => unlock(&asked),
    });
    let changed = changed.await.unwrap_or_else(|error| Err(Error::before(error.to_string())));
    let told = changed.as_ref().ok().cloned();
    backend.reply(ticket, changed.map(drop).map_err(|failed| output::own(&failed))).await;
    if let Some(told) = told {
        backend.send(Message::Notice(told)).await;
    }
}

fn lock(backend: &Backend, reason: String) -> Result<String, Error> {
    if backend.read_only {
        return Err(Error::usage("this console may only watch"));
    }
    let workspace = &backend.workspace;
    let (environment, _) = workspace.policy()?;
    let owner = workspace.operator.clone();
    let mine = Freeze { owner, reason: Some(reason), since: Timestamp::now(), started: None };
    match freeze(&workspace.state_dir, environment, &mine, false)? {
        Freezing::Frozen | Freezing::TakenOver(_) => {
            Ok(format!("{environment} is frozen for everybody: {}", mine.reason()))
        }
        Freezing::Held(before) => {
            Err(LockError::Frozen { environment: environment.clone(), freeze: Box::new(before) }.into())
        }
    }
}

fn unlock(backend: &Backend) -> Result<String, Error> {
    if backend.read_only {
        return Err(Error::usage("this console may only watch"));
    }
    let (environment, _) = backend.workspace.policy()?;
    Ok(match unfreeze(&backend.workspace.state_dir, environment)? {
        Some(_) => format!("{environment} is free again"),
        None => format!("{environment} was not frozen"),
    })
}
