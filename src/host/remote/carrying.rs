//! What brings packs to the hosts of a rollout beside this machine itself.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OnceCell, mpsc};

use super::relays::Relays;
use super::work::Remote;
use crate::host::route::Route;
use crate::host::sharing::Sharing;
use crate::model::{Carrier, CarrierFailed, CarrierNews, HostId};
use crate::plan::Carriage;
use crate::process::{Ending, Job, run};
use crate::release::Pack;

/// How much of what becomes of carriers may wait to be heard of; what comes then is told to this machine's log alone.
const NEWS: usize = 256;
/// How long the site's own command may take to put a pack where hosts find it.
const PUBLISHING: Duration = Duration::from_secs(3600);

/// What became of a pack that the site was to put where hosts find it.
type Publication = Arc<OnceCell<Result<(), String>>>;

/// Finds a host by its name; none when the fleet is gone.
pub(in crate::host) type Find = Arc<dyn Fn(&HostId) -> Option<Arc<Remote<Route>>> + Send + Sync>;

/// Knows the rollout that packs travel for; without one they come from this machine alone.
#[derive(Default)]
pub(in crate::host) struct Carrying {
    now: Mutex<Option<Arc<Carriage>>>,
    news: Mutex<Option<mpsc::Sender<CarrierNews>>>,
    pub(super) relays: Relays,
    hosts: Mutex<Option<Find>>,
    addresses: Mutex<HashMap<HostId, IpAddr>>,
    published: Mutex<HashMap<String, Publication>>,
    pub(super) sharing: Sharing,
}

impl fmt::Debug for Carrying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carrying").field("now", &self.now).field("relays", &self.relays).finish_non_exhaustive()
    }
}

impl Carrying {
    /// Begins to carry for a rollout, among these hosts; gives what becomes of that.
    pub(in crate::host) fn begin(&self, carriage: Carriage, hosts: Find) -> mpsc::Receiver<CarrierNews> {
        *self.hosts.lock().unwrap_or_else(PoisonError::into_inner) = Some(hosts);
        let (news, heard) = mpsc::channel(NEWS);
        *self.news.lock().unwrap_or_else(PoisonError::into_inner) = Some(news);
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(carriage));
        heard
    }

    /// Gives how releases travel; none before a rollout.
    pub(super) fn carriage(&self) -> Option<Arc<Carriage>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Finds the hosts among whom it is carried; none before a rollout.
    pub(super) fn hosts(&self) -> Option<Find> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers at which address a host was reached, as it says.
    pub(super) fn is_at(&self, host: &HostId, address: Option<IpAddr>) {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        match address {
            Some(address) => addresses.insert(host.clone(), address),
            None => addresses.remove(host),
        };
    }

    /// Gives the address of a host that said it.
    pub(super) fn address(&self, host: &HostId) -> Option<IpAddr> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).get(host).copied()
    }

    /// Tells whoever conducts the rollout what became of a carrier.
    pub(super) fn tell(&self, news: CarrierNews) {
        let told = self.news.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(Err(untold)) = told.map(|told| told.try_send(news)) {
            tracing::warn!("{untold}");
        }
    }

    /// Tells that a pack did not come to a host one way.
    pub(super) fn tell_failed(&self, host: &HostId, carrier: Carrier, relay: Option<&HostId>, message: &str) {
        let (host, relay, message) = (host.clone(), relay.cloned(), message.to_owned());
        self.tell(CarrierNews::Failed(CarrierFailed { host, carrier, relay, message }));
    }

    /// Lets no host ask a relay any more.
    pub(in crate::host) fn give_up(&self, relay: &HostId, why: &str) {
        self.relays.leave(relay, why);
    }

    /// Lets the site put a pack where hosts find it, the first time that somebody wants it.
    ///
    /// # Errors
    ///
    /// Why it could not, which is so for everybody who asks.
    pub(super) async fn publish(&self, command: &[String], pack: &Pack) -> Result<(), String> {
        let name = pack.name();
        let place =
            Arc::clone(self.published.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default());
        let publish = async {
            let environment = [
                ("COALMINE_FILE", pack.path().to_string_lossy().into_owned()),
                ("COALMINE_PACK", name),
                ("COALMINE_SHA256", pack.digest.to_string()),
            ];
            let mut job = Job::new(command.to_vec(), PUBLISHING);
            job.environment = environment.map(|(name, value)| (name.to_owned(), value)).to_vec();
            let ran = run(&job).await.map_err(|error| format!("transfer.publish: {error}"))?;
            match ran.ending {
                Ending::Exited(0) => Ok(()),
                _ => Err(format!(
                    "transfer.publish failed: {}",
                    ran.last_line().unwrap_or_else(|| "without a word".into())
                )),
            }
        };
        place.get_or_init(|| publish).await.clone()
    }
}
