use super::deployment::Deployment;
use super::error::Error;
use super::notice::Notice;
use super::workspace::Selection;
use crate::conductor::note_broken;
use crate::host::{self, Host as _, HostError, Survey};
use crate::model::{HostId, LockHolder};

/// Tells what became of the lock of a host that was to be broken: whose it was, that there was none, or why it is still there.
pub type Breaking = (HostId, Result<Option<LockHolder>, String>);

impl<F: host::Fleet> Deployment<'_, F> {
    /// Breaks the locks of hosts by name, whoever left them there; each is written down here and on the host.
    ///
    /// A rollout that still thinks it holds such a host finds out before it does anything more to it, and stops.
    ///
    /// # Errors
    ///
    /// When one is no host of the environment, when the rollout that holds one runs here, or when the disk refuses.
    pub async fn break_locks(&self, hosts: &[HostId], reason: Option<&str>) -> Result<Vec<Breaking>, Error> {
        let limit = Some(hosts.iter().map(HostId::as_str).collect::<Vec<_>>().join(","));
        let chosen =
            self.workspace.select(self.fleet.everybody(), &Selection { limit, ..Selection::default() }).await?;
        // A master is locked like any other, and is often the first that a rollout meets.
        let answers = self.survey_chosen(&chosen, true, None, &Survey::Shallow).await?;
        let mut held = Vec::new();
        for (host, answer) in answers.all() {
            let lock = answer.as_ref().map(|probe| probe.lock.clone()).map_err(|failure| failure.message.clone());
            if let Ok(Some(lock)) = &lock {
                self.refuse_running(host, &lock.holder)?;
            }
            held.push((host.clone(), lock));
        }
        let mut broken = Vec::new();
        for (host, lock) in held {
            let result = match lock {
                Err(why) => Err(why),
                Ok(None) => Ok(None),
                Ok(Some(lock)) => self.break_lock(&host, &lock.holder, reason).await?,
            };
            broken.push((host, result));
        }
        Ok(broken)
    }

    async fn break_lock(
        &self,
        host: &HostId,
        holder: &LockHolder,
        reason: Option<&str>,
    ) -> Result<Result<Option<LockHolder>, String>, Error> {
        let by = &self.workspace.operator;
        let broken = self.hosts.host(host).break_lock(&holder.rollout, by, reason).await;
        if let Ok(Some(holder)) = &broken {
            let noted = note_broken(&self.workspace.state_dir, self.fleet.name, host, holder, by, reason);
            // It is broken: the others are to be, and whoever asked is told so.
            if let Err(error) = noted {
                self.workspace
                    .notify(Notice::warning(format!("it is not written down who broke the lock of {host}: {error}")));
            }
        }
        Ok(broken.map_err(|error: HostError| error.to_string()))
    }

    fn refuse_running(&self, host: &HostId, holder: &LockHolder) -> Result<(), Error> {
        let rollout = &holder.rollout;
        match self.workspace.rollouts().entry(rollout) {
            Ok(entry) if entry.live => {
                Err(Error::before(format!("{host} is locked for rollout {rollout}, which runs; no lock was broken"))
                    .hint(format!(
                        "`coalmine skip --host {host} {rollout}` leaves it out, `coalmine abort {rollout}` ends it"
                    )))
            }
            // Another state folder's, or one that is over or waits.
            Ok(_) | Err(_) => Ok(()),
        }
    }
}
