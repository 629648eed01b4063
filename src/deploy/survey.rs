use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::notice::Notice;
use crate::host::{Fleet, Host as _, HostError, Survey, is_short};
use crate::model::{Failure, FailureClass, HostId, Probe, Slot};

/// When the hosts that did not answer yet are named first, and how often then.
const FIRST_WORD: Duration = Duration::from_secs(5);
const NEXT_WORD: Duration = Duration::from_secs(30);
/// The shortest time after which the last few of a fleet are given up while everybody else has answered.
const LEAST_PATIENCE: Duration = Duration::from_secs(15);
/// How many times as long as all others the last few may take: they do the same work, at the same time.
const PATIENCE: u32 = 4;

/// Asks hosts what they have, some at once; answers are told as they come and given in the order of the hosts.
pub async fn survey<F: Fleet>(
    fleet: &Arc<F>,
    hosts: &[HostId],
    depth: &Survey,
    slot: Option<&Slot>,
    width: usize,
    notify: impl Fn(Notice),
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
    let begun = Instant::now();
    let mut patience = tokio::time::interval_at(begun + FIRST_WORD, NEXT_WORD);
    let mut give_up = None;
    loop {
        if give_up.is_none() && are_few(silent.len(), hosts.len()) {
            give_up = Some(begun + begun.elapsed().saturating_mul(PATIENCE).max(LEAST_PATIENCE));
            // Who was named before is named again, now that it is known for how long.
            if begun.elapsed() >= FIRST_WORD {
                patience.reset_immediately();
            }
        }
        let joined = tokio::select! {
            joined = tasks.join_next() => joined,
            _ = patience.tick() => {
                let names = silent.iter().filter_map(|index| hosts.get(*index).cloned()).collect();
                let at_most = give_up.map(|at| at.saturating_duration_since(Instant::now()));
                notify(Notice::Silent { hosts: names, asked: hosts.len(), at_most });
                continue;
            }
            () = async { match give_up { Some(at) => sleep_until(at).await, None => pending().await } } => {
                // Nobody is given up who may not have been asked yet: this machine has a time of its own for what it lacks.
                if is_short() {
                    give_up = Some(Instant::now() + LEAST_PATIENCE);
                    continue;
                }
                for index in &silent {
                    if let (Some(id), Some(place)) = (hosts.get(*index), answers.get_mut(*index)) {
                        *place = Err(given_up(begun.elapsed()));
                        on_answer(id, place);
                    }
                }
                break;
            }
        };
        fleet.squeezes().into_iter().for_each(|squeeze| notify(Notice::Squeezed(squeeze)));
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

/// Tells whether so few are silent that the others show how long the work takes.
const fn are_few(silent: usize, hosts: usize) -> bool {
    let few = if hosts < 20 { 2 } else { hosts / 10 };
    silent > 0 && silent <= few && silent <= hosts / 2
}

fn given_up(after: Duration) -> Failure {
    Failure::new(
        FailureClass::Unreachable,
        format!("said nothing for {} s, while all others answered", after.as_secs()),
    )
    .hint("its disk or file system hangs, or it is slower than all others; a login by hand shows where")
}

fn failure_of(error: HostError) -> Failure {
    match error {
        lost @ HostError::Lost(_) => Failure::new(FailureClass::Unreachable, lost.to_string()),
        HostError::Failed(failure) => *failure,
        HostError::Locked(holder) => Failure::new(
            FailureClass::Unreachable,
            format!("locked by {} for rollout {}", holder.owner, holder.rollout),
        ),
    }
}
