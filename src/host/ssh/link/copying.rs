//! Sends what a host is to get, and goes on where a link was lost.

use std::time::Duration;

use super::Ssh;
use crate::host::pace;
use crate::host::rsync::{self, Reach};
use crate::host::ssh::master::Use;
use crate::host::ssh::send;
use crate::host::transport::{Copied, Copy};
use crate::model::{Bytes, Failure, Progress};

/// Takes a connection along when a transfer over it is given up: what is queued there would hold up whatever comes next, on a slow
/// link for minutes.
struct Begun<'a>(Option<&'a Use>);

impl Begun<'_> {
    /// Leaves the connection as it is.
    fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.0 {
            connection.close();
        }
    }
}

/// Counts what of a pack came, whichever attempt brought it: it is all there in the end. What goes file by file rsync counts at its end
/// alone, and of an attempt that broke nobody knows it.
fn came(copy: &Copy, before: Option<Bytes>) -> Bytes {
    before.filter(|_| copy.pack).map_or(Bytes(0), |before| Bytes(copy.total.0.saturating_sub(before.0)))
}

impl Ssh {
    /// Sends files or a pack, and tries again after a lost link.
    pub(super) async fn send(
        &self,
        copy: &Copy,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Copied, Failure> {
        let _turn = self.pool.transfer().await;
        let (mut retries, mut tried) = (0, false);
        // How much of a pack lay there before, once that is known.
        let mut before = copy.fresh.then_some(Bytes(0));
        loop {
            let connection = self.connection().await?;
            let r#become = &self.target.r#become;
            let begun = Begun(Some(&connection));
            // What is to be slow is sent by what can be.
            let ended = if copy.pack && pace::in_kib(self.transfer.bandwidth).is_empty() {
                let may_be_there = !copy.fresh || std::mem::replace(&mut tried, true);
                send::run(connection.session(), r#become, copy, may_be_there, &mut before, &self.transfer, progress)
                    .await
            } else {
                let reach = Reach::control(connection.socket(), r#become);
                rsync::run(&reach, copy, &self.transfer, progress).await
            };
            begun.ended();
            let broken = match ended {
                Ok(copied) => return Ok(Copied { retries, bytes: copied.bytes.max(came(copy, before)), ..copied }),
                Err(broken) => broken,
            };
            // What had begun goes on where it was; what had not found no channel.
            if broken.again && connection.is_doubtful() {
                self.give_back(&connection, &broken.failure).await;
                continue;
            }
            if !broken.again || retries >= self.transfer.retries {
                return Err(broken.failure);
            }
            tracing::debug!(host = %self.host, failure = %broken.failure, "sending again");
            // Where it only looks alive it is opened anew by the next one.
            if !connection.is_alive().await {
                connection.close();
            }
            drop(connection);
            retries += 1;
            let pause = Duration::from_millis(fastrand::u64(200..700)).saturating_mul(1 << retries.min(4));
            tokio::time::sleep(pause).await;
        }
    }
}
