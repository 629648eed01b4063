use std::cmp::Ordering;

use super::deployment::Deployment;
use super::error::Error;
use super::workspace::Selection;
use crate::config::Channel;
use crate::host::{self, Survey};
use crate::model::Slot;
use crate::release::Wanted;

impl<F: host::Fleet> Deployment<'_, F> {
    /// Tells whether a version is newer than what any selected host runs; the head of a branch is, when it is another.
    ///
    /// Hosts that do not answer say nothing, unless nobody answers: then it is the rollout's to tell why.
    ///
    /// # Errors
    ///
    /// When there is no such version, or when the selection matches nothing.
    pub async fn is_newer(
        &self,
        wanted: &Wanted,
        selection: &Selection,
        slot: Option<&Slot>,
        no_fetch: bool,
    ) -> Result<bool, Error> {
        let chosen = self.check(selection, slot).await?;
        let _reached = self.hosts.reach(&chosen);
        let found = self.workspace.find(wanted, no_fetch).await?;
        let order = self.workspace.version_order();
        let is_head = matches!(wanted, Wanted::Latest(Channel::Branch(_)) | Wanted::Revision(_));
        let answers = self.survey(selection, slot, &Survey::Shallow).await?;
        let mut anybody = false;
        for probe in answers.probes() {
            anybody = true;
            let newer = match probe.installed.release().map(|id| id.version()) {
                None => true,
                Some(running) if is_head => *running != found.version,
                Some(running) => order.compare(running.as_str(), found.version.as_str()) == Ordering::Less,
            };
            if newer {
                return Ok(true);
            }
        }
        Ok(!anybody)
    }
}
