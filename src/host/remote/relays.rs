//! The relays of a rollout: each is opened when the first host wants something of it, has what was wanted once, and is given up for good
//! when it fails its hosts.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::carry::Passed;
use super::carrying::{Carrying, Find};
use super::relay::{Daemon, Opening};
use crate::host::{Host as _, Survey};
use crate::model::{Carrier, CarrierNews, HostId, Progress, RelayFailed, RelayStarted};
use crate::plan::Carriage;
use crate::process::secret;
use crate::release::Pack;

/// After this long without anybody a relay is closed: a soak may last a day.
const IDLE: Duration = Duration::from_secs(300);
/// How many hosts in a row may get nothing from a relay before it is its fault and not theirs.
const STRIKES: usize = 3;
/// What is said where the fleet is gone already.
const GONE: &str = "the rollout is over";
/// How long a name may take to be looked up, of a host that does not say its address.
const RESOLVING: Duration = Duration::from_secs(5);

/// Knows every relay that was asked for.
#[derive(Debug, Default)]
pub(super) struct Relays {
    known: Mutex<HashMap<HostId, Arc<Relay>>>,
}

#[derive(Debug, Default)]
struct Relay {
    state: tokio::sync::Mutex<State>,
    strikes: Mutex<usize>,
    /// Why nobody waits for it any more, whoever holds its state.
    left: watch::Sender<Option<String>>,
}

impl Relay {
    /// Waits until nobody is to wait for it, and gives why.
    async fn left(&self) -> String {
        let mut left = self.left.subscribe();
        let why = left.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
        match why {
            Some(why) => why,
            // What would say so is held by whoever asks.
            None => std::future::pending().await,
        }
    }
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Closed,
    Open(Box<Open>),
    /// Nobody asks it any more, for this reason.
    GivenUp(String),
}

#[derive(Debug)]
struct Open {
    daemon: Daemon,
    packs: HashSet<String>,
    used: Instant,
    /// Held by everybody who gets something.
    users: Arc<()>,
}

/// Is a pack that a relay has, for as long as somebody gets it.
#[derive(Debug)]
pub(super) struct Served {
    /// Where it is had, without its name.
    pub(super) url: String,
    /// What has to be known there.
    pub(super) secret: String,
    /// Its folder under the root, for the relay itself.
    pub(super) place: String,
    _user: Arc<()>,
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Relays {
    fn get(&self, host: &HostId) -> Arc<Relay> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(host.clone()).or_default())
    }

    /// Gives a pack at a relay, brought there where it is not; whoever asks the same relay meanwhile waits. `tell` hears how far that is.
    ///
    /// # Errors
    ///
    /// Why the relay does not have it; it is given up then.
    pub(super) fn ready<'a>(
        &'a self,
        carrying: &'a Carrying,
        hosts: &'a Find,
        carriage: &'a Carriage,
        id: &'a HostId,
        pack: &'a Pack,
        tell: &'a (dyn Fn(Progress) + Send + Sync),
    ) -> Boxed<'a, Result<Served, String>> {
        Box::pin(async move {
            let relay = self.get(id);
            let ready = async {
                let mut state = relay.state.lock().await;
                let done = self.make_ready(&relay, &mut state, (carrying, hosts, carriage), id, pack, tell).await;
                match done {
                    Ok(served) => Ok(served),
                    Err(why) => {
                        if !matches!(*state, State::GivenUp(_)) {
                            give_up(carrying, &mut state, id, &why);
                        }
                        Err(why)
                    }
                }
            };
            let why = tokio::select! {
                biased;
                why = relay.left() => why,
                done = ready => return done,
            };
            // Who had it to himself has dropped it now, whatever hung there.
            if let Ok(mut state) = relay.state.try_lock() {
                *state = State::GivenUp(why.clone());
            }
            Err(format!("it was given up: {why}"))
        })
    }

    /// Lets nobody wait for a relay any more; what is being brought there for others is left.
    pub(super) fn leave(&self, id: &HostId, why: &str) {
        tracing::warn!("relay {id} is given up: {why}");
        self.get(id).left.send_replace(Some(why.to_owned()));
    }

    async fn make_ready(
        &self,
        relay: &Arc<Relay>,
        state: &mut State,
        (carrying, hosts, carriage): (&Carrying, &Find, &Carriage),
        id: &HostId,
        pack: &Pack,
        tell: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Served, String> {
        match state {
            State::GivenUp(why) => return Err(format!("it was given up: {why}")),
            State::Open(open) if open.daemon.held.is_over() => return Err("its daemon ended".to_owned()),
            State::Open(_) => {}
            State::Closed => {
                let daemon = open(carrying, hosts, carriage, id).await?;
                let open = Open { daemon, packs: HashSet::new(), used: Instant::now(), users: Arc::new(()) };
                *state = State::Open(Box::new(open));
                tokio::spawn(close_when_idle(Arc::downgrade(relay)));
            }
        }
        let State::Open(open) = state else { return Err("it was closed".to_owned()) };
        open.used = Instant::now();
        if !open.packs.contains(&pack.name()) {
            self.stock((carrying, hosts, carriage), id, &open.daemon, pack, tell).await?;
            if open.packs.is_empty() {
                let (address, hosts) = (open.daemon.address.to_string(), carriage.clients_of(id).len());
                carrying.tell(CarrierNews::RelayStarted(RelayStarted { host: id.clone(), address, hosts }));
            }
            open.packs.insert(pack.name());
        }
        Ok(Served {
            url: format!("rsync://coalmine@{}/packs", open.daemon.address),
            secret: open.daemon.secret.clone(),
            place: open.daemon.place.clone(),
            _user: Arc::clone(&open.users),
        })
    }

    /// Brings a pack to a relay: from its own relay where it has one, and else from this machine.
    async fn stock(
        &self,
        (carrying, hosts, carriage): (&Carrying, &Find, &Carriage),
        id: &HostId,
        daemon: &Daemon,
        pack: &Pack,
        tell: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), String> {
        let host = hosts(id).ok_or(GONE)?;
        for above in carriage.relays_of(id) {
            let why = match self.ready(carrying, hosts, carriage, above, pack, &|_| {}).await {
                Ok(served) => match host.pass_on(daemon, &served, pack, &carriage.rollout, tell).await {
                    Ok(()) => {
                        self.served(above);
                        return Ok(());
                    }
                    Err(passed) => {
                        self.failed(carrying, above, &passed).await;
                        passed.why
                    }
                },
                Err(why) => why,
            };
            carrying.tell_failed(id, Carrier::Relay, Some(above), &why);
        }
        host.stock(daemon, pack, tell).await.map_err(|why| format!("did not get it itself: {why}"))
    }

    /// Takes note that a host got what it wanted of a relay.
    pub(super) fn served(&self, id: &HostId) {
        *self.get(id).strikes.lock().unwrap_or_else(PoisonError::into_inner) = 0;
    }

    /// Takes note that a host did not, and gives a relay up that is to blame: one that passes on something else, or has ended, or fails one
    /// host after the other.
    pub(super) async fn failed(&self, carrying: &Carrying, id: &HostId, passed: &Passed) {
        let relay = self.get(id);
        let strikes = {
            let mut strikes = relay.strikes.lock().unwrap_or_else(PoisonError::into_inner);
            *strikes += 1;
            *strikes
        };
        let mut state = relay.state.lock().await;
        let is_over = matches!(&*state, State::Open(open) if open.daemon.held.is_over());
        let why = match passed.lied {
            _ if matches!(*state, State::GivenUp(_)) => return,
            true => format!("what it passed on is not what was built ({})", passed.host),
            false if is_over => "its daemon ended".to_owned(),
            false if strikes >= STRIKES => format!("{strikes} hosts in a row got nothing from it: {}", passed.why),
            false => return,
        };
        give_up(carrying, &mut state, id, &why);
    }
}

fn give_up(carrying: &Carrying, state: &mut State, id: &HostId, why: &str) {
    tracing::warn!("relay {id} is given up: {why}");
    carrying.tell(CarrierNews::RelayFailed(RelayFailed { host: id.clone(), message: why.to_owned() }));
    *state = State::GivenUp(why.to_owned());
}

async fn open(carrying: &Carrying, hosts: &Find, carriage: &Carriage, id: &HostId) -> Result<Daemon, String> {
    let host = hosts(id).ok_or(GONE)?;
    // Whoever takes no part was asked by another process, if at all.
    if carrying.address(id).is_none()
        && let Err(error) = host.probe(&Survey::Shallow, None).await
    {
        return Err(error.to_string());
    }
    let Some((address, _)) = address_of(carrying, id).await else {
        return Err("its address is not known here".to_owned());
    };
    let clients = carriage.clients_of(id);
    let mut allowed = vec![address];
    for client in clients {
        allowed.extend(address_of(carrying, client).await.map(|(address, _)| address));
    }
    allowed.sort_unstable();
    allowed.dedup();
    let own = clients.iter().filter(|client| carriage.relays_of(client).first() == Some(id)).count();
    let secret = secret::<32>().map_err(|error| format!("this machine has no secret for it: {error}"))?;
    let opening = Opening { address, allowed, own, secret };
    host.open_relay(opening, &carriage.rollout).await
}

/// Gives the address of a host, and whether it said so itself; what hides it, as another user's shell does, leaves its name.
pub(super) async fn address_of(carrying: &Carrying, id: &HostId) -> Option<(IpAddr, bool)> {
    if let Some(address) = carrying.address(id) {
        return Some((address, true));
    }
    let mut found = timeout(RESOLVING, tokio::net::lookup_host((id.as_str(), 0))).await.ok()?.ok()?;
    found.next().map(|address| (address.ip(), false))
}

/// Closes a relay that nobody came to for long; the next who does opens it anew.
async fn close_when_idle(relay: Weak<Relay>) {
    loop {
        sleep(IDLE / 10).await;
        let Some(relay) = relay.upgrade() else { return };
        let mut state = relay.state.lock().await;
        match &mut *state {
            State::Open(open) if Arc::strong_count(&open.users) > 1 => open.used = Instant::now(),
            State::Open(open) if open.used.elapsed() >= IDLE => {
                *state = State::Closed;
                return;
            }
            State::Open(_) => {}
            State::Closed | State::GivenUp(_) => return,
        }
    }
}
