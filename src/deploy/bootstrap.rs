use super::error::Error;
use super::settings;
use super::workspace::{Fleet, Workspace};
use crate::config::DryWords;
use crate::host::{Bootstrap, Source};

impl Workspace {
    /// Writes the script by which a fresh host installs what the environment finalized last by itself, from a master.
    ///
    /// # Errors
    ///
    /// When nothing was finalized yet, or when the environment has no master.
    pub async fn bootstrap_script(&self, fleet: &Fleet<'_>) -> Result<Vec<u8>, Error> {
        let config = self.config();
        if fleet.masters.is_empty() {
            let text = format!("{} has no masters, so there is nowhere for a host to install from", fleet.name);
            return Err(Error::usage(text).hint(format!("environments.{}.masters says which they are", fleet.name)));
        }
        let release = self.finalized_release(fleet.name).await?;
        let addresses = self.inventory.addresses()?;
        let masters: Vec<Source> = fleet
            .masters
            .iter()
            .map(|master| {
                let address = addresses.get(master);
                let host = address.and_then(|address| address.host.as_ref()).unwrap_or(master);
                Source { host: host.to_string(), port: address.and_then(|address| address.port) }
            })
            .collect();
        let words = DryWords {
            version: Some(release.version.clone()),
            prefix: Some(".".into()),
            environment: Some(fleet.name.clone()),
            ..DryWords::default()
        };
        let script = Bootstrap {
            release: &release,
            target: &settings::target_settings(self)?,
            user: config.target.user.as_ref().map(|user| user.as_str()),
            masters: &masters,
            check: &config.build.check.script(&words),
            host_keys: config.ssh.host_keys,
        };
        Ok(script.script())
    }
}
