//! A network of namespaces, with a product in it and a deploy server that installs it; shared by the test and the bench.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What makes and removes it.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/network/network.sh");

/// How many this process made.
static MADE: AtomicUsize = AtomicUsize::new(0);

pub(crate) struct Network {
    pub(crate) sites: usize,
    pub(crate) hosts: usize,
    name: String,
    dir: tempfile::TempDir,
}

impl Network {
    /// Makes one; none where this is not root, or has no namespaces.
    pub(crate) fn up(sites: usize, hosts: usize, rate: &str) -> Option<Self> {
        let is_root = rustix::process::geteuid().is_root();
        let has = |tool: &str| Command::new(tool).arg("-V").output().is_ok_and(|output| output.status.success());
        if !is_root || !has("ip") || !has("tc") {
            eprintln!("skipped: namespaces need root, ip and tc");
            return None;
        }
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let dir = tempfile::Builder::new().prefix("cmnet").tempdir_in(parent).unwrap();
        // Tests of one process have one each.
        let name = format!("cm{}n{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let network = Self { sites, hosts, name, dir };
        let counts = [sites, hosts].map(|count| count.to_string());
        let output = network.script("up", &[&counts[0], &counts[1], rate]);
        if !output.status.success() {
            // Where root may make none, as in a container.
            eprintln!("skipped: {}", String::from_utf8_lossy(&output.stderr));
            return None;
        }
        Some(network)
    }

    fn script(&self, what: &str, and: &[&str]) -> Output {
        Command::new(SCRIPT).arg(what).arg(self.dir.path()).arg(&self.name).args(and).output().unwrap()
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Makes a command that runs in a namespace: `deploy`, or `s1-h2`.
    pub(crate) fn within(&self, space: &str, command: impl Into<OsString>) -> Command {
        let mut within = Command::new("ip");
        within.args(["netns", "exec", &self.space(space)]).arg(command.into());
        within
    }

    /// Gives the whole name of a namespace: of `deploy`, or `s1-h2`.
    pub(crate) fn space(&self, space: &str) -> String {
        format!("{}-{space}", self.name)
    }

    /// Names every host, site by site.
    pub(crate) fn names(&self) -> Vec<String> {
        let hosts = |site| (1..=self.hosts).map(move |host| format!("h{host}.site{site}.net"));
        (1..=self.sites).flat_map(hosts).collect()
    }

    /// Gives the home of a host, where its root is.
    pub(crate) fn home(&self, name: &str) -> PathBuf {
        self.path().join("hosts").join(self.space_of(name))
    }

    /// Names the namespace of a host.
    pub(crate) fn space_of(&self, name: &str) -> String {
        let (host, rest) = name.split_once('.').unwrap();
        format!("s{}-{host}", rest.trim_start_matches("site").trim_end_matches(".net"))
    }

    /// Counts the bytes that left the deploy server so far.
    pub(crate) fn uplink(&self) -> u64 {
        let counter = "/sys/class/net/eth0/statistics/tx_bytes";
        let output = self.within("deploy", "cat").arg(counter).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().parse().unwrap()
    }

    /// Tags a version of the product, of which so many bytes do not compress.
    pub(crate) fn tag(&self, version: &str, bytes: usize) {
        let product = self.path().join("product");
        let tree = product.join("tree");
        fs::create_dir_all(tree.join("bin")).unwrap();
        let git = |arguments: &[&str]| {
            let names = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"];
            let done = Command::new("git").arg("-C").arg(&product).args(names).args(arguments).output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        };
        if !product.join(".git").exists() {
            git(&["init", "--quiet"]);
        }
        let tool = tree.join("bin/tool");
        fs::write(&tool, format!("#!/bin/sh\necho {version}\n")).unwrap();
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
        // In files of which none is worth a difference of its own.
        for (at, part) in (0..bytes).step_by(1 << 20).enumerate() {
            let length = (bytes - part).min(1 << 20);
            let noise: Vec<u8> = {
                let mut random = fastrand::Rng::with_seed(at as u64 ^ version.len() as u64 ^ (bytes as u64) << 20);
                std::iter::repeat_with(|| random.u8(..)).take(length).collect()
            };
            fs::write(tree.join(format!("{version}-{at}")), noise).unwrap();
        }
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--message", version]);
        git(&["tag", version]);
    }

    /// Writes the configuration; the first host of each site is its relay.
    pub(crate) fn configure(&self, transfer: &str) {
        let dir = self.path().display();
        let text = format!(
            "[product]\nname = \"tool\"\nrepository = \"{dir}/product\"\nremote = \"\"\ntags = \"[0-9]*\"\n\
             [build]\nkind = \"command\"\ncommands = [\"cp -a tree/. {{prefix}}/\"]\ncheck = \"bin/tool version\"\n\
             [target]\nroot = \"root\"\ncurrent = \"current\"\n[ssh]\nconfig = \"{dir}/ssh_config\"\n\
             [transfer]\nrelays = \"h1.site[1-{sites}].net\"\n{transfer}\n\
             [environments.net]\nhosts = \"{hosts}\"\nsite = '^[^.]+\\.([^.]+)\\.'\n\
             [[environments.net.stages]]\nname = \"fleet\"\nsoak = \"0s\"\npromote = \"auto\"\n",
            sites = self.sites,
            hosts = self.names().join(","),
        );
        fs::write(self.path().join("coalmine.toml"), text).unwrap();
    }

    /// Makes a command of coalmine's, as it runs on the deploy server.
    pub(crate) fn coalmine(&self, program: &OsString, arguments: &[&str]) -> Command {
        let mut command = self.within("deploy", program);
        command.arg("-c").arg(self.path().join("coalmine.toml")).arg("--state-dir").arg(self.path().join("state"));
        command.args(arguments).env("LANG", "C.UTF-8");
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let output = self.script("down", &[]);
        if !output.status.success() {
            eprintln!("the network was not taken down: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}
