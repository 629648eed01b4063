//! What is done, in the order in which it is done, and what each is measured by.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use anyhow::Result;

use super::least::{Least, by_ssh};
use super::product::{NEW, OLD};
use super::ways::{Fleet, GATE, ROOT, SOAKING, STAYING, Side, USUAL, Way, run};

/// Names what a deployer does with coalmine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    Status,
    Nothing,
    Switch,
    RollBack,
    Upgrade,
    Install,
}

/// Names what is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    BareSsh,
    BareGate,
    Least(Least),
    Coalmine(Task),
    /// The same by an older coalmine.
    Before(Task),
    /// While a rollout soaks, whose conductor holds the connections.
    WarmStatus,
    /// Behind a command whose connections stayed.
    WarmNothing,
    UpgradeByRsync,
    UpgradeByAnsible,
    InstallByRsync,
}

impl Work {
    /// In the order in which each leaves the hosts as the next one takes them.
    pub(crate) const ALL: [Self; 23] = [
        Self::BareSsh,
        Self::BareGate,
        Self::Least(Least::Look),
        Self::Coalmine(Task::Status),
        Self::Before(Task::Status),
        Self::Coalmine(Task::Nothing),
        Self::Before(Task::Nothing),
        Self::Least(Least::Switch),
        Self::Coalmine(Task::Switch),
        Self::Coalmine(Task::RollBack),
        Self::Before(Task::Switch),
        Self::Before(Task::RollBack),
        Self::WarmStatus,
        Self::WarmNothing,
        Self::Least(Least::Upgrade),
        Self::Coalmine(Task::Upgrade),
        Self::Before(Task::Upgrade),
        Self::UpgradeByRsync,
        Self::UpgradeByAnsible,
        Self::Least(Least::Install),
        Self::InstallByRsync,
        Self::Coalmine(Task::Install),
        Self::Before(Task::Install),
    ];

    /// Gives its name on the page.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::BareSsh => "`ssh HOST true`, a connection each",
            Self::BareGate => "`ssh HOST`, the gate's command",
            Self::Least(Least::Look) => "least possible: look",
            Self::Least(Least::Switch) => "least possible: look, switch, gate",
            Self::Least(Least::Upgrade) => "least possible: upgrade, gate",
            Self::Least(Least::Install) => "least possible: first install, gate",
            Self::Coalmine(Task::Status) => "`coalmine status`, nothing touched since it was proven",
            Self::Coalmine(Task::Nothing) => "`coalmine install-world`, nothing to do",
            Self::Coalmine(Task::Switch) => "`coalmine install-world --activate-only`, one gate",
            Self::Coalmine(Task::RollBack) => "`coalmine rollback`, one gate",
            Self::Coalmine(Task::Upgrade) => "`coalmine install-world`, upgrade, one gate",
            Self::Coalmine(Task::Install) => "`coalmine install-world`, first install, one gate",
            Self::Before(Task::Status) => "build before: `status`",
            Self::Before(Task::Nothing) => "build before: nothing to do",
            Self::Before(Task::Switch) => "build before: `--activate-only`",
            Self::Before(Task::RollBack) => "build before: `rollback`",
            Self::Before(Task::Upgrade) => "build before: upgrade",
            Self::Before(Task::Install) => "build before: first install",
            Self::WarmStatus => "`coalmine status`, warm: while a rollout soaks",
            Self::WarmNothing => "`coalmine install-world`, nothing to do, warm: behind a `status`",
            Self::UpgradeByRsync => "`parallel-rsync -a --delete`, upgrade in place",
            Self::UpgradeByAnsible => "Ansible's `synchronize`, upgrade in place",
            Self::InstallByRsync => "`parallel-rsync -a --delete`, first install",
        }
    }

    /// Says what it is measured by, in the words of the page.
    pub(crate) const fn beside(self) -> (Self, &'static str) {
        match self {
            Self::Coalmine(Task::Upgrade) | Self::Before(Task::Upgrade) | Self::UpgradeByAnsible => {
                (Self::UpgradeByRsync, "parallel-rsync")
            }
            Self::Coalmine(Task::Install) | Self::Before(Task::Install) => (Self::InstallByRsync, "parallel-rsync"),
            Self::Coalmine(Task::Switch | Task::RollBack) | Self::Before(Task::Switch | Task::RollBack) => {
                (Self::BareGate, "the gate by ssh")
            }
            _ => (Self::BareSsh, "bare ssh"),
        }
    }

    /// Says what nobody can leave out of it.
    pub(crate) const fn least(self) -> Option<Self> {
        match self {
            Self::Coalmine(Task::Status | Task::Nothing) => Some(Self::Least(Least::Look)),
            Self::Coalmine(Task::Switch | Task::RollBack) => Some(Self::Least(Least::Switch)),
            Self::Coalmine(Task::Upgrade) | Self::UpgradeByRsync => Some(Self::Least(Least::Upgrade)),
            Self::Coalmine(Task::Install) | Self::InstallByRsync => Some(Self::Least(Least::Install)),
            _ => None,
        }
    }

    /// Says how an older coalmine does it.
    pub(crate) const fn before(self) -> Option<Self> {
        match self {
            Self::Coalmine(task) => Some(Self::Before(task)),
            _ => None,
        }
    }

    /// Tells whether it can be done here.
    pub(crate) fn is_here(self, fleet: &Fleet) -> bool {
        let program = match self {
            Self::UpgradeByRsync | Self::InstallByRsync => "parallel-rsync",
            Self::UpgradeByAnsible => "ansible",
            Self::Before(_) => return fleet.before.is_some(),
            _ => return true,
        };
        Command::new(program).arg("--version").output().is_ok()
    }

    /// Tells whether its processes are counted; of what copies file by file strace makes minutes.
    pub(crate) const fn is_counted(self) -> bool {
        !matches!(self, Self::UpgradeByRsync | Self::UpgradeByAnsible | Self::InstallByRsync)
    }

    /// Tells whether it can be listened to what coalmine sends there.
    pub(crate) const fn is_heard(self) -> bool {
        matches!(self, Self::Coalmine(_))
    }

    fn side(self, fleet: &Fleet) -> &Side {
        match self {
            Self::Before(_) => fleet.before.as_ref().unwrap_or(&fleet.ours),
            _ => &fleet.ours,
        }
    }

    /// Puts the hosts where it begins.
    pub(crate) fn prepare(self, fleet: &Fleet) -> Result<()> {
        fleet.let_go()?;
        let side = self.side(fleet);
        let is_old = || fleet.homes.iter().all(|home| side.is_old(home));
        match self {
            Self::Least(least) => least.prepare(fleet),
            Self::Coalmine(task) | Self::Before(task) => match task {
                Task::Status | Task::Nothing => put_old(fleet, side),
                Task::Switch => {
                    put_old(fleet, side)?;
                    let prime = ["install-world", NEW, "--even-bad", "--prime", "--yes"];
                    run(&side.with(USUAL, &prime)).map(drop)
                }
                Task::RollBack if is_old() => {
                    let switch = ["install-world", NEW, "--even-bad", "--yes"];
                    run(&side.with(USUAL, &switch)).map(drop)
                }
                Task::RollBack => Ok(()),
                Task::Upgrade => {
                    put_old(fleet, side)?;
                    fleet.return_to_old(side)?;
                    // What was removed by hand shared its files: they are proven again, as a fleet is that has been upgraded by coalmine alone.
                    run(&side.with(USUAL, &["status", OLD])).map(drop)
                }
                Task::Install => clear(fleet, side.root),
            },
            Self::UpgradeByRsync | Self::UpgradeByAnsible => fleet.go_back(Way::Plain),
            Self::InstallByRsync => clear(fleet, "first"),
            Self::WarmStatus => {
                // Where nothing is to be done, nothing soaks.
                put_old(fleet, side)?;
                fleet.hold_by_soak()
            }
            Self::WarmNothing => fleet.hold_by_itself(),
            Self::BareSsh | Self::BareGate => Ok(()),
        }
    }

    /// Gives its command, with one of coalmine's configurations.
    pub(crate) fn command(self, fleet: &Fleet, config: &str) -> Vec<OsString> {
        match self {
            Self::BareSsh => by_ssh(fleet, "true", None),
            Self::BareGate => by_ssh(fleet, &format!("cd {ROOT}/current && {GATE}"), None),
            Self::Least(least) => least.command(fleet),
            Self::Coalmine(task) | Self::Before(task) => {
                let arguments: &[&str] = match task {
                    Task::Status => &["status", OLD],
                    Task::Nothing => &["install-world", OLD, "--yes"],
                    // What the round before went back from counts as bad.
                    Task::Switch => &["install-world", NEW, "--even-bad", "--activate-only", "--yes"],
                    Task::RollBack => &["rollback", "--yes"],
                    Task::Upgrade | Task::Install => &["install-world", NEW, "--even-bad", "--yes"],
                };
                self.side(fleet).with(config, arguments)
            }
            Self::WarmStatus => fleet.ours.with(SOAKING, &["status", NEW]),
            Self::WarmNothing => fleet.ours.with(STAYING, &["install-world", OLD, "--yes"]),
            Self::UpgradeByRsync => by_rsync(fleet, "plain"),
            Self::InstallByRsync => by_rsync(fleet, "first"),
            Self::UpgradeByAnsible => {
                let arguments =
                    format!("src={}/ dest=plain delete=true use_ssh_args=true", fleet.source(NEW, "fresh").display());
                let ssh = format!("--ssh-common-args=-F {}", fleet.ssh_config.display());
                let list = fleet.hosts.display().to_string();
                ["ansible", "all", "-f", "32", "-i", &list, &ssh, "-m", "ansible.posix.synchronize", "-a", &arguments]
                    .map(OsString::from)
                    .into()
            }
        }
    }
}

fn by_rsync(fleet: &Fleet, target: &str) -> Vec<OsString> {
    fleet.parallel_rsync(&["-a", "-X", "--delete"], &fleet.source(NEW, "fresh"), target)
}

/// Lets every host run the old version, proven, where one does not.
fn put_old(fleet: &Fleet, side: &Side) -> Result<()> {
    if fleet.homes.iter().all(|home| side.is_old(home)) {
        return Ok(());
    }
    if fleet.homes.iter().all(|home| side.has_old(home)) {
        fleet.return_to_old(side)?;
        return run(&side.with(USUAL, &["status", OLD])).map(drop);
    }
    clear(fleet, side.root)?;
    run(&side.with(USUAL, &["install-world", OLD, "--yes"])).map(drop)
}

/// Removes a folder from every host.
fn clear(fleet: &Fleet, folder: &str) -> Result<()> {
    for home in &fleet.homes {
        let folder = home.join(folder);
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
    }
    Ok(())
}
