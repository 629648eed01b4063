use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OnceCell, watch};
use tokio::task::JoinSet;

use super::seeder::{Seeder, is_there};
use super::torrent::Torrent;
use super::tracker::Tracker;
use crate::process::in_thread;

/// Says where a swarm listens on this machine, and how much it may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The ports of which it takes the first that are free: one for the tracker, and one a file.
    pub ports: RangeInclusive<u16>,
    /// The address at which hosts find this machine; none is whatever they find it at.
    pub address: Option<Ipv4Addr>,
    /// The most bytes a second that this machine sends of one file; none is no limit.
    pub upload: Option<u64>,
}

/// What became of a file that was to be offered.
type Offered = Arc<OnceCell<Result<Arc<Offer>, String>>>;

/// Distributes files to the hosts of one rollout; dropped, nothing of it is left on this machine.
#[derive(Debug)]
pub struct Swarm {
    settings: Settings,
    tracker: Arc<Tracker>,
    offers: Mutex<HashMap<String, Offered>>,
}

/// Is one file that this machine seeds.
#[derive(Debug)]
pub struct Offer {
    pub(super) torrent: Torrent,
    tracker: Arc<Tracker>,
    /// Why nobody seeds it here any more.
    gone: watch::Receiver<Option<String>>,
    _seeding: JoinSet<()>,
}

/// Lets one host take part, as long as it lives.
#[derive(Debug)]
pub struct Seat {
    /// The torrent file.
    pub torrent: Vec<u8>,
    /// The port of the tracker.
    pub port: u16,
    /// Where it is asked there; nobody else has it.
    pub path: String,
    tracker: Arc<Tracker>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.tracker.leave(&self.path);
    }
}

impl Swarm {
    /// Starts the tracker.
    ///
    /// # Errors
    ///
    /// When aria2 is not installed here, or no port is free; in words for people.
    pub async fn start(settings: Settings) -> Result<Self, String> {
        if !is_there() {
            return Err("aria2 is not installed on the deploy server".to_owned());
        }
        let tracker = Tracker::start(settings.address, &settings.ports).await.map_err(|error| {
            let (first, last) = (settings.ports.start(), settings.ports.end());
            format!("the deploy server cannot listen on a port of {first} to {last}: {error}")
        })?;
        Ok(Self { settings, tracker: Arc::new(tracker), offers: Mutex::default() })
    }

    /// Offers a file, the first time that somebody wants it; whoever comes meanwhile waits.
    ///
    /// # Errors
    ///
    /// Why it cannot be offered, which is so for everybody who asks; in words for people.
    pub async fn offer(&self, file: &Path, name: &str) -> Result<Arc<Offer>, String> {
        let place = {
            let mut offers = self.offers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(offers.entry(name.to_owned()).or_default())
        };
        let offered = place.get_or_init(|| async {
            let offer = self.make(file.to_owned(), name.to_owned()).await;
            offer.map_err(|error| format!("the deploy server cannot seed: {error}"))
        });
        offered.await.clone()
    }

    async fn make(&self, file: PathBuf, name: String) -> io::Result<Arc<Offer>> {
        let (of, called) = (file.clone(), name.clone());
        let torrent = in_thread(move || Torrent::of(&of, &called)).await.map_err(io::Error::other)??;
        let seeder = Arc::new(Seeder::new(&file, &name, &torrent, &self.settings)?);
        let (ended, gone) = watch::channel(None);
        let mut seeding = JoinSet::new();
        let seeds = Arc::clone(&seeder);
        seeding.spawn(async move {
            let why = seeds.seed().await;
            ended.send_replace(Some(why));
        });
        let offer = Offer { torrent, tracker: Arc::clone(&self.tracker), gone, _seeding: seeding };
        let port = tokio::select! {
            biased;
            why = offer.gone() => return Err(io::Error::other(why)),
            port = seeder.listens() => port.ok_or_else(|| io::Error::other("aria2 does not listen there"))?,
        };
        self.tracker.seeds(offer.torrent.hash, port);
        Ok(Arc::new(offer))
    }
}

impl Offer {
    /// Lets one host take part.
    ///
    /// # Errors
    ///
    /// When this machine has no randomness to give; in words for people.
    pub fn seat(&self) -> Result<Seat, String> {
        let path = self.tracker.seat(self.torrent.hash).map_err(|error| format!("/dev/urandom: {error}"))?;
        let tracker = Arc::clone(&self.tracker);
        Ok(Seat { torrent: self.torrent.file.clone(), port: tracker.port, path, tracker })
    }

    /// Waits until nobody seeds it here any more, and gives why.
    ///
    /// Cancel safe.
    pub async fn gone(&self) -> String {
        let mut gone = self.gone.clone();
        match gone.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            Err(_) => "the deploy server seeds no more".to_owned(),
        }
    }
}
