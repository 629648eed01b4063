//! What hosts of a rollout have of a pack they give to each other: the swarm, and who shares in it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OnceCell, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::release::Pack;
use crate::swarm::{Offer, Settings, Swarm};

/// How many share at once when they are done: each keeps a connection and an aria2, and takes the place of a transfer.
const SHARERS: usize = 16;
/// How long nobody fetches until those that share are let go: the next host may just be about to.
const QUIET: Duration = Duration::from_secs(3);
/// The longest that one host shares.
const LONGEST: Duration = Duration::from_secs(120);

/// Holds the swarm of a rollout, from the first host that wants it on.
#[derive(Debug)]
pub(super) struct Sharing {
    swarm: OnceCell<Result<Swarm, String>>,
    /// How many fetch just now.
    fetching: watch::Sender<usize>,
    sharers: Mutex<VecDeque<Task>>,
}

impl Default for Sharing {
    fn default() -> Self {
        Self { swarm: OnceCell::new(), fetching: watch::Sender::new(0), sharers: Mutex::default() }
    }
}

/// Is a task that ends with who holds it.
#[derive(Debug)]
pub(super) struct Task(JoinHandle<()>);

impl Task {
    pub(super) fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Counts one host that fetches, as long as it lives.
#[derive(Debug)]
pub(super) struct Fetching(watch::Sender<usize>);

impl Drop for Fetching {
    fn drop(&mut self) {
        self.0.send_modify(|fetching| *fetching = fetching.saturating_sub(1));
    }
}

impl Sharing {
    /// Counts a host that fetches.
    pub(super) fn fetching(&self) -> Fetching {
        self.fetching.send_modify(|fetching| *fetching += 1);
        Fetching(self.fetching.clone())
    }

    /// Seeds a pack from here.
    ///
    /// # Errors
    ///
    /// Why it cannot be seeded, which is so for every host.
    pub(super) async fn offer(&self, settings: &Settings, pack: &Pack) -> Result<Arc<Offer>, String> {
        let swarm = self.swarm.get_or_init(|| Swarm::start(settings.clone())).await.as_ref().map_err(Clone::clone)?;
        swarm.offer(&pack.path(), &pack.name()).await
    }

    /// Lets a host share until nobody fetches any more; of many the one that has longest is let go.
    pub(super) fn keep(&self, task: Task) {
        let mut sharers = self.sharers.lock().unwrap_or_else(PoisonError::into_inner);
        sharers.retain(|task| !task.0.is_finished());
        sharers.push_back(task);
        while sharers.len() > SHARERS {
            drop(sharers.pop_front());
        }
    }

    /// Waits until nobody has fetched for a while, but not for ever.
    pub(super) fn until_nobody_fetches(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut fetching = self.fetching.subscribe();
        let quiet = async move {
            while fetching.wait_for(|fetching| *fetching == 0).await.is_ok() {
                sleep(QUIET).await;
                if *fetching.borrow_and_update() == 0 {
                    break;
                }
            }
        };
        async move {
            // Whoever was not let go by then is now.
            drop(timeout(LONGEST, quiet).await);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{LONGEST, QUIET, SHARERS, Sharing, Task};

    #[tokio::test(start_paused = true)]
    async fn a_host_shares_as_long_as_another_fetches_and_not_for_ever() {
        let sharing = Sharing::default();
        let begun = Instant::now();
        let (first, second) = (sharing.fetching(), sharing.fetching());
        let (quiet, longest) =
            (tokio::spawn(sharing.until_nobody_fetches()), tokio::spawn(sharing.until_nobody_fetches()));
        drop(first);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(!quiet.is_finished());
        drop(second);
        // One that comes meanwhile is not left alone.
        tokio::time::sleep(QUIET / 2).await;
        let third = sharing.fetching();
        tokio::time::sleep(QUIET).await;
        drop(third);
        quiet.await.unwrap();
        assert!(begun.elapsed() >= Duration::from_secs(10) + QUIET * 2, "{:?}", begun.elapsed());
        longest.await.unwrap();
        let _stuck = sharing.fetching();
        let begun = Instant::now();
        sharing.until_nobody_fetches().await;
        assert_eq!(begun.elapsed(), LONGEST);
    }

    #[tokio::test]
    async fn no_more_than_some_share_at_once() {
        let sharing = Sharing::default();
        for _ in 0..SHARERS + 3 {
            sharing.keep(Task::spawn(std::future::pending()));
        }
        assert_eq!(sharing.sharers.lock().unwrap().len(), SHARERS);
    }
}
