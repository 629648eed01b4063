use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::fingerprint::{Base, Fingerprint};
use super::master::common;
use super::pool::{Pool, folders};
use crate::host::settings::SshSettings;
use crate::model::HostId;

/// How long what was read of ssh's configuration, and which processes were there, is believed: many hosts are asked for at once.
const FRESH: Duration = Duration::from_millis(500);

/// Finds connections that other processes of the same user have open.
#[derive(Debug)]
pub(super) struct Warm {
    /// What those processes have in common with this one.
    among: PathBuf,
    finds_programs: bool,
    base: Mutex<Option<(Instant, Option<Base>)>>,
    others: Mutex<Option<(Instant, Vec<PathBuf>)>>,
}

impl Warm {
    pub(super) fn new(settings: &SshSettings, among: PathBuf) -> Self {
        let finds_programs = settings.addresses.values().any(|address| address.proxy.is_some());
        Self { among, finds_programs, base: Mutex::default(), others: Mutex::default() }
    }
}

impl Pool {
    /// Sums up how a host is reached, as ssh's configuration is at this moment; none where its connections are this process's alone.
    pub(super) fn fingerprint(&self, host: &HostId) -> Option<Fingerprint> {
        self.sum_up(host, Duration::ZERO)
    }

    fn sum_up(&self, host: &HostId, at_most: Duration) -> Option<Fingerprint> {
        let warm = self.warm.as_ref()?;
        // What ssh says of a connection is asked of one that was opened for that.
        if self.verbose.load(Ordering::Relaxed) {
            return None;
        }
        let read = || Base::read(&self.config(), self.folder(), &warm.among, warm.finds_programs);
        let base = recent(&warm.base, at_most, read)?;
        // The configuration's own name differs, and what is in it is summed up.
        Some(base.of(host, common(self, host).get(2..).unwrap_or_default()))
    }

    /// Names the folders of processes that have a connection to a host which is as good as one of this process's own, and how it is called
    /// there.
    pub(super) fn who_has(&self, host: &HostId) -> Option<(Fingerprint, Vec<PathBuf>)> {
        let warm = self.warm.as_ref()?;
        let own = self.folder();
        let find = || folders(own.parent().unwrap_or(Path::new("/"))).filter(|folder| folder != own).collect();
        let mut others: Vec<PathBuf> = recent(&warm.others, FRESH, find);
        if others.is_empty() {
            return None;
        }
        let fingerprint = self.sum_up(host, FRESH)?;
        others.retain(|folder| folder.join(fingerprint.as_str()).exists());
        (!others.is_empty()).then_some((fingerprint, others))
    }
}

/// Gives what was found at most so long ago, or finds it.
fn recent<T: Clone>(known: &Mutex<Option<(Instant, T)>>, at_most: Duration, find: impl FnOnce() -> T) -> T {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((at, found)) = known.as_ref()
        && at.elapsed() < at_most
    {
        return found.clone();
    }
    let found = find();
    *known = Some((Instant::now(), found.clone()));
    found
}
