use super::error::Error;
use super::workspace::Workspace;
use crate::conductor::{Freeze, Freezing, LockError, freeze, unfreeze};

impl Workspace {
    /// Freezes its environment for everybody; gives the freeze, and the one that it took over.
    ///
    /// # Errors
    ///
    /// When somebody froze it before and that is not to be taken over, or when the disk refuses.
    pub fn freeze(&self, reason: Option<String>, force: bool) -> Result<(Freeze, Option<LockError>), Error> {
        let (environment, _) = self.policy()?;
        let mine = Freeze { owner: self.operator.clone(), reason, since: jiff::Timestamp::now(), started: None };
        match freeze(&self.state_dir, environment, &mine, force)? {
            Freezing::Frozen => Ok((mine, None)),
            Freezing::TakenOver(before) => Ok((mine, Some(self.frozen(before)?))),
            Freezing::Held(before) => {
                Err(Error::from(self.frozen(before)?).hint("`coalmine lock --force` takes the freeze over"))
            }
        }
    }

    /// Frees its environment, whoever froze it; gives that freeze, and none where it was free.
    ///
    /// # Errors
    ///
    /// When the disk refuses.
    pub fn unfreeze(&self) -> Result<Option<LockError>, Error> {
        let (environment, _) = self.policy()?;
        unfreeze(&self.state_dir, environment)?.map(|before| self.frozen(before)).transpose()
    }

    fn frozen(&self, freeze: Freeze) -> Result<LockError, Error> {
        let (environment, _) = self.policy()?;
        Ok(LockError::Frozen { environment: environment.clone(), freeze: Box::new(freeze) })
    }
}
