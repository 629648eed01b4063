//! Which hosts a sandbox has, and where: a function of their number and of the subnet alone.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::SandboxError;
use crate::model::{HostId, Site};

/// The largest sandbox.
pub const MAX_HOSTS: usize = 1000;

/// The sites, in the order in which hosts are dealt out to them.
const SITES: [&str; 2] = ["eqiad", "codfw"];

/// How many hosts share the third byte of their addresses.
const HOSTS_A_BLOCK: usize = 250;

/// Is one host of the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SandboxHost {
    pub(super) id: HostId,
    /// `mw01` of `mw01.eqiad.sandbox`, where no other host has it.
    pub(super) short: Option<String>,
    pub(super) site: Site,
    pub(super) address: SocketAddrV4,
    pub(super) is_master: bool,
}

/// Is where the hosts listen: `127.SUBNET.0.0/16`, all on one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Network {
    pub(super) subnet: u8,
    pub(super) port: u16,
}

impl Network {
    /// Chooses one by chance: below the ports that outgoing connections get, far from the addresses that others use.
    pub(super) fn random() -> Self {
        Self { subnet: fastrand::u8(16..=250), port: fastrand::u16(20_000..32_000) }
    }

    fn address(self, index: usize) -> Option<SocketAddrV4> {
        let block = u8::try_from(index / HOSTS_A_BLOCK + 1).ok()?;
        let last = u8::try_from(index % HOSTS_A_BLOCK + 1).ok()?;
        Some(SocketAddrV4::new(Ipv4Addr::new(127, self.subnet, block, last), self.port))
    }
}

/// Gives the masters, one a site, then the hosts: `mw[01-06].eqiad.sandbox`, `mw[07-12].codfw.sandbox`.
pub(super) fn hosts(count: usize, network: Network) -> Result<Vec<SandboxHost>, SandboxError> {
    let wrong = || SandboxError::Hosts { asked: count, most: MAX_HOSTS };
    if count == 0 || count > MAX_HOSTS {
        return Err(wrong());
    }
    let width = count.to_string().len().max(2);
    let first_site = count.div_ceil(SITES.len());
    let masters = SITES.iter().map(|site| (format!("deploy1.{site}.sandbox"), None, *site, true));
    let targets = (1..=count).map(|number| {
        let site = SITES.get(usize::from(number > first_site)).copied().unwrap_or_default();
        let short = format!("mw{number:0width$}");
        (format!("{short}.{site}.sandbox"), Some(short), site, false)
    });
    masters
        .chain(targets)
        .enumerate()
        .map(|(index, (name, short, site, is_master))| {
            let id = HostId::new(&name).map_err(|_| wrong())?;
            let address = network.address(index).ok_or_else(wrong)?;
            Ok(SandboxHost { id, short, site: Site(site.into()), address, is_master })
        })
        .collect()
}

/// Gives the first host of each site: the canaries.
pub(super) fn canaries(hosts: &[SandboxHost]) -> Vec<&SandboxHost> {
    SITES.iter().filter_map(|site| hosts.iter().find(|host| !host.is_master && *host.site.0 == **site)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{MAX_HOSTS, Network, canaries, hosts};

    const NETWORK: Network = Network { subnet: 77, port: 22_022 };

    #[test]
    fn twelve_hosts_stand_in_two_sites_with_a_master_each() {
        let fleet = hosts(12, NETWORK).unwrap();
        let names: Vec<_> = fleet.iter().map(|host| host.id.as_str()).collect();
        assert_eq!(names[..3], ["deploy1.eqiad.sandbox", "deploy1.codfw.sandbox", "mw01.eqiad.sandbox"]);
        assert_eq!(names[7..9], ["mw06.eqiad.sandbox", "mw07.codfw.sandbox"]);
        assert_eq!(fleet.len(), 14);
        assert_eq!(fleet[2].address.to_string(), "127.77.1.3:22022");
        let canaries: Vec<_> = canaries(&fleet).iter().map(|host| host.id.as_str()).collect();
        assert_eq!(canaries, ["mw01.eqiad.sandbox", "mw07.codfw.sandbox"]);
    }

    #[test]
    fn no_two_of_a_thousand_hosts_share_a_name_or_an_address() {
        let fleet = hosts(MAX_HOSTS, NETWORK).unwrap();
        assert_eq!(fleet.iter().map(|host| &host.id).collect::<HashSet<_>>().len(), MAX_HOSTS + 2);
        assert_eq!(fleet.iter().map(|host| host.address).collect::<HashSet<_>>().len(), MAX_HOSTS + 2);
        assert!(fleet.iter().all(|host| host.address.ip().is_loopback()));
        assert!(fleet.iter().any(|host| host.id.as_str() == "mw0001.eqiad.sandbox"));
    }

    #[test]
    fn a_fleet_of_one_host_has_one_canary_and_two_masters() {
        let fleet = hosts(1, NETWORK).unwrap();
        assert_eq!((fleet.len(), canaries(&fleet).len()), (3, 1));
        assert!(hosts(0, NETWORK).is_err());
        assert!(hosts(MAX_HOSTS + 1, NETWORK).is_err());
    }
}
