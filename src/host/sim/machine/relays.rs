//! How a release comes to a simulated host: directly, or from a relay with whatever is wrong with that.

use std::collections::HashMap;
use std::future::pending;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::{CONNECT_TIMEOUT, SimHost};
use crate::host::HostError;
use crate::host::sim::fault::{Fault, Operation, RelayFault};
use crate::model::{
    Bytes, Carried, Carrier, CarrierFailed, CarrierNews, Failure, FailureClass, HostId, Progress, RelayFailed,
    RelayStarted,
};
use crate::plan::Carriage;

/// In how many pieces a release travels.
const PIECES: u32 = 4;
/// How much a release is.
const TOTAL: Bytes = Bytes(64 << 20);
/// After how long without a byte a transfer has failed.
const STALL: Duration = Duration::from_secs(60);
/// How many hosts in a row may get nothing from a relay.
const STRIKES: u32 = 3;
/// How much of what becomes of carriers may wait to be heard of.
const NEWS: usize = 256;

type Tell<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// Carries for one rollout of one deploy server: its relays go with it.
#[derive(Debug)]
pub(in crate::host::sim) struct Carrying {
    carriage: Carriage,
    news: mpsc::Sender<CarrierNews>,
    hosts: HashMap<HostId, Weak<SimHost>>,
    relays: Mutex<HashMap<HostId, Arc<Relay>>>,
}

#[derive(Debug, Default)]
struct Relay {
    /// Whether it has what it passes on; held by who brings it there.
    stocked: tokio::sync::Mutex<bool>,
    counts: Mutex<Counts>,
    /// Why nobody asks it any more.
    left: watch::Sender<Option<String>>,
}

/// Counts the hosts that got something from a relay, and those in a row that did not.
#[derive(Debug, Default)]
struct Counts {
    served: u32,
    strikes: u32,
}

impl Relay {
    async fn left(&self) -> String {
        let mut left = self.left.subscribe();
        let why = left.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
        match why {
            Some(why) => why,
            None => pending().await,
        }
    }
}

impl Carrying {
    pub(in crate::host::sim) fn begin(
        carriage: Carriage,
        hosts: HashMap<HostId, Weak<SimHost>>,
    ) -> (Self, mpsc::Receiver<CarrierNews>) {
        let (news, heard) = mpsc::channel(NEWS);
        (Self { carriage, news, hosts, relays: Mutex::default() }, heard)
    }

    /// Lets no host ask a relay any more.
    pub(in crate::host::sim) fn give_up(&self, relay: &HostId, why: &str) {
        self.relay(relay).left.send_replace(Some(why.to_owned()));
    }

    fn relay(&self, id: &HostId) -> Arc<Relay> {
        Arc::clone(self.relays.lock().unwrap_or_else(PoisonError::into_inner).entry(id.clone()).or_default())
    }

    fn tell(&self, news: CarrierNews) {
        if let Err(untold) = self.news.try_send(news) {
            tracing::debug!("{untold}");
        }
    }

    fn tell_failed(&self, host: &HostId, relay: &HostId, message: &str) {
        let (carrier, relay, message) = (Carrier::Relay, Some(relay.clone()), message.to_owned());
        self.tell(CarrierNews::Failed(CarrierFailed { host: host.clone(), carrier, relay, message }));
    }

    /// Brings the release to a host, by the first way that does.
    pub(super) async fn bring(&self, host: &SimHost, id: &HostId, tell: Tell<'_>) -> Result<Carried, HostError> {
        let mut last = "there is no way".to_owned();
        for carrier in &self.carriage.carriers {
            if *carrier == Carrier::Direct {
                host.travel(tell).await?;
                return Ok(Carried { by: Carrier::Direct, relay: None });
            }
            let own = [id.clone()];
            let is_relay = !self.carriage.clients_of(id).is_empty();
            for relay in if is_relay { own.as_slice() } else { self.carriage.relays_of(id) } {
                match self.try_relay(host, id, relay, tell).await {
                    Ok(()) => return Ok(Carried { by: Carrier::Relay, relay: Some(relay.clone()) }),
                    Err(why) => {
                        self.tell_failed(id, relay, &why);
                        last = why;
                    }
                }
            }
        }
        Err(Failure::new(FailureClass::Transfer, format!("no carrier brought the release: {last}")).into())
    }

    async fn try_relay(&self, host: &SimHost, id: &HostId, relay: &HostId, tell: Tell<'_>) -> Result<(), String> {
        let is_own = id == relay;
        let nobody = |_: Progress| {};
        let hears: Tell<'_> = if is_own { tell } else { &nobody };
        self.ready(relay, hears).await?;
        if is_own { Ok(()) } else { self.pull(host, relay, tell).await }
    }

    /// Waits until a relay has what it passes on, which whoever comes first brings there.
    fn ready<'a>(
        &'a self,
        id: &'a HostId,
        tell: Tell<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move {
            let relay = self.relay(id);
            let stock = async {
                let mut stocked = relay.stocked.lock().await;
                if !*stocked {
                    if let Err(why) = self.stock(id, tell).await {
                        self.fail(id, &relay, &why);
                        return Err(why);
                    }
                    *stocked = true;
                    let hosts = self.carriage.clients_of(id).len();
                    let (host, address) = (id.clone(), format!("{id}:1"));
                    self.tell(CarrierNews::RelayStarted(RelayStarted { host, address, hosts }));
                }
                Ok(())
            };
            tokio::select! {
                biased;
                why = relay.left() => Err(format!("it was given up: {why}")),
                stocked = stock => stocked,
            }
        })
    }

    fn fail(&self, id: &HostId, relay: &Relay, why: &str) {
        if relay.left.borrow().is_none() {
            self.tell(CarrierNews::RelayFailed(RelayFailed { host: id.clone(), message: why.to_owned() }));
            relay.left.send_replace(Some(why.to_owned()));
        }
    }

    async fn stock(&self, id: &HostId, tell: Tell<'_>) -> Result<(), String> {
        let host = self.hosts.get(id).and_then(Weak::upgrade).ok_or("the rollout is over")?;
        host.reach(Operation::Prime).await.map_err(|error| error.to_string())?;
        for above in self.carriage.relays_of(id) {
            let brought = match self.ready(above, &|_| {}).await {
                Ok(()) => self.pull(&host, above, tell).await,
                Err(why) => Err(why),
            };
            match brought {
                Ok(()) => return Ok(()),
                Err(why) => self.tell_failed(id, above, &why),
            }
        }
        if host.has(|fault| *fault == Fault::DiskFull) {
            return Err("did not get it itself: No space left on device".to_owned());
        }
        // What hangs there takes no byte.
        let hangs = |fault: &Fault| matches!(fault, Fault::Hung(Operation::Prime));
        if host.has(hangs) || self.is_wrong(&host, RelayFault::Hangs, 0) {
            sleep(STALL).await;
            return Err(format!("did not get it itself: nothing came for {} s", STALL.as_secs()));
        }
        host.travel(tell).await.map_err(|error| format!("did not get it itself: {error}"))
    }

    fn is_wrong(&self, relay: &SimHost, wrong: RelayFault, served: u32) -> bool {
        relay.has(|fault| matches!(fault, Fault::Relay { wrong: of, after } if *of == wrong && served >= *after))
    }

    /// Gets the release from a relay that has it.
    async fn pull(&self, host: &SimHost, id: &HostId, tell: Tell<'_>) -> Result<(), String> {
        let relay = self.relay(id);
        let there = self.hosts.get(id).and_then(Weak::upgrade).ok_or("the rollout is over")?;
        let served = relay.counts.lock().unwrap_or_else(PoisonError::into_inner).served;
        let is_wrong = |wrong| self.is_wrong(&there, wrong, served);
        let pulled = if is_wrong(RelayFault::CutOff) {
            sleep(CONNECT_TIMEOUT).await;
            Err("no route to it".to_owned())
        } else if is_wrong(RelayFault::Hangs) {
            sleep(STALL).await;
            Err(format!("nothing came from it for {} s", STALL.as_secs()))
        } else if is_wrong(RelayFault::Killed) {
            sleep(host.slowed(host.work())).await;
            self.fail(id, &relay, "its daemon ended");
            Err("its daemon ended".to_owned())
        } else {
            host.travel(tell).await.map_err(|error| error.to_string())
        };
        let mut counts = relay.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match pulled {
            Ok(()) if self.is_wrong(&there, RelayFault::Lies, counts.served) => {
                self.fail(id, &relay, "what it passed on is not what was built");
                Err("what came is not what was built".to_owned())
            }
            Ok(()) => {
                *counts = Counts { served: counts.served + 1, strikes: 0 };
                Ok(())
            }
            Err(why) => {
                counts.strikes += 1;
                if counts.strikes >= STRIKES {
                    self.fail(id, &relay, &format!("{STRIKES} hosts in a row got nothing from it: {why}"));
                }
                Err(why)
            }
        }
    }
}

impl SimHost {
    /// Lets a release travel to the host, piece by piece.
    pub(super) async fn travel(&self, tell: Tell<'_>) -> Result<(), HostError> {
        for piece in 1..=PIECES {
            sleep(self.slowed(self.work() * 4)).await;
            let bytes = Bytes(TOTAL.0 / u64::from(PIECES) * u64::from(piece));
            tell(Progress { bytes, total: TOTAL, rate: Bytes(1 << 20) });
            if piece == PIECES / 2
                && self.use_up(|fault| match fault {
                    Fault::DiesWhilePriming { times } => Some(times),
                    _ => None,
                })
            {
                return Err(Failure::new(FailureClass::Transfer, "the receiver was killed").into());
            }
        }
        Ok(())
    }

    /// Brings the release there, however this deploy server brings it to its hosts; gives what travelled and how.
    pub(super) async fn bring(&self, tell: Tell<'_>) -> Result<(Bytes, Option<Carried>), HostError> {
        let carrying = self.server.carrying.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let carried = match (carrying, &self.id) {
            (Some(carrying), Some(id)) => Some(carrying.bring(self, id, tell).await?),
            _ => {
                self.travel(tell).await?;
                None
            }
        };
        Ok((TOTAL, carried))
    }
}
