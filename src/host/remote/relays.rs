//! The relays of a rollout: each is opened when the first host wants something of it, has what was wanted once, and is given up for good
//! when it fails its hosts.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Held while it is opened, and never while something is brought there.
    state: tokio::sync::Mutex<State>,
    strikes: Mutex<usize>,
    /// Why nobody asks it any more, nor waits for it.
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

    /// Lets nobody ask it any more; tells whether that is new.
    fn leave(&self, id: &HostId, why: &str) -> bool {
        let is_new = self.left.send_if_modified(|left| {
            let is_new = left.is_none();
            left.get_or_insert_with(|| why.to_owned());
            is_new
        });
        if is_new {
            tracing::warn!("relay {id} is given up: {why}");
        }
        is_new
    }

    fn give_up(&self, carrying: &Carrying, id: &HostId, why: &str) {
        if self.leave(id, why) {
            carrying.tell(CarrierNews::RelayFailed(RelayFailed { host: id.clone(), message: why.to_owned() }));
        }
        self.close();
    }

    /// Ends its daemon, unless somebody opens it just now, who is told that it is left.
    fn close(&self) {
        if let Ok(mut state) = self.state.try_lock() {
            *state = State::Closed;
        }
    }
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Closed,
    Open(Box<Open>),
}

#[derive(Debug)]
struct Open {
    daemon: Arc<Daemon>,
    /// Whether it has each pack that was asked for; held by who brings it there.
    packs: HashMap<String, Arc<tokio::sync::Mutex<bool>>>,
    used: Instant,
    /// Held by everybody who gets something.
    users: Arc<()>,
    /// Whether it was told that it serves.
    is_told: Arc<AtomicBool>,
}

impl Open {
    fn served(&self) -> Served {
        Served {
            url: format!("rsync://coalmine@{}/packs", self.daemon.address),
            secret: self.daemon.secret.clone(),
            place: self.daemon.place.clone(),
            address: self.daemon.address,
            is_told: Arc::clone(&self.is_told),
            _user: Arc::clone(&self.users),
        }
    }
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
    address: SocketAddr,
    is_told: Arc<AtomicBool>,
    _user: Arc<()>,
}

impl Served {
    /// Tells, the first time, that a relay has what it passes on: whoever waits for that begins.
    ///
    /// The relay itself is to have its own by then: where it is given up all that it had for others goes.
    pub(super) fn tell(&self, carrying: &Carrying, carriage: &Carriage, id: &HostId) {
        if !self.is_told.swap(true, Ordering::Relaxed) {
            let (address, hosts) = (self.address.to_string(), carriage.clients_of(id).len());
            carrying.tell(CarrierNews::RelayStarted(RelayStarted { host: id.clone(), address, hosts }));
        }
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Relays {
    fn get(&self, host: &HostId) -> Arc<Relay> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(host.clone()).or_default())
    }

    /// Gives a pack at a relay, brought there where it is not; whoever wants the same of the same relay meanwhile waits. `tell` hears how far
    /// that is.
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
            let ready = self.make_ready(&relay, (carrying, hosts, carriage), id, pack, tell);
            let why = tokio::select! {
                biased;
                why = relay.left() => why,
                done = ready => match done {
                    Ok(served) => return Ok(served),
                    Err(why) => {
                        relay.give_up(carrying, id, &why);
                        return Err(why);
                    }
                },
            };
            // Who opened it has dropped it by now, whatever hung there.
            relay.close();
            Err(format!("it was given up: {why}"))
        })
    }

    /// Lets nobody wait for a relay any more; what is being brought there for others is left.
    pub(super) fn leave(&self, id: &HostId, why: &str) {
        self.get(id).leave(id, why);
    }

    async fn make_ready(
        &self,
        relay: &Arc<Relay>,
        (carrying, hosts, carriage): (&Carrying, &Find, &Carriage),
        id: &HostId,
        pack: &Pack,
        tell: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Served, String> {
        let (served, daemon, place) = {
            let mut state = relay.state.lock().await;
            match &*state {
                State::Open(open) if open.daemon.held.is_over() => return Err("its daemon ended".to_owned()),
                State::Open(_) => {}
                State::Closed => {
                    let daemon = Arc::new(open(carrying, hosts, carriage, id).await?);
                    let (packs, users, is_told) = (HashMap::new(), Arc::default(), Arc::default());
                    *state = State::Open(Box::new(Open { daemon, packs, used: Instant::now(), users, is_told }));
                    tokio::spawn(close_when_idle(Arc::downgrade(relay)));
                }
            }
            let State::Open(open) = &mut *state else { return Err("it was closed".to_owned()) };
            open.used = Instant::now();
            let place = Arc::clone(open.packs.entry(pack.name()).or_default());
            (open.served(), Arc::clone(&open.daemon), place)
        };
        // Who wants another pack, which may be there, does not wait for this one.
        let mut is_there = place.lock().await;
        if !*is_there {
            self.stock((carrying, hosts, carriage), id, &daemon, pack, tell).await?;
            *is_there = true;
        }
        Ok(served)
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
                Ok(served) => {
                    served.tell(carrying, carriage, above);
                    match host.pass_on(daemon, &served, pack, &carriage.rollout, tell).await {
                        Ok(()) => {
                            self.served(above);
                            return Ok(());
                        }
                        Err(passed) => {
                            self.failed(carrying, above, &passed).await;
                            passed.why
                        }
                    }
                }
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
        let is_over = matches!(&*relay.state.lock().await, State::Open(open) if open.daemon.held.is_over());
        let why = match passed.lied {
            true => format!("what it passed on is not what was built ({})", passed.host),
            false if is_over => "its daemon ended".to_owned(),
            false if strikes >= STRIKES => format!("{strikes} hosts in a row got nothing from it: {}", passed.why),
            false => return,
        };
        relay.give_up(carrying, id, &why);
    }
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
            State::Closed => return,
        }
    }
}
