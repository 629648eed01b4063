//! Gets a pack from a swarm, and lets the host share it there while others still fetch.

use std::fmt::Write as _;
use std::sync::Arc;

use tokio::sync::{oneshot, watch};

use super::carry::{Astray, sort};
use super::work::Remote;
use crate::host::pace;
use crate::host::rsync::Meter;
use crate::host::script::Script;
use crate::host::sharing::Task;
use crate::host::transport::{Copied, Transport};
use crate::model::{Bytes, Progress};
use crate::release::Pack;

/// What a host says when it has the pack and its digest is right, behind the token of its script.
const ARRIVED: &[u8] = b" fetched\n";

/// Finds a word in what comes bit by bit.
#[derive(Debug, Default)]
struct Ear(Vec<u8>);

impl Ear {
    /// Tells whether the word has come with this.
    fn hears(&mut self, heard: &[u8]) -> bool {
        self.0.extend_from_slice(heard);
        let found = self.0.windows(ARRIVED.len()).any(|word| word == ARRIVED);
        let rest = self.0.len().saturating_sub(ARRIVED.len() - 1);
        self.0.drain(..rest);
        found
    }
}

impl<T: Transport> Remote<T> {
    /// Tells whether the host has what it takes, as the survey found.
    pub(super) fn can_swarm(&self) -> bool {
        self.unpacks().split(' ').any(|tool| tool == "aria2c")
    }

    /// Runs the script that fetches a pack from a swarm: this returns when the host has it, and the host goes on sharing.
    ///
    /// Dropping the future ends that on the host, too.
    pub(super) async fn by_torrent(
        &self,
        mut script: Script,
        pack: &Pack,
        tell: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Copied, Astray> {
        let settings = &self.common.transfer.carriers;
        let sharing = &self.common.carrying.sharing;
        let fetching = sharing.fetching();
        let offer = sharing.offer(&settings.swarm, pack).await.map_err(Astray::Here)?;
        let seat = offer.seat().map_err(Astray::Here)?;
        let address = settings.swarm.address.map(|address| address.to_string()).unwrap_or_default();
        let (first, last) = (settings.swarm.ports.start(), settings.swarm.ports.end());
        script
            .set("how", "torrent")
            .set("torrent", &octal(&seat.torrent))
            .set("tracker", &address)
            .set("announce", &format!("{}{}", seat.port, seat.path))
            .set("ports", &format!("{first}-{last}"))
            .set("upload", &pace::in_kib(settings.swarm.upload.map(Bytes)));
        let (progress, mut told) = watch::channel(Progress::default());
        let (done, is_done) = watch::channel(false);
        let (ended, mut has_ended) = oneshot::channel();
        let (transport, until, bytes, phase) =
            (Arc::clone(&self.transport), sharing.until_nobody_fetches(), pack.bytes, script.phase);
        let mut has_it = is_done.clone();
        let task = Task::spawn(async move {
            // Who leaves is told to nobody any more.
            let _seat = seat;
            let (mut meter, mut ear) = (Meter::new(bytes), Ear::default());
            let mut hear = |heard: &[u8]| {
                meter.push(heard, &|now| {
                    progress.send_replace(now);
                });
                if ear.hears(heard) {
                    done.send_replace(true);
                }
            };
            let shared = async {
                arrived(is_done).await;
                until.await;
            };
            tokio::select! {
                answer = transport.fetch(&script, &mut hear) => {
                    if ended.send(answer).is_err() {
                        tracing::debug!("nobody waits for a host that shared");
                    }
                }
                () = shared => {}
            }
        });
        loop {
            tokio::select! {
                biased;
                Ok(_) = has_it.wait_for(|done| *done) => break,
                answer = &mut has_ended => {
                    let lost = || Astray::Here("what fetched it was ended".to_owned());
                    sort(phase, answer.map_err(|_| lost())?)?;
                    break;
                }
                why = offer.gone() => return Err(Astray::Here(why)),
                Ok(()) = told.changed() => tell(*told.borrow_and_update()),
            }
        }
        drop(fetching);
        sharing.keep(task);
        tell(Progress { bytes, total: bytes, rate: Bytes(0) });
        Ok(Copied { bytes, files: 1, retries: 0 })
    }
}

/// Waits until the host has the pack.
async fn arrived(mut is_done: watch::Receiver<bool>) {
    if is_done.wait_for(|done| *done).await.is_err() {
        // Whoever would say so is gone, and so is who waits.
        std::future::pending::<()>().await;
    }
}

/// Writes bytes as `printf` of every shell gives them back.
fn octal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 4);
    for byte in bytes {
        // Writing into a String never fails.
        write!(text, "\\{byte:03o}").unwrap_or_default();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Ear, octal};

    #[test]
    fn a_word_is_heard_through_any_cut_and_no_other_is() {
        let said = b"12 0%\rtoken fetched\nmore";
        for at in 0..said.len() {
            let mut ear = Ear::default();
            let first = ear.hears(&said[..at]);
            assert!(first != ear.hears(&said[at..]), "cut at {at}");
        }
        assert!(!Ear::default().hears(b"fetched\n token fetched it\n"));
    }

    #[test]
    fn bytes_are_written_as_printf_gives_them_back() {
        let every: Vec<u8> = (0..=255).collect();
        let told =
            std::process::Command::new("sh").arg("-c").arg(format!("printf '{}'", octal(&every))).output().unwrap();
        assert_eq!(told.stdout, every);
    }
}
