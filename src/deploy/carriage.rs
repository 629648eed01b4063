//! What brings a release to hosts, as the configuration says it.

use super::error::Error;
use super::settings::this_machine;
use super::workspace::{Fleet, Workspace};
use crate::config::{DryWords, RelayHosts, Transfer};
use crate::host::CarrierSettings;
use crate::model::{Bytes, Carrier};
use crate::plan::Relays;
use crate::swarm;

/// Says which hosts may pass a release on to others.
///
/// # Errors
///
/// When relays are to carry it and no host is named by what says which, or the inventory cannot be read.
pub(super) async fn relays(workspace: &Workspace, fleet: &Fleet<'_>) -> Result<Relays, Error> {
    let transfer = &workspace.config().transfer;
    if !transfer.carriers.has(Carrier::Relay) {
        return Ok(Relays::default());
    }
    let candidates = match &transfer.relays {
        RelayHosts::Masters if fleet.masters.is_empty() => {
            let text = format!("`transfer.relays` are the masters of {}, which has none", fleet.name);
            let hint = "name masters there, or hosts in transfer.relays, or take \"relay\" out of transfer.carriers";
            return Err(Error::usage(text).hint(hint));
        }
        RelayHosts::Masters => fleet.masters.clone(),
        RelayHosts::Hosts(expression) => {
            let (based, within) = (workspace.based(expression), fleet.everybody());
            let resolved =
                workspace.ask(vec![based.clone()], move |inventory| inventory.resolve(&based, Some(&within)));
            resolved.await?.map_err(|error| Error::usage(workspace.placed("transfer.relays", &error)))?
        }
    };
    let (addresses, names) = (workspace.inventory.addresses()?, this_machine());
    let mut here = fleet.everybody();
    here.retain(|host| {
        addresses.get(host).is_some_and(|address| address.local) || names.iter().any(|name| name == host.as_str())
    });
    Ok(Relays { candidates, fan_out: transfer.relay_fan.get(), here })
}

/// Gives what carriers need to know that no plan says.
pub(super) fn carriers(transfer: &Transfer) -> CarrierSettings {
    let ports = transfer.relay_ports;
    CarrierSettings {
        ports: ports.first..=ports.last,
        relay_bandwidth: transfer.relay_bandwidth.kib_per_second().map(|kib| Bytes(kib.saturating_mul(1024))),
        http: transfer.http.as_ref().map(|url| url.as_str().to_owned()),
        command: transfer.command.as_ref().map(|command| command.script(&DryWords::default())),
        swarm: swarm::Settings {
            ports: transfer.torrent_ports.first..=transfer.torrent_ports.last,
            address: transfer.torrent_address.as_ref().map(|address| address.0),
            upload: transfer.relay_bandwidth.kib_per_second().map(|kib| kib.saturating_mul(1024)),
        },
        publish: transfer.publish.as_ref().map(|command| command.argv(&DryWords::default())),
    }
}
