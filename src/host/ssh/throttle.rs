use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::model::HostId;

/// Counts the connections that are being opened at once, and makes them fewer when they are turned away.
///
/// sshd drops connections at random when too many have not logged in yet (`MaxStartups`), and a jump host drops them for everybody
/// behind it. So when a second host is turned away half as many are opened at once, again and again; and when as many have logged in as
/// are opened at once, a few more are. One host that is turned away alone slows nobody down: it may have a reason of its own.
#[derive(Debug)]
pub(super) struct Throttle {
    most: usize,
    turns: Semaphore,
    state: Mutex<Turns>,
}

#[derive(Debug)]
struct Turns {
    limit: usize,
    /// How many turns are still to be taken back from who has one.
    owed: usize,
    /// Counts the times that it was halved: who began before knows nothing of it.
    age: u64,
    /// The first host that was turned away since.
    first: Option<HostId>,
    /// How many logged in since the last change.
    accepted: usize,
    told: bool,
}

/// Allows one connection to be opened.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    throttle: &'a Throttle,
    permit: Option<SemaphorePermit<'a>>,
    age: u64,
}

impl Throttle {
    pub(super) fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        let state = Turns { limit: most, owed: 0, age: 0, first: None, accepted: 0, told: false };
        Self { most, turns: Semaphore::new(most), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, Turns> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn, in the order of asking; dropped, it has taken none.
    pub(super) async fn turn(&self) -> Turn<'_> {
        // It is never closed.
        let permit = self.turns.acquire().await.ok();
        let age = self.state().age;
        Turn { throttle: self, permit, age }
    }

    /// Tells whether fewer are opened than could be: who is turned away then may be so because of the others.
    pub(super) fn is_crowded(&self) -> bool {
        self.state().limit < self.most
    }

    #[cfg(test)]
    fn limit(&self) -> usize {
        self.state().limit
    }
}

impl Turn<'_> {
    /// Says that a connection was opened.
    pub(super) fn accepted(&self) {
        let throttle = self.throttle;
        let mut state = throttle.state();
        if state.limit >= throttle.most {
            return;
        }
        state.accepted += 1;
        if state.accepted < state.limit {
            return;
        }
        state.accepted = 0;
        let more = (state.limit / 4).max(1).min(throttle.most - state.limit);
        state.limit += more;
        let forgiven = more.min(state.owed);
        state.owed -= forgiven;
        throttle.turns.add_permits(more - forgiven);
        if state.limit == throttle.most {
            tracing::info!("opening {} connections at once again", throttle.most);
        }
    }

    /// Says that a host turned the connection away.
    pub(super) fn turned_away(&self, host: &HostId) {
        let throttle = self.throttle;
        let mut state = throttle.state();
        if self.age != state.age {
            return;
        }
        match &state.first {
            None => {
                state.first = Some(host.clone());
                return;
            }
            Some(first) if first == host => return,
            Some(_) => {}
        }
        let in_use = state.limit.saturating_add(state.owed).saturating_sub(throttle.turns.available_permits());
        let limit = (state.limit.min(in_use.max(1)) / 2).max(1);
        let fewer = state.limit - limit;
        let forgotten = throttle.turns.forget_permits(fewer);
        state.owed += fewer - forgotten;
        state.limit = limit;
        state.age += 1;
        state.first = None;
        state.accepted = 0;
        if !std::mem::replace(&mut state.told, true) {
            tracing::warn!(
                "connections are turned away (MaxStartups there): opening fewer than {} at once, and trying those again; \
                 ssh.connects sets the most",
                throttle.most
            );
        }
        tracing::debug!(limit, "opening fewer connections at once");
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.throttle.state();
        if state.owed > 0
            && let Some(permit) = self.permit.take()
        {
            state.owed -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::Throttle;
    use crate::model::HostId;

    fn host(n: usize) -> HostId {
        HostId::new(&format!("mw{n}")).unwrap()
    }

    #[tokio::test]
    async fn one_host_that_turns_us_away_slows_nobody_down() {
        let throttle = Throttle::new(30);
        for _ in 0..10 {
            throttle.turn().await.turned_away(&host(1));
        }
        assert_eq!(throttle.limit(), 30);
        throttle.turn().await.turned_away(&host(2));
        assert!(throttle.is_crowded());
    }

    #[tokio::test]
    async fn a_door_that_takes_two_at_once_loses_nobody_and_is_passed_in_few_rounds() {
        // Whoever comes while two are inside is turned away, as with `MaxStartups 2:100:2`.
        let throttle = Throttle::new(30);
        let mut waiting: VecDeque<usize> = (0..64).collect();
        let (mut rounds, mut worst, mut attempts) = (0, 0, vec![0; 64]);
        while !waiting.is_empty() {
            rounds += 1;
            let width = throttle.turns.available_permits().min(waiting.len());
            let mut inside = Vec::new();
            for host in waiting.drain(..width).collect::<Vec<_>>() {
                attempts[host] += 1;
                worst = worst.max(attempts[host]);
                inside.push((throttle.turn().await, host));
            }
            for (place, (turn, id)) in inside.iter().enumerate() {
                if place < 2 {
                    turn.accepted();
                } else {
                    turn.turned_away(&host(*id));
                    waiting.push_back(*id);
                }
            }
            drop(inside);
            assert_eq!(throttle.turns.available_permits(), throttle.limit());
        }
        assert!(rounds < 60, "{rounds} rounds");
        assert!(worst <= 6, "{worst} attempts");
    }

    #[tokio::test]
    async fn it_recovers_when_everybody_is_let_in() {
        let throttle = Throttle::new(30);
        for n in 0..20 {
            throttle.turn().await.turned_away(&host(n));
        }
        assert_eq!(throttle.limit(), 1);
        let mut logins = 0;
        while throttle.is_crowded() {
            throttle.turn().await.accepted();
            logins += 1;
        }
        assert!(logins < 200, "{logins}");
        assert_eq!(throttle.turns.available_permits(), 30);
    }

    #[tokio::test]
    async fn turns_that_are_under_way_are_taken_back_when_they_end() {
        let throttle = Throttle::new(8);
        let mut turns = Vec::new();
        for _ in 0..8 {
            turns.push(throttle.turn().await);
        }
        turns[0].turned_away(&host(1));
        turns[1].turned_away(&host(2));
        // What began before it was halved does not halve it again.
        turns[2].turned_away(&host(3));
        turns[3].turned_away(&host(4));
        assert_eq!(throttle.limit(), 4);
        drop(turns);
        assert_eq!(throttle.turns.available_permits(), 4);
    }
}
