//! Shells and tools that hosts have, and what a rollout does there: every cell of the table in `assets/remote/README.md`.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::stage::{
    Content, current, eventually, fleet, host, me, processes_with, release, rollout, target, temporary,
};
use coalmine::host::{
    GateCheck, Host as _, HostError, LockRequest, RealHost, SshSettings, Survey, Switch, TargetSettings,
    TransferSettings,
};
use coalmine::model::{FailureClass, Installed, Probe, RollBackTarget, Slot, ToolPath, Verdict};
use coalmine::release::StoredRelease;

/// As `mv` of uutils 0.12: looks through both names, and puts no link that leads nowhere in the place of one that leads to a folder.
const UUTILS_MV: &str = r#"#!/usr/bin/dash
if [ "$1 $2" = '-f -T' ] && [ -h "$3" ] && [ ! -e "$3" ] && [ -d "$4" ]; then
    echo "mv: cannot overwrite directory '$4' with non-directory" >&2
    exit 1
fi
exec /usr/bin/mv "$@"
"#;

/// As `tail` of uutils 0.12: of a pipe that has a name it waits for more when all have closed it; a file it reads as every other.
const UUTILS_TAIL: &str = r#"#!/usr/bin/dash
for last; do :; done
[ ! -f "$last" ] || exec /usr/bin/tail "$@"
case $(/usr/bin/readlink /proc/self/fd/0) in
pipe:*) exec /usr/bin/tail "$@" ;;
esac
/usr/bin/tail "$@" >/dev/null
exec /usr/bin/sleep 60
"#;

/// What `sh` is, and where the tools are from.
struct Userland {
    shell: &'static str,
    tools: &'static str,
}

/// Where Debian has uutils; a folder of them elsewhere can be named, as one that cargo installed.
fn uutils() -> PathBuf {
    std::env::var_os("COALMINE_UUTILS").map_or_else(|| "/usr/lib/cargo/bin/coreutils".into(), PathBuf::from)
}

/// What `mv` of the uutils here calls itself: `mv 0.0.17`.
fn version_of_uutils() -> Option<String> {
    let said = Command::new(uutils().join("mv")).arg("--version").output().ok()?;
    String::from_utf8_lossy(&said.stdout).split_whitespace().last().map(str::to_owned)
}

const USERLANDS: [Userland; 11] = [
    Userland { shell: "dash", tools: "coreutils" },
    Userland { shell: "bash", tools: "coreutils" },
    Userland { shell: "mksh", tools: "coreutils" },
    Userland { shell: "yash", tools: "coreutils" },
    Userland { shell: "zsh", tools: "coreutils" },
    Userland { shell: "busybox", tools: "coreutils" },
    Userland { shell: "busybox", tools: "busybox" },
    Userland { shell: "dash", tools: "uutils" },
    Userland { shell: "dash", tools: "rust-coreutils" },
    Userland { shell: "dash", tools: "old rust-coreutils" },
    Userland { shell: "dash", tools: "toybox" },
];

impl Userland {
    fn name(&self) -> String {
        let shell = if self.shell == "busybox" { "busybox ash" } else { self.shell };
        let tools = match self.tools {
            "coreutils" => "GNU coreutils",
            "uutils" => "as uutils 0.12: `mv`, `tail`",
            "rust-coreutils" => "uutils",
            "old rust-coreutils" => "uutils before 0.1",
            tools => tools,
        };
        format!("{shell}, {tools}")
    }

    fn is_here(&self) -> bool {
        let has_tools = match self.tools {
            "toybox" => Path::new("/usr/bin/toybox").exists(),
            "rust-coreutils" => version_of_uutils().is_some_and(|version| !version.starts_with("0.0.")),
            "old rust-coreutils" => version_of_uutils().is_some_and(|version| version.starts_with("0.0.")),
            _ => true,
        };
        has_tools && self.has_shell()
    }

    /// Tells whether it cannot be deployed to: it lacks a tool, or its tools do something else.
    fn is_refused(&self) -> bool {
        matches!(self.tools, "toybox" | "old rust-coreutils")
    }

    fn has_shell(&self) -> bool {
        Path::new("/usr/bin").join(self.shell).exists() || Path::new("/bin").join(self.shell).exists()
    }

    fn versions(&self) -> String {
        let mut packages = vec![self.shell];
        if self.tools != "uutils" && self.tools != self.shell {
            packages.push(self.tools);
        }
        let version = |package: &str| {
            let said = Command::new("dpkg-query").args(["-W", "-f", "${Version}", package]).output();
            said.ok().map(|said| String::from_utf8_lossy(&said.stdout).into_owned()).filter(|said| !said.is_empty())
        };
        let version = |package: &str| match package {
            "rust-coreutils" | "old rust-coreutils" => {
                let mut tools: Vec<_> =
                    fs::read_dir(uutils()).unwrap().flatten().map(|tool| tool.file_name()).collect();
                tools.sort();
                let all = tools.len() > 60;
                let tools: Vec<_> = tools.iter().map(|tool| tool.to_string_lossy()).collect();
                let of = if all { String::new() } else { format!(" ({})", tools.join(" ")) };
                version_of_uutils().map(|version| version + &of)
            }
            package => version(package),
        };
        packages.iter().map(|package| version(package).unwrap_or_else(|| "?".into())).collect::<Vec<_>>().join(", ")
    }

    /// Makes the folders that are searched for programs.
    fn path(&self, folder: &Path) -> String {
        if self.tools == "busybox" {
            assert!(Command::new("busybox").args(["--install", "-s"]).arg(folder).status().unwrap().success());
            for applet in fs::read_dir(folder).unwrap().flatten() {
                // It would name itself by the path that it was started by.
                fs::remove_file(applet.path()).unwrap();
                symlink("/usr/bin/busybox", applet.path()).unwrap();
            }
            symlink("/usr/bin/rsync", folder.join("rsync")).unwrap();
            return folder.display().to_string();
        }
        symlink(Path::new("/usr/bin").join(self.shell), folder.join("sh")).unwrap();
        if self.tools == "toybox" {
            let applets = Command::new("toybox").output().unwrap();
            for applet in String::from_utf8_lossy(&applets.stdout).split_whitespace() {
                symlink("/usr/bin/toybox", folder.join(applet)).unwrap_or_default();
            }
            for (other, name) in [("/usr/bin/mawk", "awk"), ("/usr/bin/rsync", "rsync")] {
                symlink(other, folder.join(name)).unwrap();
            }
            return folder.display().to_string();
        }
        if self.tools.ends_with("rust-coreutils") {
            for tool in fs::read_dir(uutils()).unwrap().flatten() {
                symlink(tool.path(), folder.join(tool.file_name())).unwrap();
            }
        }
        if self.tools == "uutils" {
            for (name, text) in [("mv", UUTILS_MV), ("tail", UUTILS_TAIL)] {
                fs::write(folder.join(name), text).unwrap();
                fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
        format!("{}:/usr/bin:/bin", folder.display())
    }
}

pub(crate) const OPERATIONS: [&str; 11] =
    ["install", "upgrade", "gates", "roll back", "repair", "page", "log", "slot", "goes back alone", "adopt", "doctor"];

/// A host of this machine that has the programs of some folders.
pub(crate) struct Stand {
    pub(crate) root: tempfile::TempDir,
    pub(crate) host: Arc<RealHost>,
    pub(crate) one: Arc<StoredRelease>,
    pub(crate) two: Arc<StoredRelease>,
    _state: tempfile::TempDir,
    _door: tempfile::TempDir,
}

pub(crate) fn switch(slot: Option<&str>, confirm: u64) -> Switch {
    let slot = slot.map(|slot| Slot::new(slot).unwrap());
    Switch { rollout: rollout("r"), slot, confirm: Duration::from_secs(confirm), blames: true }
}

impl Stand {
    pub(crate) fn new(path: &str, transfer: TransferSettings) -> Self {
        let (state, root) = (temporary(), temporary());
        // Behind a link that another made: rsync on a host follows none of those (3.5.0).
        let door = temporary();
        symlink(root.path(), door.path().join("root")).unwrap();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::lchown(door.path().join("root"), Some(65534), None).unwrap();
        }
        let r#become = vec!["/usr/bin/env".to_owned(), format!("PATH={path}")];
        let settings = TargetSettings { r#become, tool: Some("stat".to_owned()), ..target(&door.path().join("root")) };
        let fleet = fleet(SshSettings::default(), transfer, settings, state.path());
        let (one, two) = (odd(state.path(), "1.0"), odd(state.path(), "2.0"));
        Self { root, host: host(&fleet, "here"), one, two, _state: state, _door: door }
    }

    pub(crate) async fn transfer(&self, release: &Arc<StoredRelease>, switch: &Switch) -> Result<bool, HostError> {
        let lease = Duration::from_secs(60);
        let request = LockRequest { owner: me(), rollout: rollout("r"), term: 1, over: None, reason: None, lease };
        self.host.lock(&request, None).await?;
        self.host.prime(release, &rollout("r"), &|_| {}).await?;
        self.host.activate(&release.id, switch).await?;
        let link = self.root.path().join(switch.slot.as_ref().map_or("tool", Slot::as_str));
        Ok(release.manifest.verify_tree(&link.join(".")).is_ok())
    }

    /// Does one of the operations; tells whether what had to come of it came.
    pub(crate) async fn works(&self, operation: &str) -> Result<bool, HostError> {
        let root = self.root.path();
        let to = |release: &StoredRelease| Path::new("releases").join(release.id.to_string());
        match operation {
            "install" => {
                let whole = self.transfer(&self.one, &switch(None, 0)).await?;
                self.host.finalize(&self.one.id, &rollout("r"), None).await?;
                Ok(whole)
            }
            "upgrade" => self.transfer(&self.two, &switch(None, 0)).await,
            "gates" => {
                let gate = |run: &str| GateCheck {
                    name: "gate".into(),
                    run: run.into(),
                    environment: vec![("WORD".into(), "a 'word'".into())],
                    timeout: Duration::from_secs(30),
                    retries: 0,
                    dry: true,
                };
                let gates = [gate("echo \"$WORD\"; cat plain"), gate("echo last words; exit 3")];
                let begun = std::time::Instant::now();
                let reports = self.host.check(&gates).await?;
                let verdicts: Vec<_> = reports.iter().map(|report| report.verdict).collect();
                Ok(verdicts == [Verdict::Pass, Verdict::Fail]
                    && reports[0].output == "a 'word'\n2.0"
                    && reports[1].message == "exit 3: last words"
                    && begun.elapsed() < Duration::from_secs(20))
            }
            "roll back" => {
                let back = RollBackTarget::Release { id: self.one.id.clone() };
                self.host.roll_back(&back, None, &switch(None, 0)).await?;
                Ok(current(root) == to(&self.one))
            }
            "repair" => {
                let file = root.join("tool/line\nfeed");
                fs::remove_file(&file).unwrap();
                fs::write(&file, "x").unwrap();
                let probe = self.host.probe(&Survey::Deep, None).await?;
                let seen = matches!(probe.installed, Installed::Release { drift: Some(_), .. });
                let whole = self.transfer(&self.one, &switch(None, 0)).await?;
                let probe = self.host.probe(&Survey::Deep, None).await?;
                Ok(seen && whole && matches!(probe.installed, Installed::Release { drift: None, .. }))
            }
            "page" => {
                for name in ["plain", "line\nfeed", "left over"] {
                    let file = root.join("tool").join(name);
                    fs::remove_file(&file).unwrap_or_default();
                    fs::write(&file, "x").unwrap();
                }
                let Probe { differs, surplus, facts, log, .. } = self.host.probe(&Survey::Page, None).await?;
                let whole = self.transfer(&self.one, &switch(None, 0)).await?;
                let fact = |name: &str| facts.iter().any(|(fact, value)| fact == name && value.parse::<u64>().is_ok());
                // As the manifest spells them.
                Ok(whole
                    && differs == ["line\\0012feed", "plain"]
                    && surplus == ["left over"]
                    && fact("room")
                    && fact("clock")
                    && !log.is_empty())
            }
            "log" => {
                let probe = self.host.probe(&Survey::Log, None).await?;
                let written = fs::read_to_string(root.join(".coalmine/log")).unwrap();
                Ok(probe.log.len() > 3 && probe.log == written.lines().collect::<Vec<_>>() && probe.differs.is_empty())
            }
            "slot" => {
                let first = self.transfer(&self.one, &switch(Some("beta"), 0)).await?;
                Ok(first && self.transfer(&self.two, &switch(Some("beta"), 0)).await? && current(root) == to(&self.one))
            }
            "goes back alone" => {
                let switched = self.transfer(&self.two, &switch(None, 1)).await?;
                eventually("it goes back", || current(root) == to(&self.one));
                let reverted = root.join(".coalmine/reverted.r");
                eventually("it is told", || reverted.exists());
                Ok(switched && self.host.confirm(&rollout("r")).await.is_err())
            }
            "adopt" => {
                fs::remove_file(root.join("tool")).unwrap();
                fs::create_dir_all(root.join("tool/deep")).unwrap();
                fs::write(root.join("tool/deep/o\ndd"), "old").unwrap();
                let whole = self.transfer(&self.two, &switch(None, 0)).await?;
                self.host.roll_back(&RollBackTarget::Adopted, None, &switch(None, 0)).await?;
                Ok(whole && fs::read(root.join("tool/deep/o\ndd")).is_ok_and(|bytes| bytes == b"old"))
            }
            _ => {
                let is_installed = root.join("tool").exists() && self.transfer(&self.two, &switch(None, 0)).await?;
                let probe = self.host.probe(&Survey::Tools, None).await?;
                // What every userland has by this name is another.
                let is_shadowed = matches!(probe.path, Some(ToolPath::Other(_)));
                assert_eq!(is_shadowed, is_installed, "{:?}", probe.path);
                let fact = |name: &str| probe.facts.iter().any(|(fact, _)| fact == name);
                Ok(!fact("missing") && !fact("wrong") && !fact("greets") && fact("rsync"))
            }
        }
    }
}

fn odd(state: &Path, version: &str) -> Arc<StoredRelease> {
    let files: [(&[u8], Content<'_>); 8] = [
        (b"plain", Content::Text(version)),
        (b"#comment", Content::Text(version)),
        (b"line\nfeed", Content::Text(version)),
        (b"back\\slash \"'$(x)", Content::Text(version)),
        (b"latin-\xe9\xff", Content::Text(version)),
        (b"same/file", Content::Program("#!/bin/sh\n")),
        (b"bin/stat", Content::Program("#!/bin/sh\n")),
        (b"same/link", Content::Link("../line\nfeed")),
    ];
    release(state, version, &files)
}

async fn row(userland: &Userland) -> Vec<String> {
    let bin = temporary();
    let stand = Stand::new(&userland.path(bin.path()), TransferSettings::default());
    let mut cells: Vec<String> = Vec::new();
    for operation in OPERATIONS {
        // Where nothing can be installed there is nothing to do it with.
        if cells.first().is_some_and(|install| install == "refused") && operation != "doctor" {
            cells.push("–".to_owned());
            continue;
        }
        cells.push(match stand.works(operation).await {
            Ok(true) => "yes".to_owned(),
            Ok(false) if operation == "doctor" && userland.is_refused() => "told".to_owned(),
            Ok(false) => "no".to_owned(),
            Err(HostError::Failed(failure)) if operation == "install" && userland.is_refused() => {
                assert_ne!(failure.class, FailureClass::Unreachable, "{failure:?}");
                assert_eq!(current(stand.root.path()), PathBuf::new());
                if userland.tools == "toybox" {
                    // By its name, and before anything was written.
                    assert_eq!(failure.message, "tr is not installed on the host");
                    assert_eq!(fs::read_dir(stand.root.path()).unwrap().count(), 0);
                }
                "refused".to_owned()
            }
            Err(error) => format!("no: {error:?}"),
        });
    }
    if userland.tools == "toybox" {
        return cells;
    }
    // Nothing temporary is left.
    let left: Vec<_> = fs::read_dir(stand.root.path().join(".coalmine"))
        .unwrap()
        .chain(fs::read_dir(stand.root.path()).unwrap())
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(".coalmine-") || name.contains(".new.") || name.starts_with("work."))
        .collect();
    assert!(left.is_empty(), "{}: {left:?}", userland.name());
    assert!(processes_with(&stand.root.path().display().to_string()).is_empty());
    cells
}

#[tokio::test]
async fn every_userland_does_every_operation_and_the_table_says_so() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/remote/README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let mut table = format!(
        "| `sh`, tools | seen with | {} |\n|---|---|{}\n",
        OPERATIONS.join(" | "),
        "---|".repeat(OPERATIONS.len())
    );
    let mut missing = Vec::new();
    for userland in &USERLANDS {
        let cells = if userland.is_here() {
            row(userland).await
        } else {
            // Told, and never silently so: `.ci/test` installs them where that can be done. What was seen elsewhere stays.
            missing.push(userland.name());
            let row = readme.lines().find(|line| line.starts_with(&format!("| {} |", userland.name())));
            row.into_iter().for_each(|row| writeln!(table, "{row}").unwrap());
            continue;
        };
        writeln!(table, "| {} | {} | {} |", userland.name(), userland.versions(), cells.join(" | ")).unwrap();
    }
    eprintln!("not installed here, and not tried: {missing:?}");
    assert!(!table.contains("| no"), "{table}");
    let (before, rest) = readme.split_once("<!-- userlands -->\n").unwrap();
    let (written, after) = rest.split_once("<!-- end of userlands -->").unwrap();
    if std::env::var_os("COALMINE_REGENERATE").is_some() {
        fs::write(&path, format!("{before}<!-- userlands -->\n{table}<!-- end of userlands -->{after}")).unwrap();
        return;
    }
    // Versions are those of where it was written.
    let without_versions = |table: &str| {
        let without = |line: &str| {
            let cells = line.split(" | ").enumerate().filter(|(at, _)| *at != 1);
            cells.map(|(_, cell)| cell.to_owned()).collect::<Vec<_>>().join(" | ")
        };
        table.lines().map(without).collect::<Vec<_>>()
    };
    assert_eq!(without_versions(written), without_versions(&table), "run this test with COALMINE_REGENERATE=1");
}
