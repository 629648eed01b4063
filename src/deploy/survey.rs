use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::notice::Notice;
use crate::host::{Fleet, Host as _, HostError, Survey};
use crate::model::{Failure, FailureClass, HostId, Probe, Slot};

/// When the hosts that did not answer yet are named first, and how often then.
const FIRST_WORD: Duration = Duration::from_secs(10);
const NEXT_WORD: Duration = Duration::from_secs(30);

/// Asks hosts what they have, some at once; answers are told as they come and given in the order of the hosts.
pub async fn survey<F: Fleet>(
    fleet: &Arc<F>,
    hosts: &[HostId],
    depth: &Survey,
    slot: Option<&Slot>,
    width: usize,
    tell: impl Fn(Notice),
    mut on_answer: impl FnMut(&HostId, &Result<Probe, Failure>),
) -> Vec<Result<Probe, Failure>> {
    let permits = Arc::new(Semaphore::new(width.max(1)));
    let mut tasks = JoinSet::new();
    for (index, id) in hosts.iter().enumerate() {
        let (host, permits, depth, slot) = (fleet.host(id), Arc::clone(&permits), depth.clone(), slot.cloned());
        tasks.spawn(async move {
            let permit = permits.acquire_owned().await;
            let answer = host.probe(&depth, slot.as_ref()).await.map_err(failure_of);
            drop(permit);
            (index, answer)
        });
    }
    let unanswered = || Err(Failure::new(FailureClass::Unreachable, "its survey ended without an answer"));
    let mut answers: Vec<Result<Probe, Failure>> = hosts.iter().map(|_| unanswered()).collect();
    let mut silent: BTreeSet<usize> = (0..hosts.len()).collect();
    let mut patience = tokio::time::interval_at(Instant::now() + FIRST_WORD, NEXT_WORD);
    loop {
        let joined = tokio::select! {
            joined = tasks.join_next() => joined,
            _ = patience.tick() => {
                let names = silent.iter().filter_map(|index| hosts.get(*index).cloned()).collect();
                tell(Notice::Silent { hosts: names, asked: hosts.len() });
                continue;
            }
        };
        let Some(joined) = joined else { break };
        // A task that panicked has told so itself, and its host stays without an answer.
        let Ok((index, answer)) = joined else { continue };
        if let (Some(id), Some(place)) = (hosts.get(index), answers.get_mut(index)) {
            silent.remove(&index);
            on_answer(id, &answer);
            *place = answer;
        }
    }
    answers
}

fn failure_of(error: HostError) -> Failure {
    match error {
        HostError::Failed(failure) => *failure,
        HostError::Locked(holder) => Failure::new(
            FailureClass::Unreachable,
            format!("locked by {} for rollout {}", holder.owner, holder.rollout),
        ),
    }
}
