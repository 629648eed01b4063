//! How a release travels.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde::Deserialize;

use super::bandwidth::Bandwidth;
use super::carriers::{Carriers, HereAddress, PackUrl, Ports, RelayHosts};
use super::duration::Positive;
use super::leaf::leaf;
use super::schema::Presence::Default;
use super::schema::{Section, value};
use super::template::CommandTemplate;
use crate::model::{Compress, PackWhen, Verify};

pub(super) static TRANSFER: Section = Section {
    keys: &[
        value::<Bandwidth>("bandwidth", Default(r#""0""#), "per host, rsync's --bwlimit; \"0\": no limit"),
        value::<Positive>("stall", Default(r#""60s""#), "no byte for this long: the transfer failed"),
        value::<u32>("retries", Default("2"), "further attempts after one that failed"),
        value::<Compress>("compress", Default(r#""auto""#), "or \"always\", \"never\""),
        value::<PackWhen>(
            "packs",
            Default(r#""auto""#),
            "1 MiB and more is packed once for all hosts that have tar and zstd or gzip; or \"always\", \"never\"",
        ),
        value::<Verify>(
            "verify",
            Default(r#""full""#),
            "or \"changed\": what is hashed on the host before it counts as primed",
        ),
        value::<Carriers>(
            "carriers",
            Default(r#"["direct"]"#),
            "what brings it to a host, tried in this order: torrent, relay, http, command, direct",
        ),
        value::<RelayHosts>(
            "relays",
            Default(r#""masters""#),
            "or a host expression: who passes it on to the hosts of its site",
        ),
        value::<Ports>("relay_ports", Default(r#""20000-20099""#), "a relay listens on the first that is free there"),
        value::<NonZeroUsize>(
            "relay_fan",
            Default("32"),
            "hosts behind one relay; of more, some pass it on to the others",
        ),
        value::<Bandwidth>(
            "relay_bandwidth",
            Default(r#""0""#),
            "of all that one relay, or one host of a swarm, sends; \"0\": no limit",
        ),
        value::<Ports>(
            "torrent_ports",
            Default(r#""6881-6999""#),
            "with the carrier torrent (aria2): where the deploy server and hosts listen for each other",
        ),
        value::<Option<HereAddress>>(
            "torrent_address",
            Default(r#""""#),
            "an IPv4 address at which hosts find the deploy server; \"\": where ssh came from",
        ),
        value::<bool>(
            "confidential",
            Default("false"),
            "true: never by torrent, whose peers give it to whoever has its hash",
        ),
        value::<Option<PackUrl>>(
            "http",
            Default(r#""""#),
            "with the carrier http: where hosts fetch packs, as https://cache.example.org/{pack}",
        ),
        value::<Option<CommandTemplate>>(
            "command",
            Default("[]"),
            "with the carrier command: puts $COALMINE_PACK into $COALMINE_FILE, on the host",
        ),
        value::<Option<CommandTemplate>>(
            "publish",
            Default("[]"),
            "with either: puts $COALMINE_FILE where hosts find $COALMINE_PACK, here, once a pack",
        ),
    ],
};

/// Says how a release travels.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// How fast to one host.
    pub bandwidth: Bandwidth,
    /// After how long without a byte a transfer failed.
    #[serde(deserialize_with = "leaf")]
    pub stall: Duration,
    /// How many further attempts there are.
    pub retries: u32,
    /// Whether it is compressed.
    #[serde(deserialize_with = "leaf")]
    pub compress: Compress,
    /// When it is packed into one file, once for all hosts.
    #[serde(deserialize_with = "leaf")]
    pub packs: PackWhen,
    /// What is hashed on the host before it counts as primed.
    #[serde(deserialize_with = "leaf")]
    pub verify: Verify,
    /// What is tried to bring it to a host, in order.
    pub carriers: Carriers,
    /// Who passes it on.
    pub relays: RelayHosts,
    /// Where relays listen.
    pub relay_ports: Ports,
    /// How many hosts one relay feeds before some of them feed the others.
    #[serde(deserialize_with = "leaf")]
    pub relay_fan: NonZeroUsize,
    /// How fast one relay sends, to all of its hosts together.
    pub relay_bandwidth: Bandwidth,
    /// Where the deploy server and hosts listen for each other.
    pub torrent_ports: Ports,
    /// Where hosts find the deploy server.
    #[serde(deserialize_with = "leaf")]
    pub torrent_address: Option<HereAddress>,
    /// Whether nobody but its hosts may see a release.
    pub confidential: bool,
    /// Where hosts fetch packs by HTTP.
    #[serde(deserialize_with = "leaf")]
    pub http: Option<PackUrl>,
    /// What fetches a pack on a host.
    #[serde(deserialize_with = "leaf")]
    pub command: Option<CommandTemplate>,
    /// What puts a pack where hosts fetch it.
    #[serde(deserialize_with = "leaf")]
    pub publish: Option<CommandTemplate>,
}
