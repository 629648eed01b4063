use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::way::Untold;
use crate::model::{HostId, PushBack, Squeeze};

/// How many times as long as the fastest of its way a slow login takes.
const SLOWER: u32 = 4;
/// The smallest share of what could be opened to which anything but being turned away makes it: fewer would help no more.
const LEAST_SHARE: usize = 4;
/// How many are turned away, each of them alone, and for how long at least, until a way on which nobody gets in is out of order: who shares
/// it with others may be unlucky for a while.
const ALONE: usize = 12;
const PATIENCE: Duration = Duration::from_secs(30);
/// How long nothing more is told of a way that goes up and down.
const QUIET: Duration = Duration::from_secs(60);

/// Counts the connections that are being opened at once on one way, and makes them fewer when something pushes back.
///
/// sshd drops connections at random when too many have not logged in yet (`MaxStartups`), and a jump host drops them for everybody
/// behind it; resolvers leave questions unanswered, agents do not sign, and logins take long when too much is asked of them. So when a
/// second host meets that half as many are opened at once, again and again; and when as many have logged in as are opened at once, a few
/// more are. One host that is turned away alone slows nobody down: it may have a reason of its own. And what has answered nobody is
/// not asked too much, but is out of order: then fewer would help nobody, and whoever is behind it is to be told soon.
#[derive(Debug)]
pub(super) struct Throttle {
    /// What stands on it; none is the hosts themselves.
    way: Option<String>,
    most: usize,
    /// What no login takes that goes well.
    slow: Duration,
    turns: Semaphore,
    state: Mutex<Turns>,
    untold: Arc<Untold>,
}

#[derive(Debug)]
struct Turns {
    limit: usize,
    /// How many turns are still to be taken back from who has one.
    owed: usize,
    /// Counts the times that it was halved: who began before knows nothing of it.
    age: u64,
    /// The first host that was pushed back since.
    first: Option<HostId>,
    /// How many logged in since the last change.
    accepted: usize,
    /// How long the fastest login took; none when there was none yet.
    fastest: Option<Duration>,
    /// Since when nobody got in, and how many were turned away alone since.
    shut: Option<(Instant, usize)>,
    /// Whether it is taken to be out of order: then fewer at once help nobody, and all are asked at once until one gets in.
    out_of_order: bool,
    /// What made it less.
    why: PushBack,
    /// When it was told last that it is less, and whether that is still what people know.
    told: Option<(Instant, bool)>,
}

/// Allows one connection to be opened.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    throttle: &'a Throttle,
    permit: Option<SemaphorePermit<'a>>,
    age: u64,
}

impl Throttle {
    pub(super) fn new(way: Option<String>, most: usize, slow: Duration, untold: Arc<Untold>) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        let (why, first, fastest, told) = (PushBack::TurnedAway, None, None, None);
        let (shut, out_of_order) = (None, false);
        let state = Turns { limit: most, owed: 0, age: 0, first, accepted: 0, fastest, shut, out_of_order, why, told };
        Self { way, most, slow, turns: Semaphore::new(most), state: Mutex::new(state), untold }
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

    /// Tells whether anybody got in on it.
    pub(super) fn has_let_in(&self) -> bool {
        self.state().fastest.is_some()
    }

    /// Lets so many more be opened at once, as many as ever at most.
    fn widen(&self, state: &mut Turns, more: usize) {
        let more = more.min(self.most - state.limit);
        state.limit += more;
        let forgiven = more.min(state.owed);
        state.owed -= forgiven;
        self.turns.add_permits(more - forgiven);
    }

    /// Tells people, unless they have just been told.
    fn tell(&self, state: &mut Turns) {
        let squeeze = Squeeze { way: self.way.clone(), at_once: state.limit, most: self.most, why: state.why };
        tracing::debug!("{squeeze}");
        let now = Instant::now();
        state.told = match state.told {
            None if squeeze.is_over() => return,
            // That it is less yet need not be told again, nor that it is over what nobody heard of.
            Some((_, is_less)) if is_less != squeeze.is_over() => return,
            Some((at, false)) if now.duration_since(at) < QUIET => return,
            _ => Some((now, !squeeze.is_over())),
        };
        self.untold.push(squeeze);
    }

    #[cfg(test)]
    fn limit(&self) -> usize {
        self.state().limit
    }
}

impl Turn<'_> {
    /// Says that a connection was opened, and how long that took.
    pub(super) fn accepted(&self, host: &HostId, took: Duration) {
        let is_slow = {
            let mut state = self.throttle.state();
            let fastest = state.fastest.map_or(took, |fastest| fastest.min(took));
            state.fastest = Some(fastest);
            (state.shut, state.out_of_order) = (None, false);
            took > self.throttle.slow && took > fastest.saturating_mul(SLOWER)
        };
        if is_slow {
            self.pushed_back(host, PushBack::Slow);
        } else {
            self.let_in();
        }
    }

    /// Says that a connection was opened, in a time that says nothing.
    pub(super) fn let_in(&self) {
        let throttle = self.throttle;
        let mut state = throttle.state();
        (state.shut, state.out_of_order) = (None, false);
        if state.limit >= throttle.most {
            return;
        }
        state.accepted += 1;
        if state.accepted < state.limit {
            return;
        }
        state.accepted = 0;
        let more = (state.limit / 4).max(1);
        throttle.widen(&mut state, more);
        if state.limit == throttle.most {
            throttle.tell(&mut state);
        }
    }

    /// Says that something pushed a host's connection back.
    pub(super) fn pushed_back(&self, host: &HostId, why: PushBack) {
        let throttle = self.throttle;
        let mut state = throttle.state();
        let least = match why {
            PushBack::TurnedAway => 1,
            _ if state.fastest.is_none() => return,
            _ => (throttle.most / LEAST_SHARE).max(1),
        };
        if self.age != state.age || state.out_of_order {
            return;
        }
        if why == PushBack::TurnedAway && state.limit < throttle.most {
            let (since, alone) = state.shut.unwrap_or_else(|| (Instant::now(), 0));
            let alone = if state.limit == least { alone + 1 } else { alone };
            state.shut = Some((since, alone));
            if alone >= ALONE && since.elapsed() >= PATIENCE {
                let more = throttle.most;
                throttle.widen(&mut state, more);
                (state.age, state.first, state.accepted) = (state.age + 1, None, 0);
                (state.out_of_order, state.why) = (true, PushBack::Nobody);
                throttle.tell(&mut state);
                return;
            }
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
        let limit = (state.limit.min(in_use.max(1)) / 2).max(least).min(state.limit);
        let fewer = state.limit - limit;
        let forgotten = throttle.turns.forget_permits(fewer);
        state.owed += fewer - forgotten;
        state.limit = limit;
        state.age += 1;
        state.first = None;
        state.accepted = 0;
        state.why = why;
        if limit < throttle.most {
            throttle.tell(&mut state);
        }
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
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::{PATIENCE, QUIET, Throttle};
    use crate::host::ssh::way::Untold;
    use crate::model::{HostId, PushBack};

    const FAST: Duration = Duration::from_millis(100);

    fn throttle(most: usize) -> (Throttle, Arc<Untold>) {
        let untold = Arc::new(Untold::default());
        (Throttle::new(None, most, Duration::from_secs(5), Arc::clone(&untold)), untold)
    }

    fn host(n: usize) -> HostId {
        HostId::new(&format!("mw{n}")).unwrap()
    }

    #[tokio::test]
    async fn one_host_that_turns_us_away_slows_nobody_down() {
        let (throttle, _) = throttle(30);
        for _ in 0..10 {
            throttle.turn().await.pushed_back(&host(1), PushBack::TurnedAway);
        }
        assert_eq!(throttle.limit(), 30);
        throttle.turn().await.pushed_back(&host(2), PushBack::TurnedAway);
        assert!(throttle.is_crowded());
    }

    #[tokio::test(start_paused = true)]
    async fn a_way_on_which_nobody_gets_in_is_given_up_until_one_does() {
        let (throttle, untold) = throttle(30);
        let mut asked = 0;
        let mut turn_away = async |at_once: usize, until: Duration| {
            let begun = Instant::now();
            while begun.elapsed() < until {
                let width = throttle.turns.available_permits().min(at_once);
                let mut inside = Vec::new();
                for _ in 0..width {
                    asked += 1;
                    inside.push((throttle.turn().await, asked));
                }
                sleep(FAST).await;
                for (turn, id) in &inside {
                    turn.pushed_back(&host(*id), PushBack::TurnedAway);
                }
            }
        };
        turn_away(30, PATIENCE.saturating_sub(FAST * 5)).await;
        assert_eq!((throttle.limit(), throttle.is_crowded()), (1, true), "others may crowd it for a while");
        turn_away(30, FAST * 10).await;
        assert_eq!((throttle.limit(), throttle.is_crowded()), (30, false));
        assert!(untold.take().last().unwrap().to_string().contains("lets nobody in"));
        turn_away(30, PATIENCE * 4).await;
        assert_eq!((throttle.limit(), untold.take().len()), (30, 0), "and it stays so");
        throttle.turn().await.accepted(&host(0), FAST);
        turn_away(30, FAST).await;
        assert!(throttle.is_crowded(), "who got in was not out of order");
    }

    #[tokio::test]
    async fn a_door_that_takes_two_at_once_loses_nobody_and_is_passed_in_few_rounds() {
        // Whoever comes while two are inside is turned away, as with `MaxStartups 2:100:2`.
        let (throttle, _) = throttle(30);
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
                    turn.accepted(&host(*id), FAST);
                } else {
                    turn.pushed_back(&host(*id), PushBack::TurnedAway);
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
        let (throttle, _) = throttle(30);
        for n in 0..20 {
            throttle.turn().await.pushed_back(&host(n), PushBack::TurnedAway);
        }
        assert_eq!(throttle.limit(), 1);
        let mut logins = 0;
        while throttle.is_crowded() {
            throttle.turn().await.accepted(&host(1), FAST);
            logins += 1;
        }
        assert!(logins < 200, "{logins}");
        assert_eq!(throttle.turns.available_permits(), 30);
    }

    #[tokio::test]
    async fn turns_that_are_under_way_are_taken_back_when_they_end() {
        let (throttle, _) = throttle(8);
        let mut turns = Vec::new();
        for _ in 0..8 {
            turns.push(throttle.turn().await);
        }
        turns[0].pushed_back(&host(1), PushBack::TurnedAway);
        turns[1].pushed_back(&host(2), PushBack::TurnedAway);
        // What began before it was halved does not halve it again.
        turns[2].pushed_back(&host(3), PushBack::TurnedAway);
        turns[3].pushed_back(&host(4), PushBack::TurnedAway);
        assert_eq!(throttle.limit(), 4);
        drop(turns);
        assert_eq!(throttle.turns.available_permits(), 4);
    }

    #[tokio::test]
    async fn logins_that_are_slow_only_beside_others_make_it_a_quarter_at_least() {
        let (throttle, _) = throttle(40);
        let slow = Duration::from_secs(6);
        // All of them are as slow, so that fewer at once would help nobody.
        for n in 0..20 {
            throttle.turn().await.accepted(&host(n), slow);
        }
        assert_eq!(throttle.limit(), 40);
        throttle.turn().await.accepted(&host(0), FAST);
        for n in 0..200 {
            throttle.turn().await.accepted(&host(n), slow);
        }
        assert_eq!(throttle.limit(), 10);
    }

    #[tokio::test]
    async fn a_resolver_that_answers_nobody_is_out_of_order_and_one_that_answers_some_is_asked_less() {
        for why in [PushBack::Names, PushBack::Agent] {
            let (throttle, _) = throttle(40);
            for n in 0..20 {
                throttle.turn().await.pushed_back(&host(n), why);
            }
            assert!(!throttle.has_let_in() && !throttle.is_crowded());
            throttle.turn().await.accepted(&host(0), FAST);
            for n in 0..20 {
                throttle.turn().await.pushed_back(&host(n), why);
            }
            assert!(throttle.has_let_in());
            assert_eq!(throttle.limit(), 10);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_told_once_that_there_are_fewer_and_once_that_there_are_as_many_again() {
        let (throttle, untold) = throttle(8);
        let up_and_down = async || {
            for n in 0..20 {
                throttle.turn().await.pushed_back(&host(n), PushBack::TurnedAway);
            }
            while throttle.is_crowded() {
                throttle.turn().await.accepted(&host(1), FAST);
            }
            untold.take().into_iter().map(|squeeze| squeeze.at_once).collect::<Vec<_>>()
        };
        assert_eq!(up_and_down().await, [1, 8]);
        assert_eq!(up_and_down().await, [0; 0]);
        tokio::time::sleep(QUIET).await;
        assert_eq!(up_and_down().await, [1, 8]);
    }
}
