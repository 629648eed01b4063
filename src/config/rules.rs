//! What no single value can get wrong: rules between keys.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::Value;

use super::error::Problem;
use super::leaf::Leaf;
use super::origin::Origin;
use super::template::{CommandTemplate, DryWord};
use super::tree::{Table, join};
use crate::expr::{Expression, nearest};
use crate::model::{FreezeWindow, WindowError};

/// Adds what is wrong between the keys of a whole configuration to the problems.
pub(super) fn check(tree: &Table, problems: &mut Vec<Problem>) {
    let mut rules = Rules { tree, problems };
    rules.build();
    rules.target();
    rules.ssh();
    rules.transfer();
    rules.groups();
    rules.environments();
    rules.gates();
    rules.hooks();
    rules.release();
}

struct Rules<'a> {
    tree: &'a Table,
    problems: &'a mut Vec<Problem>,
}

impl Rules<'_> {
    fn refuse(&mut self, origin: &Origin, message: impl Into<String>, hint: impl Into<String>) {
        self.problems.push(Problem::new(origin, message).hint(hint));
    }

    fn target(&mut self) {
        let Some(target) = self.tree.table("target") else { return };
        let Some((slots, origin)) = target.leaf("slots") else { return };
        let named: Vec<&str> = slots.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let current = target.text("current").map(|(current, _)| current);
        for (at, slot) in named.iter().enumerate() {
            if named.iter().take(at).any(|other| other == slot) {
                self.refuse(origin, format!("`target.slots` has {slot:?} twice"), "each slot has its turn once");
            }
            if current.is_some_and(|current| current == *slot) {
                let message = format!("`target.slots` has {slot:?}, which is the usual link (`target.current`)");
                self.refuse(origin, message, "slots are links beside it: choose another name");
            }
        }
    }

    fn ssh(&mut self) {
        let Some(ssh) = self.tree.table("ssh") else { return };
        let shares = ssh.leaf("share").and_then(|(share, _)| share.as_bool());
        let Some((persist, origin)) = ssh.leaf("persist") else { return };
        if shares == Some(false) && Duration::read(persist).is_ok_and(|persist| !persist.is_zero()) {
            let message = "`ssh.persist` keeps connections that nobody would use, since `ssh.share` is false";
            self.refuse(origin, message, "write `share = true`, or leave persist out");
        }
    }

    fn transfer(&mut self) {
        let Some(transfer) = self.tree.table("transfer") else { return };
        for key in ["command", "publish"] {
            let why = "what it needs is in its environment: $COALMINE_PACK and so on";
            self.words(transfer, "transfer", key, &[], why);
        }
        let Some((carriers, origin)) = transfer.leaf("carriers") else { return };
        let carriers: Vec<&str> = carriers.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let is_empty = |value: &Value| value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty);
        let examples = [
            ("http", r#"http = "https://cache.example.org/packs/{pack}""#),
            ("command", r#"command = ["fetch-pack"]"#),
        ];
        for (carrier, example) in examples {
            if carriers.contains(&carrier) && transfer.leaf(carrier).is_none_or(|(value, _)| is_empty(value)) {
                let message = format!("`transfer.carriers` has {carrier:?}, and `transfer.{carrier}` says nothing");
                self.refuse(origin, message, format!("write `{example}` under [transfer]"));
            }
        }
        let confidential = transfer.leaf("confidential").filter(|(value, _)| value.as_bool() == Some(true));
        if let (Some((_, origin)), true) = (confidential, carriers.contains(&"torrent")) {
            let message = "`transfer.confidential` is true, and peers of a torrent give it to whoever has its hash";
            self.refuse(origin, message, "take \"torrent\" out of transfer.carriers");
        }
        let packs = transfer.text("packs").filter(|(packs, origin)| *packs == "never" && **origin != Origin::Default);
        if let (Some((_, origin)), true) = (packs, carriers.iter().any(|carrier| *carrier != "direct")) {
            let message = "`transfer.packs` is \"never\", and whatever does not come directly travels packed";
            self.refuse(origin, message, "leave packs out, or write \"auto\"");
        }
    }

    fn build(&mut self) {
        let Some(build) = self.tree.table("build") else { return };
        let is_command = build.text("kind").is_some_and(|(kind, _)| kind == "command");
        let is_list =
            |key: &str| build.leaf(key).filter(|(value, _)| value.as_array().is_some_and(|items| !items.is_empty()));
        match (is_command, is_list("commands")) {
            (true, None) => {
                let origin = build.text("kind").map_or(&build.origin, |(_, origin)| origin);
                self.refuse(
                    origin,
                    "`build.kind` is \"command\", and `build.commands` has none",
                    "write `commands = [\"make install DESTDIR={prefix}\"]` under [build]",
                );
            }
            (false, Some((_, origin))) => {
                self.refuse(
                    origin,
                    "`build.commands` would never run, since `build.kind` is \"python-venv\"",
                    "write `kind = \"command\"`, or what is to run before pip as `before`",
                );
            }
            _ => {}
        }
        if let (true, Some((_, origin))) =
            (is_command, is_list("pip").filter(|(_, origin)| **origin != Origin::Default))
        {
            self.refuse(
                origin,
                "`build.pip` would never be installed, since `build.kind` is \"command\"",
                "write `kind = \"python-venv\"`, or leave pip out",
            );
        }
        for key in ["requirements", "python"] {
            if let (true, Some((_, origin))) =
                (is_command, build.leaf(key).filter(|(_, origin)| **origin != Origin::Default))
            {
                self.refuse(
                    origin,
                    format!("`build.{key}` would never be used, since `build.kind` is \"command\""),
                    format!("write `kind = \"python-venv\"`, or leave {key} out"),
                );
            }
        }
        for key in ["before", "commands", "check"] {
            self.words(
                build,
                "build",
                key,
                &[DryWord::Version, DryWord::Prefix],
                "a release is built once, for every host and rollout",
            );
        }
        self.words(
            build,
            "build",
            "version_command",
            &[DryWord::Host, DryWord::Environment],
            "it asks a host that has no release",
        );
    }

    /// Refuses the dry words of a command that have no value where it runs.
    fn words(&mut self, table: &Table, path: &str, key: &str, allowed: &[DryWord], why: &str) {
        let Some((value, origin)) = table.leaf(key) else { return };
        // A list of commands has texts in it as a command of arguments has: its key tells them apart.
        let values = match (key, value) {
            ("before" | "commands", Value::Array(items)) => items.as_slice(),
            _ => std::slice::from_ref(value),
        };
        let commands = values.iter().filter_map(|value| CommandTemplate::read(value).ok());
        for word in commands.flat_map(|command| command.words().collect::<Vec<_>>()) {
            if !allowed.contains(&word) {
                let known: Vec<String> = allowed.iter().map(|word| format!("`{word}`")).collect();
                self.refuse(
                    origin,
                    format!("`{}` has `{word}` in it, which has no value there: {why}", join(path, key)),
                    format!("it may have {}", known.join(", ")),
                );
            }
        }
    }

    fn groups(&mut self) {
        const SOURCES: [&str; 5] = ["file", "hosts", "command", "ansible", "any"];
        for (name, group) in self.tree.tables("groups") {
            let path = join("groups", name);
            let written: Vec<&str> = SOURCES.into_iter().filter(|key| group.get(key).is_some()).collect();
            match written.as_slice() {
                [] => self.refuse(
                    &group.origin,
                    format!("`{path}` does not say where its hosts come from"),
                    format!("write one of {}", SOURCES.join(", ")),
                ),
                [_] => {}
                several => self.refuse(
                    &group.origin,
                    format!("`{path}` has {}: a group comes from one of them", several.join(" and ")),
                    "make groups of their own, and one with `any = [\"@one\", \"@other\"]`",
                ),
            }
            if let (Some((_, origin)), None) = (group.leaf("timeout"), group.get("command")) {
                self.refuse(
                    origin,
                    format!("`{path}.timeout` has nothing to time"),
                    "it belongs to `command`; leave it out",
                );
            }
            self.references(group, &path, "any");
        }
    }

    /// Refuses groups that do not exist.
    fn references(&mut self, table: &Table, path: &str, key: &str) {
        let Some((value, origin)) = table.leaf(key) else { return };
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let expressions: Vec<Expression> = values.iter().filter_map(|value| Expression::read(value).ok()).collect();
        let known: Vec<&str> = self.tree.tables("groups").map(|(name, _)| name).collect();
        let named = expressions.iter().flat_map(Expression::named_groups);
        for group in named.filter(|group| !known.contains(&group.outer())) {
            let hint = match (nearest(group.as_str(), known.iter().copied()), known.as_slice()) {
                (Some(nearest), _) => format!("the nearest group is `@{nearest}`"),
                (None, []) => "there are no groups: write them under [groups]".to_owned(),
                (None, known) => format!("the groups are {}", known.join(", ")),
            };
            self.refuse(
                origin,
                format!("`{}` names the group `@{group}`, which does not exist", join(path, key)),
                hint,
            );
        }
    }

    fn environments(&mut self) {
        for (name, environment) in self.tree.tables("environments") {
            let path = join("environments", name);
            self.references(environment, &path, "hosts");
            self.references(environment, &path, "masters");
            self.references(environment, &path, "run_from");
            let freezes = environment.list("freezes");
            self.unique(freezes, &format!("{path}.freezes"), "window");
            for (at, freeze) in freezes.iter().enumerate() {
                self.window(freeze, &format!("{path}.freezes[{at}]"));
            }
            let stages = environment.list("stages");
            self.unique(stages, &format!("{path}.stages"), "stage");
            for (at, stage) in stages.iter().enumerate() {
                let path = format!("{path}.stages[{at}]");
                self.references(stage, &path, "hosts");
                self.selection(stage, &path, at + 1 == stages.len());
            }
        }
    }

    /// Refuses two times that make no window.
    fn window(&mut self, freeze: &Table, path: &str) {
        let time = |key| freeze.text(key).and_then(|(text, _)| text.parse().ok());
        let (Some(from), Some(until)) = (time("from"), time("until")) else { return };
        let text = |key| freeze.text(key).map(|(text, _)| text.to_owned()).unwrap_or_default();
        let window = FreezeWindow { name: text("name"), from, until, zone: text("zone"), reason: None };
        match window.check() {
            // A zone that nobody knows is the value's own mistake.
            Ok(()) | Err(WindowError::Zone(_)) => {}
            Err(error) => self.refuse(
                freeze.text("until").map_or(&freeze.origin, |(_, origin)| origin),
                format!("`{path}` is no window: {error}"),
                "such as from = \"Fri 16:00\" and until = \"Mon 08:00\", or from = \"12-20\" and until = \"01-03\"",
            ),
        }
    }

    fn selection(&mut self, stage: &Table, path: &str, is_last: bool) {
        const SELECTIONS: [&str; 4] = ["hosts", "count", "percent", "per_site"];
        let written: Vec<&str> = SELECTIONS.into_iter().filter(|key| stage.get(key).is_some()).collect();
        match written.as_slice() {
            [] if is_last => {}
            [] => self.refuse(
                &stage.origin,
                format!(
                    "`{path}` says nothing of its hosts, so it would take all and leave none to the stages after it"
                ),
                "write one of hosts, count, percent, per_site; only the last stage takes whatever is left",
            ),
            [_] => {}
            several => self.refuse(
                &stage.origin,
                format!("`{path}` has {}: a stage has one of them", several.join(" and ")),
                "decide for one; what each selects is taken from whatever earlier stages left",
            ),
        }
    }

    /// Refuses names that are there twice in a list.
    fn unique(&mut self, list: &[Table], path: &str, what: &str) {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, (name, origin)) in list.iter().enumerate().filter_map(|(at, item)| Some((at, item.text("name")?))) {
            if let Some(first) = seen.insert(name, at) {
                self.refuse(
                    origin,
                    format!("`{path}[{at}].name` is {name:?}, as `{path}[{first}].name` is"),
                    format!("give each {what} a name of its own"),
                );
            }
        }
    }

    fn gates(&mut self) {
        let gates = self.tree.list("gates");
        self.unique(gates, "gates", "gate");
        let all: Vec<DryWord> = DryWord::all().collect();
        let of_stage: Vec<DryWord> = DryWord::all().filter(|word| *word != DryWord::Host).collect();
        for (at, gate) in gates.iter().enumerate() {
            let path = format!("gates[{at}]");
            if gate.text("on").is_some_and(|(on, _)| on == "stage") {
                self.words(gate, &path, "run", &of_stage, "a stage has many hosts");
                continue;
            }
            self.words(gate, &path, "run", &all, "");
            for key in ["max", "baseline", "every"] {
                if let Some((_, origin)) = gate.leaf(key).filter(|(_, origin)| **origin != Origin::Default) {
                    self.refuse(
                        origin,
                        format!("`{path}.{key}` is for gates of a stage, and this one is of a host"),
                        format!("write `on = \"stage\"`, or leave {key} out: a host's gate passes with exit 0"),
                    );
                }
            }
        }
    }

    fn hooks(&mut self) {
        let Some(hooks) = self.tree.table("hooks") else { return };
        let of_rollout: Vec<DryWord> = DryWord::all().filter(|word| *word != DryWord::Host).collect();
        self.words(hooks, "hooks", "announce", &of_rollout, "a message is about a rollout");
        for side in ["before", "after"] {
            let Some(table) = hooks.table(side) else { continue };
            let path = join("hooks", side);
            for key in ["lock", "prime", "switch", "soak", "finalize", "rollback"] {
                self.words(table, &path, key, &of_rollout, "it is about all hosts, which are `{hosts}`");
            }
        }
    }

    fn release(&mut self) {
        let Some(release) = self.tree.table("release") else { return };
        self.words(release, "release", "bump", &[DryWord::Version], "it runs before there is a release");
    }
}
