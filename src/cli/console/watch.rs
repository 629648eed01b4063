//! Follows the rollout that the console shows: its conductor where one runs, its journal otherwise.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::{Backend, output};
use crate::conductor::{ClientError, Farewell, News, Watcher, log_says};
use crate::deploy::Error;
use crate::journal::Entry;
use crate::model::RolloutId;
use crate::rollout::Record;
use crate::tui::messages::{Message, Source};

/// How many records go to the console at once.
const TOGETHER: usize = 512;

/// How often it is looked whether somebody goes on with what nobody conducts.
const AGAIN: Duration = Duration::from_secs(2);

/// Follows a rollout to its end, whoever goes on with it meanwhile, or until another is followed.
pub(super) async fn follow(backend: Arc<Backend>, rollout: RolloutId) {
    let turn = backend.memory().take_turn();
    let mut is_shown = false;
    loop {
        match Watcher::connect(&backend.rollouts(), &rollout, 0).await {
            Ok(watcher) => {
                is_shown = true;
                if !watch(&backend, &rollout, watcher).await {
                    return;
                }
            }
            Err(ClientError::NotRunning(_)) => {
                replay(&backend, &rollout).await;
                if standing(&backend, &rollout).await.is_none_or(|entry| entry.ended.is_some()) {
                    return;
                }
            }
            // It is there, and may be heard again.
            Err(error) => {
                let why = error.to_string();
                if !std::mem::replace(&mut is_shown, true) {
                    replay(&backend, &rollout).await;
                }
                backend.send(Message::Disconnected { rollout: rollout.clone(), why, gone: false }).await;
            }
        }
        while {
            tokio::time::sleep(AGAIN).await;
            if backend.memory().turn != turn {
                return;
            }
            standing(&backend, &rollout).await.is_none_or(|entry| entry.is_resumable())
        } {}
    }
}

/// Sums the rollout up as its journal has it; none where that cannot be read now.
async fn standing(backend: &Backend, rollout: &RolloutId) -> Option<Entry> {
    let (rollouts, of) = (backend.rollouts(), rollout.clone());
    tokio::task::spawn_blocking(move || rollouts.entry(&of).ok()).await.ok().flatten()
}

/// Follows the last rollout of the environment, or shows how it ended.
pub(super) async fn follow_last(backend: Arc<Backend>) {
    let reader = Arc::clone(&backend);
    let found = tokio::task::spawn_blocking(move || {
        let (environment, _) = reader.workspace.policy()?;
        let entries = reader.rollouts().list()?.entries.into_iter();
        Ok::<_, Error>(entries.rev().find(|entry| entry.environment == *environment).map(|entry| entry.rollout))
    });
    match found.await {
        Ok(Ok(Some(rollout))) => follow(backend, rollout).await,
        // There is none yet, as the screen says.
        Ok(Ok(None)) => {}
        Ok(Err(failed)) => backend.send(Message::Notice(output::own(&failed))).await,
        Err(error) => backend.send(Message::Notice(output::own(&error))).await,
    }
}

/// Shows what its conductor tells; tells whether that is gone or not heard any more, so that somebody may go on, or it is heard again.
async fn watch(backend: &Backend, rollout: &RolloutId, mut watcher: Watcher) -> bool {
    *backend.followed.lock().unwrap_or_else(PoisonError::into_inner) = Some(rollout.clone());
    let source = if backend.read_only { Source::ReadOnly } else { Source::Live };
    backend.send(Message::Opened { rollout: rollout.clone(), source }).await;
    loop {
        let (why, gone) = match watcher.next().await {
            Ok(Some(News::Record(record))) => {
                backend.send(Message::Records { rollout: rollout.clone(), records: vec![*record] }).await;
                continue;
            }
            Ok(Some(News::Bye(Farewell::Finished)) | None) => return false,
            Ok(Some(News::Bye(Farewell::Suspended))) => ("it was stopped, and can be resumed".to_owned(), true),
            Ok(Some(News::Bye(Farewell::Failed))) => {
                (format!("it failed; {}", log_says(&backend.rollouts().folder(rollout))), true)
            }
            Ok(Some(News::Lost)) => ("its conductor died; it can be resumed".to_owned(), true),
            Err(error) => (error.to_string(), false),
        };
        backend.send(Message::Disconnected { rollout: rollout.clone(), why, gone }).await;
        return true;
    }
}

async fn replay(backend: &Backend, rollout: &RolloutId) {
    let rollouts = backend.rollouts();
    let of = rollout.clone();
    let read = tokio::task::spawn_blocking(move || rollouts.read(&of)?.collect::<Result<Vec<Record>, _>>()).await;
    let records = match read {
        Ok(Ok(records)) => records,
        Ok(Err(error)) => return backend.send(Message::Notice(output::own(&error))).await,
        Err(error) => return backend.send(Message::Notice(output::own(&error))).await,
    };
    backend.send(Message::Opened { rollout: rollout.clone(), source: Source::Journal }).await;
    for records in records.chunks(TOGETHER) {
        backend.send(Message::Records { rollout: rollout.clone(), records: records.to_vec() }).await;
    }
}
