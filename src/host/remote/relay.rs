//! A host that passes packs on: the daemon there, and how packs come to it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::prime::{copy_of, staging};
use super::refusal;
use super::work::Remote;
use crate::host::HostError;
use crate::host::answer::Answer;
use crate::host::held::Held;
use crate::host::pace;
use crate::host::script::Phase;
use crate::host::transport::Transport;
use crate::model::{Bytes, Progress, RolloutId};
use crate::release::Pack;

/// How long a relay serves at most, whoever still holds it.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// Says who may come to a relay, and where it is found.
#[derive(Debug)]
pub(in crate::host) struct Opening {
    /// Where the relay listens.
    pub(in crate::host) address: IpAddr,
    /// Who may come, and the relay itself.
    pub(in crate::host) allowed: Vec<IpAddr>,
    /// How many of them are its own, among whom its bandwidth is shared.
    pub(in crate::host) own: usize,
    /// What they have to know.
    pub(in crate::host) secret: String,
}

/// Is a daemon on a relay, for as long as this is kept.
#[derive(Debug)]
pub(in crate::host) struct Daemon {
    /// The shell that it goes with.
    pub(in crate::host) held: Held,
    /// Where it listens.
    pub(in crate::host) address: SocketAddr,
    /// What whoever comes has to know.
    pub(in crate::host) secret: String,
    /// The folder of its packs, under the root of that host.
    pub(in crate::host) place: String,
    folder: PathBuf,
}

impl<T: Transport> Remote<T> {
    /// Starts a daemon on the host.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(in crate::host) async fn open_relay(&self, opening: Opening, rollout: &RolloutId) -> Result<Daemon, String> {
        let Opening { address, allowed, own, secret } = opening;
        let settings = &self.common.transfer;
        let mut script = self.fenced(Phase::Relay, LONGEST.as_secs(), None, rollout);
        let allow: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        let own = u64::try_from(own.max(1)).unwrap_or(1);
        let share = settings.carriers.relay_bandwidth.map(|Bytes(all)| Bytes((all / own).max(1)));
        script
            .set("secret", &secret)
            .set("first", &settings.carriers.ports.start().to_string())
            .set("last", &settings.carriers.ports.end().to_string())
            .set("address", &address.to_string())
            .set("where", &where_of(address))
            .set("allow", &allow.join(" "))
            .set("connections", &(allowed.len() + 2).to_string())
            .set("limit", &pace::in_kib(share))
            .set("stall", &settings.stall.as_secs().max(1).to_string());
        let (answer, held) = self.transport.hold(&script, "relay").await.map_err(|failure| failure.message)?;
        let nonce = script.token.trim_start_matches('@').to_owned();
        let answer = match refusal::check(script.phase, answer) {
            Ok(answer) => answer,
            Err(HostError::Failed(failure)) => return Err(failure.message),
            Err(other) => return Err(other.to_string()),
        };
        match (held, place(&answer, &nonce)) {
            (Some(held), Some((port, name, folder))) => Ok(Daemon {
                held,
                address: SocketAddr::new(address, port),
                secret,
                place: format!(".coalmine/{name}/packs"),
                folder,
            }),
            _ => Err(if answer.late {
                "its daemon did not begin to serve".to_owned()
            } else {
                refusal::not_understood(script.phase, &answer).to_string()
            }),
        }
    }

    /// Brings a pack to the daemon's folder from this machine.
    ///
    /// # Errors
    ///
    /// Why it did not come.
    pub(in crate::host) async fn stock(
        &self,
        daemon: &Daemon,
        pack: &Pack,
        tell: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), String> {
        let copy = copy_of(pack, daemon.folder.clone());
        self.transport.copy(&copy, tell).await.map(drop).map_err(|failure| failure.message)
    }
}

/// Writes an address as it stands in that of a daemon (RFC 3986, 3.2.2).
pub(super) fn where_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// Reads the port and the folder of packs; none unless the folder is the one that this side named, by the number of its shell.
fn place(answer: &Answer, nonce: &str) -> Option<(u16, String, PathBuf)> {
    let record = answer.first("relay")?;
    let at = record.rest.iter().position(|&byte| byte == b' ')?;
    let (port, said) = record.rest.split_at(at);
    let port = std::str::from_utf8(port).ok()?.parse().ok()?;
    let said = said.get(1..)?;
    let text = std::str::from_utf8(said.rsplit(|&byte| byte == b'/').next()?).ok()?;
    let shell: u32 = text.strip_prefix("relay.")?.strip_suffix(nonce)?.strip_suffix('.')?.parse().ok()?;
    let name = format!("relay.{shell}.{nonce}");
    let folder = staging(said, &name)?;
    Some((port, name, folder.join("packs")))
}

#[cfg(test)]
mod tests {
    use super::place;
    use crate::host::answer::{Answer, Record};

    #[test]
    fn only_the_folder_that_this_side_named_is_written_to() {
        let read = |text: &str| {
            let record = Record { kind: "relay".to_owned(), rest: text.as_bytes().to_vec() };
            place(&Answer { records: vec![record], ..Answer::default() }, "00ff")
        };
        let (port, name, folder) = read("20001 /srv/x/.coalmine/relay.42.00ff").unwrap();
        assert_eq!(
            (port, name.as_str(), folder.to_str()),
            (20_001, "relay.42.00ff", Some("/srv/x/.coalmine/relay.42.00ff/packs"))
        );
        for wrong in [
            "",
            "20001",
            "20001 ",
            "x /srv/x/.coalmine/relay.42.00ff",
            "70000 /srv/x/.coalmine/relay.42.00ff",
            "20001 /srv/x/.coalmine/relay.42.00fe",
            "20001 /srv/x/.coalmine/relay.-1.00ff",
            "20001 /srv/../.coalmine/relay.42.00ff",
            "20001 relay.42.00ff",
            "20001 /relay.42.00ff",
        ] {
            assert!(read(wrong).is_none(), "{wrong:?} was taken");
        }
    }
}
