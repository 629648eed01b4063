//! The script by which a fresh host installs a release by itself, from a master: the functions that hosts are sent for a rollout, and
//! both sides of the conversation.

use std::fmt::Write as _;

use super::delta::Delta;
use super::pace;
use super::script::by_itself;
use super::settings::TargetSettings;
use crate::model::HostKeys;
use crate::process::quote;
use crate::release::StoredRelease;

/// What a lease of such a script lasts at least, in seconds: one that was killed keeps a host locked for so long.
const LEASE: u64 = 300;

/// Names a deploy server as hosts reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What is connected to.
    pub host: String,
    /// The port; none is ssh's own choice.
    pub port: Option<u16>,
}

/// Says what a fresh host installs, and from where.
#[derive(Debug)]
pub struct Bootstrap<'a> {
    /// What is installed.
    pub release: &'a StoredRelease,
    /// Where.
    pub target: &'a TargetSettings,
    /// Who runs the script, and logs in on masters; none is whoever does.
    pub user: Option<&'a str>,
    /// From where, the first that answers.
    pub masters: &'a [Source],
    /// What the release must pass before it is switched to, as a command of `sh` in its folder.
    pub check: &'a str,
    /// Which keys of masters are taken.
    pub host_keys: HostKeys,
}

impl Bootstrap<'_> {
    /// Gives the script; the same for the same release and configuration, so that who manages it sees no change where none is.
    #[must_use]
    pub fn script(&self) -> Vec<u8> {
        let Self { release, target, user, masters, check, host_keys } = self;
        let totals = release.manifest.totals();
        let delta = Delta::whole(&release.manifest);
        let lease = LEASE.max(pace::to_look_at(totals.bytes, totals.entries()) + 60);
        let interpreter = release.interpreter.as_ref();
        let root = target.root.to_string_lossy();
        let keys = match host_keys {
            HostKeys::Strict => "yes",
            HostKeys::AcceptNew => "accept-new",
        };
        let named: Vec<String> = masters
            .iter()
            .map(|master| match master.port {
                Some(port) => format!("{}:{port}", master.host),
                None => master.host.clone(),
            })
            .collect();
        // Who becomes another on the host has to run this as that other, whose name nobody knows here.
        let runs_as = user.filter(|_| target.r#become.is_empty()).unwrap_or_default();
        let below = |path: &str| if path.starts_with('/') { path.to_owned() } else { format!("./{path}") };
        let python = interpreter.map(|found| found.path.to_string_lossy().into_owned()).unwrap_or_default();
        let settings = [
            ("token", "@bootstrap".to_owned()),
            ("nonce", "bootstrap".to_owned()),
            ("id", release.id.to_string()),
            ("digest", release.digest.to_string()),
            ("root", below(&root)),
            ("source", root.clone().into_owned()),
            ("link", target.current.clone()),
            ("keep", target.keep.max(1).to_string()),
            ("masters", named.join(" ")),
            ("login", user.unwrap_or_default().to_owned()),
            ("user", runs_as.to_owned()),
            ("ssh", format!("ssh -o BatchMode=yes -o ConnectTimeout=10 -o StrictHostKeyChecking={keys}")),
            ("check", (*check).to_owned()),
            ("python_path", python),
            ("python_series", interpreter.map(|found| found.series().to_owned()).unwrap_or_default()),
            ("machine", interpreter.map(|found| found.machine.clone()).unwrap_or_default()),
            ("need_kib", delta.need_kib.to_string()),
            ("need_inodes", delta.need_inodes.to_string()),
            ("base", "-".to_owned()),
            ("verify", "full".to_owned()),
            ("goal", "final".to_owned()),
            ("confirm", "0".to_owned()),
            ("lease", lease.to_string()),
            ("rest", LEASE.to_string()),
            ("usual", lease.to_string()),
            ("term", "0".to_owned()),
            // No watch runs beside it.
            ("deadline", "0".to_owned()),
            ("reason", "bootstrap".to_owned()),
        ];
        let mut parameters = String::new();
        for (name, value) in settings {
            // Writing to a text cannot fail.
            writeln!(parameters, "p_{name}={}", quote(&value)).ok();
        }
        let head = format!(
            "#!/bin/sh\n\
             # Installs {id} on a fresh host, from {masters}, by rsync over ssh. Written by coalmine.\n\
             #\n\
             # A host that has it, or anything else that coalmine installed, is left alone; so this may be run at any time, by Puppet or at\n\
             # every boot. What comes is proven by its manifest, whose SHA-256 is {digest}.\n\
             # RSYNC_RSH says how masters are reached otherwise, COALMINE_MASTERS which are asked, COALMINE_WAIT for how many seconds the\n\
             # host's lock is waited for. Exits with 0 when nothing is left to do, with 75 when the host stayed locked, else with 1.\n",
            id = release.id,
            masters = named.join(", "),
            digest = release.digest,
        );
        by_itself(&head, &parameters)
    }
}
