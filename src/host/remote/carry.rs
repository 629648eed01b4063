//! Brings a pack to a host, by the first way that does.
//!
//! A carrier is a word of [`Carrier`], a [`Way`] for the hosts that it can serve ([`Remote::ways`]), and a function of `fetch.sh` that puts
//! the pack into the staging folder. Everything else is the same for all of them: the digest of what came is compared on the host with
//! the one that went there over ssh, the next way is tried where it differs or nothing came, and the manifest proves it all in the end.

use std::time::Duration;

use super::refusal;
use super::relay::Daemon;
use super::relays::Served;
use super::work::Remote;
use crate::host::HostError;
use crate::host::answer::Answer;
use crate::host::pace;
use crate::host::rsync::Meter;
use crate::host::script::{Phase, Script};
use crate::host::transport::{Copied, Copy, Transport};
use crate::model::{Bytes, Carried, Carrier, Failure, FailureClass, HostId, Progress, ReleaseId, RolloutId};
use crate::release::Pack;

/// Is one way for a pack to come to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    /// From all who have it, by BitTorrent.
    Torrent,
    /// From a relay, which may be the host itself.
    Relay(HostId),
    /// From an address of HTTP.
    Http(String),
    /// By the site's command.
    Command(String),
    /// From this machine.
    Direct,
}

impl Way {
    const fn carrier(&self) -> Carrier {
        match self {
            Self::Torrent => Carrier::Torrent,
            Self::Relay(_) => Carrier::Relay,
            Self::Http(_) => Carrier::Http,
            Self::Command(_) => Carrier::Command,
            Self::Direct => Carrier::Direct,
        }
    }

    /// Names the relay that it comes from.
    const fn relay(&self) -> Option<&HostId> {
        match self {
            Self::Relay(relay) => Some(relay),
            Self::Torrent | Self::Http(_) | Self::Command(_) | Self::Direct => None,
        }
    }
}

/// Tells what came of it that a host was to get something from a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::host) struct Passed {
    /// The host.
    pub(in crate::host) host: HostId,
    /// Why it did not get it.
    pub(in crate::host) why: String,
    /// Whether it got something else.
    pub(in crate::host) lied: bool,
}

/// What is said where something else came than what went out.
const DIFFERS: &str = "what came is not what was built";

/// How much longer a host may take than what travels: its tools say better than a deadline why nothing comes, and curl measures a rate over
/// seconds that have passed, after ten in which it may connect.
const FINDING_OUT: Duration = Duration::from_secs(20);

/// Why a way led nowhere.
#[derive(Debug)]
pub(super) enum Astray {
    /// For a reason of its own: the next may do better.
    Here(String),
    /// For one that no other way helps against.
    Everywhere(HostError),
}

impl<T: Transport> Remote<T> {
    /// Tells whether anything but this machine may bring a pack to the host.
    pub(super) fn comes_from_elsewhere(&self) -> bool {
        self.ways().iter().any(|way| *way != Way::Direct)
    }

    /// Gives the ways for this host, in the order in which they are tried.
    fn ways(&self) -> Vec<Way> {
        let Some(carriage) = self.common.carrying.carriage().filter(|_| self.transport.is_link()) else {
            return vec![Way::Direct];
        };
        let settings = &self.common.transfer.carriers;
        let mut ways = Vec::new();
        for carrier in &carriage.carriers {
            match carrier {
                Carrier::Torrent => ways.extend(self.can_swarm().then_some(Way::Torrent)),
                // Who passes it on has it first, and once.
                Carrier::Relay if !carriage.clients_of(&self.id).is_empty() => ways.push(Way::Relay(self.id.clone())),
                Carrier::Relay => ways.extend(carriage.relays_of(&self.id).iter().cloned().map(Way::Relay)),
                Carrier::Http => ways.extend(settings.http.clone().map(Way::Http)),
                Carrier::Command => ways.extend(settings.command.clone().map(Way::Command)),
                Carrier::Direct => ways.push(Way::Direct),
            }
        }
        ways
    }

    /// Brings a pack into the staging folder of a release; `copy` is how it comes from this machine.
    ///
    /// # Errors
    ///
    /// When no way led there.
    pub(super) async fn carry(
        &self,
        pack: &Pack,
        release: &ReleaseId,
        rollout: &RolloutId,
        copy: &Copy,
        tell: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(Copied, Carried), HostError> {
        let mut last = None;
        for way in self.ways() {
            let carried = Carried { by: way.carrier(), relay: way.relay().cloned() };
            if way == Way::Direct {
                return Ok((self.transport.copy(copy, tell).await?, carried));
            }
            match self.try_way(&way, pack, release, rollout, tell).await {
                Ok(copied) => return Ok((copied, carried)),
                Err(Astray::Everywhere(error)) => return Err(error),
                Err(Astray::Here(why)) => {
                    tracing::warn!(host = %self.id, carrier = %carried.by, "nothing came: {why}");
                    self.common.carrying.tell_failed(&self.id, carried.by, carried.relay.as_ref(), &why);
                    last = Some(why);
                }
            }
        }
        let message = last.unwrap_or_else(|| "transfer.carriers has none for this host".to_owned());
        let failure = Failure::new(FailureClass::Transfer, format!("no carrier brought the release: {message}"));
        Err(failure.hint("\"direct\" behind them in transfer.carriers sends it from here").into())
    }

    async fn try_way(
        &self,
        way: &Way,
        pack: &Pack,
        release: &ReleaseId,
        rollout: &RolloutId,
        tell: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Copied, Astray> {
        let folder = format!("releases/.{release}.{rollout}");
        let mut script = self.fetching(pack, &folder, rollout);
        match way {
            Way::Torrent => return self.by_torrent(script, pack, tell).await,
            Way::Relay(relay) => return self.try_relay(relay, script, pack, tell).await,
            Way::Http(url) => {
                self.publish(pack).await.map_err(Astray::Here)?;
                script.set("how", "http").set("url", &url.replace("{pack}", &pack.name()));
            }
            Way::Command(command) => {
                self.publish(pack).await.map_err(Astray::Here)?;
                script.set("how", "command").set("command", command).set("name", self.id.as_str());
            }
            Way::Direct => {}
        }
        self.fetch(&script, pack.bytes, tell).await
    }

    /// Gets a pack from a relay, which is opened where it is not.
    async fn try_relay(
        &self,
        relay: &HostId,
        mut script: Script,
        pack: &Pack,
        tell: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Copied, Astray> {
        let carrying = &self.common.carrying;
        let (Some(carriage), Some(hosts)) = (carrying.carriage(), carrying.hosts()) else {
            return Err(Astray::Here("there is no rollout".to_owned()));
        };
        let is_own = *relay == self.id;
        let nobody = |_: Progress| {};
        let hears: &(dyn Fn(Progress) + Send + Sync) = if is_own { tell } else { &nobody };
        let served = carrying.relays.ready(carrying, &hosts, &carriage, relay, pack, hears).await;
        let served = served.map_err(Astray::Here)?;
        if is_own {
            script.set("how", "link").set("from", &served.place);
        } else {
            served.tell(carrying, &carriage, relay);
            self.point_at(&mut script, &served);
        }
        let fetched = self.fetch(&script, pack.bytes, tell).await;
        match &fetched {
            Err(Astray::Here(why)) if !is_own || why == DIFFERS => {
                carrying.relays.failed(carrying, relay, &self.passed(why)).await;
            }
            Ok(_) | Err(Astray::Here(_)) if is_own => served.tell(carrying, &carriage, relay),
            Ok(_) => carrying.relays.served(relay),
            Err(_) => {}
        }
        fetched
    }

    fn passed(&self, why: &str) -> Passed {
        Passed { host: self.id.clone(), why: why.to_owned(), lied: why == DIFFERS }
    }

    fn point_at(&self, script: &mut Script, served: &Served) {
        // From the address that the relay was told of.
        let own = self.common.carrying.address(&self.id).map(|own| own.to_string()).unwrap_or_default();
        script.set("how", "relay").set("url", &served.url).set("secret", &served.secret).set("own", &own);
    }

    /// Brings a pack into the folder of this relay's daemon from another relay.
    ///
    /// # Errors
    ///
    /// Why it did not come.
    pub(super) async fn pass_on(
        &self,
        daemon: &Daemon,
        served: &Served,
        pack: &Pack,
        rollout: &RolloutId,
        tell: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), Passed> {
        let mut script = self.fetching(pack, &daemon.place, rollout);
        self.point_at(&mut script, served);
        match self.fetch(&script, pack.bytes, tell).await {
            Ok(_) => Ok(()),
            Err(Astray::Here(why)) => Err(self.passed(&why)),
            Err(Astray::Everywhere(error)) => Err(self.passed(&error.to_string())),
        }
    }

    /// Begins the script that fetches a pack into a folder under the root.
    fn fetching(&self, pack: &Pack, folder: &str, rollout: &RolloutId) -> Script {
        let settings = &self.common.transfer;
        let deadline = pace::to_send(pack.bytes, settings.bandwidth, settings.stall, settings.deadline) + FINDING_OUT;
        let mut script = self.fenced(Phase::Fetch, deadline.as_secs(), None, rollout);
        script
            .set("pack", &pack.name())
            .set("sum", &pack.digest.to_string())
            .set("folder", folder)
            .set("stall", &settings.stall.as_secs().max(1).to_string())
            .set("limit", &pace::in_kib(settings.bandwidth));
        script
    }

    async fn publish(&self, pack: &Pack) -> Result<(), String> {
        match &self.common.transfer.carriers.publish {
            Some(command) => self.common.carrying.publish(command, pack).await,
            None => Ok(()),
        }
    }

    /// Runs such a script, and tells how far it is.
    async fn fetch(
        &self,
        script: &Script,
        total: Bytes,
        tell: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Copied, Astray> {
        let mut meter = Meter::new(total);
        let answer = self.transport.fetch(script, &mut |heard| meter.push(heard, tell)).await;
        sort(script.phase, answer)?;
        meter.finish(tell);
        Ok(Copied { bytes: total, files: 1, retries: 0 })
    }
}

/// Says what it means what a host answered to it that it was to fetch something.
pub(super) fn sort(phase: Phase, answer: Result<Answer, Failure>) -> Result<(), Astray> {
    let answer = answer.map_err(|failure| match failure.class {
        FailureClass::Transfer if !failure.here => Astray::Here(failure.message),
        _ => Astray::Everywhere(failure.into()),
    })?;
    let answer = refusal::check(phase, answer).map_err(Astray::Everywhere)?;
    if answer.has("fetched") {
        Ok(())
    } else if answer.has("differs") {
        Err(Astray::Here(DIFFERS.to_owned()))
    } else if let Some(why) = answer.first("failed") {
        Err(Astray::Here(why.text()))
    } else {
        Err(Astray::Everywhere(refusal::not_understood(phase, &answer)))
    }
}
