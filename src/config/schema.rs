//! Every key, its default and its meaning: the one place where they are written.
//!
//! The check for unknown keys, the check of values, the defaults, the variables, `config show` and the sample file are made of
//! this. The types in `settings` have the same keys; a test holds the two together.

use std::num::NonZeroUsize;
use std::time::Duration;

use toml::Value;

use super::amount::{Budget, Factor, Keep, Share, Waves};
use super::bandwidth::Bandwidth;
use super::carriers::{Carriers, HereAddress, PackUrl, Ports, RelayHosts};
use super::console::CONSOLE;
use super::duration::Positive;
use super::hosts::{GroupReference, HostList, check_group_name};
use super::leaf::{Form, Leaf, Refused};
use super::template::CommandTemplate;
use super::text::{
    Argv, BranchName, Command, Endpoint, ExportPath, GitRemote, KexAlgorithms, LinkName, LocalPath, LoginName,
    PathPattern, ProductName, PythonName, TagGlob, TargetRoot, TimeZoneName, Title, UnixGroup, VersionLink,
};
use super::variables::Variables;
use super::version::VersionPattern;
use super::word::{BuildKind, Channel, GateOn};
use crate::expr::{Expression, SiteRule};
use crate::model::{
    CalendarTime, Compress, Environment, HostKeys, Installer, Modes, PackWhen, Slot, StageName, Verify,
};
use crate::plan::{OnFailure, Prefetch, Promote};

/// Describes a table with fixed keys.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) keys: &'static [Key],
}

impl Section {
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// Describes a key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) shape: Shape,
}

/// Says what stands behind a key.
#[derive(Debug)]
pub(super) enum Shape {
    /// A value.
    Value { kind: Kind, presence: Presence },
    /// A table with fixed keys, which is there even when nobody wrote it.
    Table(&'static Section),
    /// A table of tables, each with a name of the author's.
    Named(&'static Named),
    /// A list of tables, `[[…]]`; a stronger layer replaces it as a whole.
    List {
        section: &'static Section,
        /// What to write when there is none; none when there need be none.
        essential: Option<&'static str>,
    },
}

/// Describes a table of tables with names of the author's.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) section: &'static Section,
    pub(super) check_name: fn(&str) -> Result<(), String>,
    /// Whether a stronger layer replaces one of them as a whole.
    pub(super) whole: bool,
    /// What to write when there is none; none when there need be none.
    pub(super) essential: Option<&'static str>,
}

/// Says what happens when nobody wrote a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Presence {
    /// It has this value, in TOML.
    Default(&'static str),
    /// It must be written, as in this example in TOML.
    Essential(&'static str),
    /// It stays away; this is an example in TOML.
    Optional(&'static str),
}

/// Describes what a value may be.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) expected: &'static str,
    pub(super) form: Form,
    pub(super) path: bool,
    pub(super) check: fn(&Value) -> Result<(), Refused>,
}

const fn kind<T: Leaf>() -> Kind {
    Kind { expected: T::EXPECTED, form: T::FORM, path: T::PATH, check: |value| T::read(value).map(drop) }
}

pub(super) const fn value<T: Leaf>(name: &'static str, presence: Presence, about: &'static str) -> Key {
    Key { name, about, shape: Shape::Value { kind: kind::<T>(), presence } }
}

const fn table(name: &'static str, section: &'static Section, about: &'static str) -> Key {
    Key { name, about, shape: Shape::Table(section) }
}

use Presence::{Default, Essential, Optional};

/// The whole file.
pub(super) static ROOT: Section = Section {
    keys: &[
        table("product", &PRODUCT, "What is installed, and where its tags are."),
        table("build", &BUILD, "How a tag becomes a release, on this machine."),
        table("release", &RELEASE, "How a release is cut, by `coalmine release cut`."),
        table("target", &TARGET, "Where a release lives on a host."),
        table("ssh", &SSH, "How hosts are reached; whatever is not said here is said by ssh_config."),
        table("transfer", &TRANSFER, "How a release travels."),
        table("verify", &VERIFY, "How it is known that a host still has what it was given."),
        Key { name: "groups", about: "Named hosts, for expressions: `@NAME`.", shape: Shape::Named(&GROUPS) },
        Key {
            name: "environments",
            about: "Fleets, each with its own policy and channel.",
            shape: Shape::Named(&ENVIRONMENTS),
        },
        Key {
            name: "gates",
            about: "Checks: of one host after its activation, or of a whole stage during its soak.",
            shape: Shape::List { section: &GATE, essential: None },
        },
        table("hooks", &HOOKS, "The site's own commands; `[]` for none."),
        table("lock", &LOCK, "Who may deploy while another does: nobody."),
        table("control", &CONTROL, "Who else may control a rollout that runs."),
        table(
            "console",
            &CONSOLE,
            "How the console looks and what its keys do: yours, in ~/.config/coalmine/coalmine.toml.",
        ),
    ],
};

static PRODUCT: Section = Section {
    keys: &[
        value::<ProductName>("name", Essential(r#""scap""#), "what is installed"),
        value::<LocalPath>("repository", Essential(r#""/srv/deployment/scap""#), "the checkout that holds the tags"),
        value::<Option<GitRemote>>("remote", Default(r#""origin""#), r#"fetched first; "" for never"#),
        value::<TagGlob>("tags", Default(r#""[0-9]*""#), "which tags are releases; ordered as versions, not as text"),
        value::<Option<VersionPattern>>(
            "version_pattern",
            Default(r#""""#),
            r"where tags cannot be ordered as they are: '^rel-(\d+)-(\d+)$', its captures are the version",
        ),
        value::<Option<BranchName>>(
            "state_branch",
            Default(r#""""#),
            "the branch of the repository that keeps what each environment runs, such as \"coalmine/state\"; \"\": none",
        ),
        value::<Option<GitRemote>>(
            "state_remote",
            Default(r#""""#),
            "where that is pushed to, and read from; \"\": nowhere",
        ),
        value::<bool>("verify_tags", Default("false"), "true: only tags that `git verify-tag` accepts"),
    ],
};

static BUILD: Section = Section {
    keys: &[
        value::<BuildKind>("kind", Default(r#""python-venv""#), r#""python-venv" or "command""#),
        value::<Vec<CommandTemplate>>("before", Default("[]"), "run in a clean export of the tag, before the build"),
        value::<Argv>("pip", Default(r#"["."]"#), "python-venv: what pip installs, after requirements files if any"),
        value::<Vec<ExportPath>>(
            "requirements",
            Default(r#"["requirements.txt"]"#),
            "python-venv: files whose requirements are installed too; that one where there is one, [] for none",
        ),
        value::<Option<PythonName>>(
            "python",
            Default(r#""""#),
            "python-venv: the interpreter that every host has, a path or a name; \"\": /usr/bin/python3",
        ),
        value::<bool>(
            "own_python",
            Default("false"),
            "python-venv: true: the release holds python, which stands alone in its folder (`uv python`); hosts need none",
        ),
        value::<Vec<CommandTemplate>>(
            "commands",
            Default("[]"),
            "command: what builds, such as \"make install DESTDIR={prefix}\"",
        ),
        value::<Variables>(
            "env",
            Default("{}"),
            "what before, pip and commands find in their environment besides, such as { CFLAGS = \"-O2\" }",
        ),
        value::<Installer>(
            "installer",
            Default(r#""auto""#),
            "python-venv: \"pip\", \"uv\", or \"auto\": uv where it is installed; the release is the same",
        ),
        value::<bool>(
            "submodules",
            Default("false"),
            "true: fetched; false: refused, unless before fills their folders",
        ),
        value::<Modes>(
            "modes",
            Default(r#""tell""#),
            "private files become readable, set-id bits go: \"tell\" (set-id is refused), \"refuse\" or \"plain\"",
        ),
        value::<Vec<PathPattern>>(
            "allow_paths",
            Default("[]"),
            "files of the release that may name the folder they were built in, such as [\"lib/*.so\"]",
        ),
        value::<CommandTemplate>(
            "check",
            Essential(r#""bin/scap version""#),
            "run in the finished release; must exit 0",
        ),
        value::<Option<CommandTemplate>>(
            "version_command",
            Default(r#""""#),
            "what an unmanaged host answers when surveyed; \"scap version\", by its name, is answered by a package's copy",
        ),
        value::<Positive>("timeout", Default(r#""1h""#), "a build that takes longer failed"),
    ],
};

static RELEASE: Section = Section {
    keys: &[
        value::<Option<ExportPath>>(
            "changelog",
            Default(r#""CHANGELOG.md""#),
            "where the entry of a release goes, in the checkout; \"\": nowhere",
        ),
        value::<Option<CommandTemplate>>(
            "bump",
            Default(r#""""#),
            "what writes the version into the checkout before the commit, such as \"bin/bump {version}\"",
        ),
    ],
};

static TARGET: Section = Section {
    keys: &[
        value::<Option<LoginName>>("user", Default(r#""""#), "whom ssh logs in as; \"\": ssh's own choice"),
        value::<TargetRoot>(
            "root",
            Essential(r#""/var/lib/scap""#),
            "the folder of the releases; relative: to the login folder",
        ),
        value::<LinkName>("current", Default(r#""current""#), "the symlink under root that activation switches"),
        value::<Vec<Slot>>(
            "slots",
            Default("[]"),
            r#"a cycle of links beside it, e.g. ["slot0", "slot1"]; --next-slot takes the next; any other is a private one"#,
        ),
        value::<Option<VersionLink>>(
            "version_link",
            Default(r#""""#),
            "a link for the version of each of these slots, to the slot, such as \"php-{version}\"; \"\": none",
        ),
        value::<Keep>("keep", Default("5"), "releases kept on a host, at least 2"),
        value::<Argv>(
            "become",
            Default("[]"),
            r#"what runs commands as another user, e.g. ["sudo", "-n", "-u", "scap"]"#,
        ),
        value::<Duration>(
            "confirm",
            Default(r#""0s""#),
            "dead man's switch: unless confirmed over a new connection in time, the host reverts itself; \"0s\": off",
        ),
    ],
};

static SSH: Section = Section {
    keys: &[
        value::<Option<LocalPath>>("config", Default(r#""""#), "-F; \"\": ssh's own"),
        value::<Positive>(
            "connect_timeout",
            Default(r#""10s""#),
            "a host that has not answered by then is unreachable",
        ),
        value::<Positive>("alive", Default(r#""15s""#), "a host that answers nothing for three of these is lost"),
        value::<NonZeroUsize>("connects", Default("30"), "connections being opened at once"),
        value::<NonZeroUsize>("sessions", Default("256"), "connections held open at once"),
        value::<HostKeys>("host_keys", Default(r#""strict""#), "or \"accept-new\"; never \"no\""),
        value::<Option<KexAlgorithms>>("kex", Default(r#""""#), "KexAlgorithms; \"\": ssh's own choice"),
    ],
};

static TRANSFER: Section = Section {
    keys: &[
        value::<Bandwidth>("bandwidth", Default(r#""0""#), "per host, rsync's --bwlimit; \"0\": no limit"),
        value::<Positive>("stall", Default(r#""60s""#), "no byte for this long: the transfer failed"),
        value::<u32>("retries", Default("2"), "further attempts after one that failed"),
        value::<Compress>("compress", Default(r#""auto""#), "or \"always\", \"never\""),
        value::<PackWhen>(
            "packs",
            Default(r#""never""#),
            "or \"auto\": 1 MiB and more is packed once for all hosts that have tar and zstd or gzip; or \"always\"",
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

static VERIFY: Section = Section {
    keys: &[value::<Duration>(
        "rehash",
        Default(r#""30d""#),
        "what a host proved and nobody touched is hashed again within this time, by turns; \"0s\": always",
    )],
};

static GROUPS: Named = Named { section: &GROUP, check_name: check_group_name, whole: true, essential: None };

static GROUP: Section = Section {
    keys: &[
        value::<LocalPath>(
            "file",
            Optional(r#""/etc/dsh/group/scap_targets""#),
            "a dsh file: one host or expression a line",
        ),
        value::<Vec<HostList>>("hosts", Optional(r#"["mw[01-02].eqiad.wmnet"]"#), "the hosts themselves"),
        value::<Command>("command", Optional(r#"["query-hosts", "role=api"]"#), "what prints one host a line"),
        value::<Positive>("timeout", Optional(r#""30s""#), "with command: when it is given up; \"30s\" when left out"),
        value::<LocalPath>("ansible", Optional(r#""hosts.ini""#), "an inventory of Ansible's, INI or YAML"),
        value::<Vec<GroupReference>>("any", Optional(r#"["@api", "@web"]"#), "the hosts of any of these"),
    ],
};

static ENVIRONMENTS: Named = Named {
    section: &ENVIRONMENT,
    check_name: |name| Environment::new(name).map(drop).map_err(|error| error.to_string()),
    whole: false,
    essential: Some("[environments.production]\nhosts = \"@all\""),
};

static ENVIRONMENT: Section = Section {
    keys: &[
        value::<Expression>("hosts", Essential(r#""@all""#), "the fleet"),
        value::<Option<Expression>>(
            "masters",
            Default(r#""""#),
            "deploy servers: installed first, never counted as targets; \"\": none",
        ),
        value::<Channel>("channel", Default(r#""tags""#), r#"where "latest" comes from; or "branch:master""#),
        value::<SiteRule>("site", Default(r"'^[^.]+\.([^.]+)\.'"), "first capture of the host's name is its site"),
        value::<Prefetch>(
            "prefetch",
            Default(r#""all""#),
            "prime the whole fleet before the first activation; or \"stage\"",
        ),
        value::<Option<OnFailure>>(
            "on_failure",
            Default(r#""""#),
            "\"pause\", \"rollback\", \"abort\"; \"\": pause on a terminal, rollback without one",
        ),
        value::<Option<Expression>>(
            "run_from",
            Default(r#""""#),
            "the machines that may deploy to it, such as \"@masters\"; \"\": any",
        ),
        Key {
            name: "freezes",
            about: "Times at which nothing new is brought to it; what runs when one begins finishes what is in flight, and pauses.",
            shape: Shape::List { section: &FREEZE, essential: None },
        },
        Key {
            name: "stages",
            about: "The parts of the fleet, in order; a host in two stages belongs to the first.",
            shape: Shape::List { section: &STAGE, essential: Some("[[environments.NAME.stages]]\nname = \"fleet\"") },
        },
    ],
};

static FREEZE: Section = Section {
    keys: &[
        value::<Title>("name", Essential(r#""weekend""#), "its name, for --override-freeze"),
        value::<CalendarTime>(
            "from",
            Essential(r#""Fri 16:00""#),
            "when it begins: \"16:00\" every day, \"Fri 16:00\", \"12-20\" every year, \"2026-12-20 18:00\"",
        ),
        value::<CalendarTime>(
            "until",
            Essential(r#""Mon 08:00""#),
            "when it ends, in the same form; a day without a time is the whole of it",
        ),
        value::<TimeZoneName>("zone", Default(r#""UTC""#), "the time zone of both, such as \"Europe/Berlin\""),
        value::<Option<Title>>("reason", Default(r#""""#), "why, for whoever is refused"),
    ],
};

static STAGE: Section = Section {
    keys: &[
        value::<StageTitle>("name", Essential(r#""canary""#), "the stage's name"),
        value::<Expression>(
            "hosts",
            Optional(r#""@canaries""#),
            "its hosts; the last stage needs none: it takes whatever is left",
        ),
        value::<NonZeroUsize>("count", Optional("2"), "instead of hosts: so many of those that are left"),
        value::<Share>("percent", Optional("5"), "instead of hosts: this share of the fleet, at least one host"),
        value::<NonZeroUsize>("per_site", Optional("1"), "instead of hosts: so many of each site"),
        value::<Waves>(
            "waves",
            Default(r#"["100%"]"#),
            "hosts activated together, as Ansible's serial: of the stage, at least 1, the last repeats",
        ),
        value::<NonZeroUsize>("concurrency", Default("80"), "hosts in flight at once"),
        value::<Duration>(
            "soak",
            Default(r#""10m""#),
            "how long it must stay healthy before the next may start, the last stage too: ten minutes where it is not said",
        ),
        value::<Promote>(
            "promote",
            Default(r#""auto""#),
            "who lets the next stage start: \"auto\": its gates, \"manual\": a person",
        ),
        table(
            "budget",
            &BUDGET,
            "how many of the stage's hosts may fail before the rollout stops: a number, or a share, rounded down",
        ),
    ],
};

static BUDGET: Section = Section {
    keys: &[
        value::<Budget>("unreachable", Default("0"), "hosts that cannot be reached"),
        value::<Budget>("transfer", Default("0"), "hosts that the release does not get to whole"),
        value::<Budget>("activate", Default("0"), "hosts that cannot be switched"),
        value::<Budget>("unhealthy", Default("0"), "hosts that fail a gate"),
    ],
};

static GATE: Section = Section {
    keys: &[
        value::<Title>("name", Essential(r#""answers""#), "the gate's name"),
        value::<GateOn>(
            "on",
            Default(r#""host""#),
            "\"host\": after each activation, on the host; \"stage\": during the soak, on this machine",
        ),
        value::<CommandTemplate>(
            "run",
            Essential(r#""bin/scap version""#),
            "exit 0: pass, 75: inconclusive (the rollout pauses), anything else: fail",
        ),
        value::<Positive>("timeout", Default(r#""30s""#), "a run that takes longer failed"),
        value::<u32>("retries", Default("2"), "further attempts after one that failed"),
        value::<bool>("dry", Default("false"), "true: told, never decides"),
        value::<f64>("max", Optional("10.0"), "stage: `run` prints one number, and this is the most that passes"),
        value::<Factor>("baseline", Optional("1.2"), "stage: at most that many times its value before the stage"),
        value::<Positive>("every", Default(r#""30s""#), "stage: how often it runs during the soak"),
    ],
};

static HOOKS: Section = Section {
    keys: &[
        value::<Option<CommandTemplate>>(
            "depool",
            Default("[]"),
            r#"e.g. ["confctl", "select", "name={host}", "set/pooled=no"]"#,
        ),
        value::<Option<CommandTemplate>>(
            "repool",
            Default("[]"),
            r#"e.g. ["confctl", "select", "name={host}", "set/pooled=yes"]"#,
        ),
        value::<Option<CommandTemplate>>(
            "announce",
            Default("[]"),
            r#"e.g. ["logmsg"]: the message on its standard input"#,
        ),
        table(
            "before",
            &PHASE_HOOKS,
            "What runs on this machine before each phase of a rollout; host_…: before each host's.",
        ),
        table(
            "after",
            &PHASE_HOOKS,
            "What runs on this machine after each phase of a rollout; host_…: after each host's.",
        ),
        value::<Option<Endpoint>>("irc", Default(r#""""#), "HOST:PORT of a tcpircbot: one line over TCP"),
        value::<Positive>("timeout", Default(r#""30s""#), "a hook that takes longer failed"),
    ],
};

static PHASE_HOOKS: Section = Section {
    keys: &[
        value::<Option<CommandTemplate>>("lock", Default("[]"), "taking the hosts' locks, which surveys them"),
        value::<Option<CommandTemplate>>("prime", Default("[]"), "putting the release on hosts"),
        value::<Option<CommandTemplate>>("switch", Default("[]"), "switching the hosts of a stage: {stage}, {hosts}"),
        value::<Option<CommandTemplate>>("soak", Default("[]"), "the soak and the gates of a stage: {stage}, {hosts}"),
        value::<Option<CommandTemplate>>("finalize", Default("[]"), "the release becoming good; its end is only told"),
        value::<Option<CommandTemplate>>("rollback", Default("[]"), "switched hosts going back; only told"),
        value::<Option<CommandTemplate>>("host_prime", Default("[]"), "the transfer to one host: {host}"),
        value::<Option<CommandTemplate>>("host_switch", Default("[]"), "the switch of one host: {host}"),
        value::<Option<CommandTemplate>>("host_rollback", Default("[]"), "the way back of one host: {host}; only told"),
    ],
};

static LOCK: Section = Section {
    keys: &[
        value::<Duration>("wait", Default(r#""0s""#), "how long to wait for a lock that another holds"),
        value::<Positive>("lease", Default(r#""60s""#), "how long a lock outlives the conductor that renews it"),
    ],
};

static CONTROL: Section = Section {
    keys: &[value::<Option<UnixGroup>>(
        "group",
        Default(r#""""#),
        "members of this group may watch and control rollouts; \"\": only you",
    )],
};

/// Reads the name of a stage; `masters` is the name of the stage that coalmine itself puts first.
struct StageTitle;

impl Leaf for StageTitle {
    const EXPECTED: &'static str = "the name of a stage";
    const FORM: Form = Form::Text;

    fn read(value: &Value) -> Result<Self, Refused> {
        let name = value.as_str().ok_or(Refused::Unexpected)?;
        if name == "masters" {
            return Err(Refused::because("the stage of the masters has that name already: choose another"));
        }
        StageName::new(name).map(|_| Self).map_err(Refused::because)
    }
}

/// Says how long the command of a group may take when its `timeout` is left out, as the schema says.
pub(super) const GROUP_TIMEOUT: Duration = Duration::from_secs(30);
