use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::process::{Resource as Limit, Rlimit, geteuid, getrlimit, setrlimit};

use super::settings::{SshSettings, TransferSettings};
use super::ssh::has_proxies;
use crate::model::Bytes;
use crate::words::grouped;

/// How many descriptors are asked for: programs that close every one they may have take long where there are very many.
const ENOUGH: u64 = 65_536;
/// What sockets, journals, the store and the site's commands need beside the hosts.
const RESERVE: u64 = 96;
/// What one script or one transfer holds here at once: three pipes, a socket, the process, and what opens for a moment.
const PER_CONVERSATION: u64 = 7;
/// What one ssh that connects holds here.
const PER_CONNECT: u64 = 5;
/// Threads of coalmine's own, and the site's commands.
const OWN_PROCESSES: u64 = 24;
/// Processes of one transfer: rsync, and the ssh that it speaks through.
const PER_TRANSFER: u64 = 2;
/// What coalmine takes itself, in bytes.
const OWN_MEMORY: u64 = 64 << 20;
/// What one ssh takes that holds a connection, and what one transfer takes, in bytes.
const SSH_MEMORY: u64 = 2 << 20;
const TRANSFER_MEMORY: u64 = 4 << 20;
/// Where fewer hosts than this can be worked on at once there is no room for a rollout: whatever else runs here would end it.
pub const LEAST: usize = 8;

/// Names what hosts take of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Files and sockets that are open.
    Descriptors,
    /// Processes and threads.
    Processes,
    /// Bytes of memory.
    Memory,
}

impl Resource {
    /// Says where more of it is to be had.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Descriptors => "raise the hard limit here: `ulimit -Hn`, limits.conf(5), LimitNOFILE= of a unit",
            Self::Processes => "raise it here: `ulimit -u`, limits.conf(5), TasksMax= of a unit or of user-.slice",
            Self::Memory => "free some here, or raise MemoryMax= of the unit",
        }
    }

    fn amount(self, number: u64) -> String {
        match self {
            Self::Memory => Bytes(number).to_string(),
            _ => grouped(number),
        }
    }
}

/// Says how much is done at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Widths {
    /// Connections being opened.
    pub connects: usize,
    /// Connections held open.
    pub sessions: usize,
    /// Scripts.
    pub execs: usize,
    /// Transfers.
    pub transfers: usize,
    /// Processes of ssh's that each connection takes: two where a jump host or a proxy may stand on the way.
    pub hops: u64,
}

impl Widths {
    /// Gives what the settings allow.
    #[must_use]
    pub fn of(ssh: &SshSettings, transfer: &TransferSettings) -> Self {
        let by_inventory = ssh.addresses.values().any(|address| address.proxy.is_some());
        Self {
            connects: ssh.connects,
            sessions: ssh.sessions,
            execs: ssh.execs,
            transfers: transfer.at_once,
            hops: if by_inventory || has_proxies(ssh) { 2 } else { 1 },
        }
    }

    /// Gives what so many hosts make of it at most.
    #[must_use]
    pub fn for_hosts(self, hosts: usize) -> Self {
        let most = |width: usize| width.clamp(1, hosts.max(1));
        Self {
            connects: most(self.connects),
            sessions: most(self.sessions),
            execs: most(self.execs),
            transfers: most(self.transfers),
            hops: self.hops,
        }
    }

    /// Gives how much of something that takes at most.
    #[must_use]
    pub fn need(self, resource: Resource) -> u64 {
        let Self { connects, sessions, execs, transfers, hops } = self;
        let count = |width: usize| width as u64;
        match resource {
            Resource::Descriptors => {
                let conversations = count(execs.min(sessions)).saturating_add(count(transfers));
                conversations
                    .saturating_mul(PER_CONVERSATION)
                    .saturating_add(count(connects).saturating_mul(PER_CONNECT))
            }
            Resource::Processes => count(sessions)
                .saturating_mul(hops)
                .saturating_add(count(transfers).saturating_mul(PER_TRANSFER))
                .saturating_add(OWN_PROCESSES),
            Resource::Memory => count(sessions)
                .saturating_mul(hops * SSH_MEMORY)
                .saturating_add(count(transfers).saturating_mul(TRANSFER_MEMORY))
                .saturating_add(OWN_MEMORY),
        }
    }
}

/// Tells how much there is of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Supply {
    /// Of what.
    pub resource: Resource,
    /// How much there may be, others' included.
    pub limit: u64,
    /// How much of it nobody has.
    pub free: u64,
}

/// Tells of what there is not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortage {
    /// What there is.
    pub supply: Supply,
    /// What is needed.
    pub need: u64,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Supply { resource, limit, free } = self.supply;
        let what = match resource {
            Resource::Descriptors => "open files",
            Resource::Processes => "processes",
            Resource::Memory => "of memory",
        };
        let amount = |number| resource.amount(number);
        write!(f, "{} {what}, {} are free of {}", amount(self.need), amount(free), amount(limit))
    }
}

/// Tells what this machine has for hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capacity(pub Vec<Supply>);

impl Capacity {
    /// Raises the limit of descriptors as far as it goes, and counts.
    #[must_use]
    pub fn count() -> Self {
        let limit = raise();
        let used = fs::read_dir("/proc/self/fd").map_or(64, |entries| entries.count() as u64);
        let free = limit.saturating_sub(used + RESERVE);
        let mut supplies = vec![Supply { resource: Resource::Descriptors, limit, free }];
        let by_user = getrlimit(Limit::Nproc).current.filter(|_| !geteuid().is_root());
        let by_user = by_user.map(|limit| {
            let free = limit.saturating_sub(threads_of(geteuid().as_raw()));
            Supply { resource: Resource::Processes, limit, free }
        });
        // Whichever is scarcest counts.
        let scarcest = |resource, supplies: Vec<Supply>| {
            supplies.into_iter().filter(move |supply| supply.resource == resource).min_by_key(|supply| supply.free)
        };
        let of_groups: Vec<Supply> = of_groups(Path::new("/")).into_iter().chain(by_user).collect();
        supplies.extend(scarcest(Resource::Processes, of_groups.clone()));
        supplies.extend(scarcest(Resource::Memory, of_groups));
        Self(supplies)
    }

    /// Says of what there is not enough.
    pub fn shortages(&self, widths: Widths) -> impl Iterator<Item = Shortage> {
        let short = move |supply: &Supply| {
            let need = widths.need(supply.resource);
            (need > supply.free).then_some(Shortage { supply: *supply, need })
        };
        self.0.iter().filter_map(short)
    }

    /// Says of what there is not even enough for a few hosts at once.
    pub fn lacks(&self, widths: Widths) -> impl Iterator<Item = Shortage> {
        self.shortages(widths.for_hosts(LEAST))
    }

    /// Makes the widths as small as what is free, each by the same factor.
    #[must_use]
    pub fn fit(&self, widths: Widths) -> Widths {
        self.shortages(widths).fold(widths, |fitted, Shortage { supply, need }| {
            // What is needed whatever the widths are cannot be made less.
            let fixed = Widths { connects: 0, sessions: 0, execs: 0, transfers: 0, ..widths }.need(supply.resource);
            let (free, need) = (supply.free.saturating_sub(fixed), need.saturating_sub(fixed).max(1));
            let scale = |width: usize, now: usize| {
                let scaled = (width as u64).saturating_mul(free) / need;
                usize::try_from(scaled).unwrap_or(width).min(now).max(1)
            };
            Widths {
                connects: scale(widths.connects, fitted.connects),
                sessions: scale(widths.sessions, fitted.sessions),
                execs: scale(widths.execs, fitted.execs),
                transfers: scale(widths.transfers, fitted.transfers),
                hops: widths.hops,
            }
        })
    }
}

/// Says of several things that there is not enough of them: `150 open files, 20 are free of 128; …`.
#[must_use]
pub fn told(shortages: &[Shortage]) -> String {
    shortages.iter().map(Shortage::to_string).collect::<Vec<_>>().join("; ")
}

/// Raises the soft limit of descriptors to the hard one; gives what it is now.
fn raise() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Limit::Nofile);
    let now = current.unwrap_or(u64::MAX);
    let goal = maximum.unwrap_or(u64::MAX).min(ENOUGH);
    if goal <= now {
        return now;
    }
    match setrlimit(Limit::Nofile, Rlimit { current: Some(goal), maximum }) {
        Ok(()) => goal,
        Err(error) => {
            tracing::debug!(%error, "the limit of descriptors stays as it is");
            now
        }
    }
}

/// Counts the threads of a user, as `RLIMIT_NPROC` does (getrlimit(2)).
fn threads_of(user: u32) -> u64 {
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    let of_one = |entry: fs::DirEntry| {
        entry.file_name().to_str()?.parse::<u32>().ok()?;
        let tasks = fs::metadata(entry.path().join("task")).ok()?;
        // Its links are itself, its name above it, and one a thread.
        (tasks.uid() == user).then(|| tasks.nlink().saturating_sub(2))
    };
    entries.flatten().filter_map(of_one).sum()
}

/// Gives what the machine, and each control group that this process is in, have of processes and memory (cgroups(7)).
fn of_groups(root: &Path) -> Vec<Supply> {
    let mut found = Vec::new();
    let meminfo = fs::read_to_string(root.join("proc/meminfo")).unwrap_or_default();
    let kib = |name: &str| {
        let rest = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(rest.split_whitespace().next()?.parse::<u64>().ok()?.saturating_mul(1024))
    };
    if let (Some(limit), Some(free)) = (kib("MemTotal"), kib("MemAvailable")) {
        found.push(Supply { resource: Resource::Memory, limit, free });
    }
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let mounts = if controllers.is_empty() { ["", "unified"] } else { [controllers, controllers] };
        let mount = mounts.map(|mount| root.join("sys/fs/cgroup").join(mount));
        for mount in mount.iter().take(if controllers.is_empty() { 2 } else { 1 }) {
            let path: PathBuf = path.trim_start_matches('/').into();
            found.extend(path.ancestors().flat_map(|above| of_group(&mount.join(above))));
        }
    }
    found
}

/// Gives what one control group has, of version 1 or 2.
fn of_group(folder: &Path) -> Vec<Supply> {
    let text = |name: &str| fs::read_to_string(folder.join(name)).ok();
    // `max` is no limit, as is a number near the largest one.
    let number = |name: &str| text(name)?.trim().parse::<u64>().ok().filter(|&number| number < 1 << 62);
    let mut found = Vec::new();
    if let (Some(limit), Some(used)) = (number("pids.max"), number("pids.current")) {
        found.push(Supply { resource: Resource::Processes, limit, free: limit.saturating_sub(used) });
    }
    let memory = [("memory.max", "memory.current", ""), ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")];
    for (limit, used, prefix) in memory {
        let (Some(limit), Some(used)) = (number(limit), number(used)) else { continue };
        let stat = text("memory.stat").unwrap_or_default();
        // What is only cached of files is given up for whoever needs it.
        let cached = |name: &str| {
            let value = |line: &str| line.strip_prefix(prefix)?.strip_prefix(name)?.trim().parse::<u64>().ok();
            stat.lines().find_map(value).unwrap_or(0)
        };
        let kept = used.saturating_sub(cached("inactive_file ")).saturating_sub(cached("active_file "));
        found.push(Supply { resource: Resource::Memory, limit, free: limit.saturating_sub(kept) });
    }
    found
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{Capacity, LEAST, Resource, Supply, Widths, of_groups, told};

    const USUAL: Widths = Widths { connects: 30, sessions: 256, execs: 256, transfers: 64, hops: 1 };

    fn free(resource: Resource, free: u64) -> Supply {
        Supply { resource, limit: free + 100, free }
    }

    #[test]
    fn widths_fit_into_what_is_free_and_stay_as_they_are_where_that_is_enough() {
        let roomy = [Resource::Descriptors, Resource::Processes, Resource::Memory];
        let roomy = Capacity(roomy.map(|resource| free(resource, USUAL.need(resource))).to_vec());
        assert_eq!((roomy.fit(USUAL), roomy.shortages(USUAL).count()), (USUAL, 0));
        let smallest = USUAL.for_hosts(1);
        for (resource, frees) in [
            (Resource::Descriptors, [0, 10, 100, 800]),
            (Resource::Processes, [0, 30, 100, 300]),
            (Resource::Memory, [0, 80 << 20, 128 << 20, 500 << 20]),
        ] {
            for available in frees {
                let mut tight = roomy.clone();
                tight.0.push(free(resource, available));
                let fitted = tight.fit(USUAL);
                assert!(fitted.need(resource) <= available.max(smallest.need(resource)), "{available}: {fitted:?}");
            }
        }
    }

    #[test]
    fn what_is_needed_counts_hosts_jump_hosts_and_no_more_than_there_are() {
        assert_eq!(USUAL.need(Resource::Descriptors), (256 + 64) * 7 + 30 * 5);
        assert_eq!(USUAL.need(Resource::Processes), 256 + 64 * 2 + 24);
        assert_eq!(Widths { hops: 2, ..USUAL }.need(Resource::Processes), 2 * 256 + 64 * 2 + 24);
        assert_eq!(USUAL.for_hosts(3).need(Resource::Memory), (64 + 3 * 2 + 3 * 4) << 20);
        let tight = Capacity(vec![free(Resource::Descriptors, 60), free(Resource::Processes, 50)]);
        let lacks: Vec<_> = tight.lacks(USUAL).collect();
        assert_eq!(told(&lacks), "152 open files, 60 are free of 160");
        assert_eq!(USUAL.for_hosts(LEAST).need(Resource::Processes), 48);
        // Three hosts need less than the least of a large fleet.
        assert_eq!(tight.lacks(USUAL.for_hosts(3)).count(), 0);
        let thousands = Capacity(vec![Supply { resource: Resource::Descriptors, limit: 1024, free: 900 }]);
        let wide = Widths { connects: 1000, ..USUAL };
        assert_eq!(told(&thousands.shortages(wide).collect::<Vec<_>>()), "7,240 open files, 900 are free of 1,024");
    }

    #[test]
    fn every_group_above_this_process_counts_in_both_versions() {
        let machine = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = machine.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let found = |resource: Resource| {
            let of = of_groups(machine.path()).into_iter().filter(|supply| supply.resource == resource);
            of.map(|supply| (supply.limit, supply.free)).collect::<Vec<_>>()
        };
        write("proc/meminfo", "MemTotal:  2048 kB\nMemAvailable:    1024 kB\n");
        assert_eq!(found(Resource::Memory), [(2 << 20, 1 << 20)]);
        write("proc/self/cgroup", "0::/system.slice/coalmine.service\n");
        write("sys/fs/cgroup/system.slice/coalmine.service/pids.max", "max\n");
        write("sys/fs/cgroup/system.slice/coalmine.service/pids.current", "7\n");
        write("sys/fs/cgroup/system.slice/pids.max", "100\n");
        write("sys/fs/cgroup/system.slice/pids.current", "93\n");
        write("sys/fs/cgroup/system.slice/memory.max", "1000\n");
        write("sys/fs/cgroup/system.slice/memory.current", "900\n");
        write("sys/fs/cgroup/system.slice/memory.stat", "anon 100\nactive_file 300\ninactive_file 400\n");
        assert_eq!(found(Resource::Processes), [(100, 7)]);
        assert_eq!(found(Resource::Memory).last(), Some(&(1000, 800)));
        write("proc/self/cgroup", "8:pids:/a\n4:memory:/b\n0::/\n");
        write("sys/fs/cgroup/pids/a/pids.max", "50\n");
        write("sys/fs/cgroup/pids/a/pids.current", "50\n");
        write("sys/fs/cgroup/memory/b/memory.limit_in_bytes", "9223372036854771712\n");
        write("sys/fs/cgroup/memory/b/memory.usage_in_bytes", "1\n");
        assert_eq!(found(Resource::Processes), [(50, 0)]);
        assert_eq!(found(Resource::Memory), [(2 << 20, 1 << 20)]);
        assert_eq!(of_groups(Path::new("/nonexistent")), []);
    }

    #[test]
    fn this_machine_is_counted() {
        let counted = Capacity::count();
        assert!(counted.0.iter().any(|supply| supply.resource == Resource::Descriptors && supply.free > 0));
        assert!(counted.0.iter().any(|supply| supply.resource == Resource::Memory && supply.limit > 1 << 20));
    }
}
