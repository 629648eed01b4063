//! Rooms import downwards only, and the rooms that decide touch nothing.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod house;
mod tokens;

use std::path::Path;

use house::{Crate, Source, sources};
use tokens::{Named, Token, paths, tokens};

/// The rooms from the ground up, as in the architecture: each may import those before it.
const ROOMS: [&str; 22] = [
    "model",
    "expr",
    "manifest",
    "plan",
    "rollout",
    "words",
    "files",
    "process",
    "config",
    "inventory",
    "release",
    "journal",
    "swarm",
    "host",
    "hooks",
    "engine",
    "conductor",
    "deploy",
    "report",
    "tui",
    "sandbox",
    "cli",
];

/// The rooms that have no clock, do no IO and do not wait.
const PURE: [&str; 5] = ["model", "expr", "plan", "rollout", "words"];

/// What a pure room must not name: the beginnings of paths.
const WORLD: [&[&str]; 11] = [
    &["std", "fs"],
    &["std", "process"],
    &["std", "env"],
    &["std", "net", "TcpListener"],
    &["std", "net", "TcpStream"],
    &["std", "net", "UdpSocket"],
    &["std", "thread"],
    &["std", "os"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime"],
    &["tokio"],
];

/// What a pure room must not call, however it was imported: the ends of paths.
const CLOCKS: [[&str; 2]; 4] = [["Timestamp", "now"], ["Zoned", "now"], ["Instant", "now"], ["SystemTime", "now"]];

/// Gives what is wrong with a file of a room; `module` is the file's place below `src`, as `["host", "ssh", "link"]`.
fn judge(module: &[&str], source: &str) -> Vec<(usize, String)> {
    let Some(room) = ROOMS.iter().position(|room| module.first() == Some(room)) else {
        return Vec::new();
    };
    let mut wrong = Vec::new();
    for Named { line, inside, path } in paths(source) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let supers = path.iter().take_while(|word| **word == "super").count();
        let target = match path.first() {
            Some(&"crate") => path.get(1),
            Some(&"super") if supers == module.len() + inside => path.get(supers),
            _ => None,
        };
        if let Some(other) = target.and_then(|name| ROOMS.iter().position(|room| room == name))
            && other > room
        {
            wrong.push((line, format!("{} imports {}, which is above it", ROOMS[room], ROOMS[other])));
        }
        if PURE.contains(&ROOMS[room]) {
            let world = WORLD.iter().find(|world| path.starts_with(world)).map(|world| world.join("::"));
            let clock = CLOCKS.iter().find(|clock| path.ends_with(*clock)).map(|clock| clock.join("::"));
            if let Some(name) = world.or(clock) {
                wrong.push((line, format!("{} is pure and names {name}", ROOMS[room])));
            }
        }
    }
    wrong
}

#[test]
fn no_files_of_different_folders_lead_to_each_other() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut found);
    let circles = Crate::of(found).circles();
    assert!(circles.is_empty(), "\n{}", circles.iter().map(|circle| circle.join(" ")).collect::<Vec<_>>().join("\n"));
}

/// What commands say or show of the rooms that decide: types without a decision in them.
const SAID_BY_COMMANDS: [(&str, &[&str]); 3] = [
    ("plan", &["BackTo", "LeftOutReason", "OnFailure", "Plan", "PlanKind", "StageKind"]),
    ("host", &["RealFleet", "Survey"]),
    ("release", &["Mark", "Progress", "Records", "StoredRelease", "Wanted"]),
];

/// Gives what a file of the command line takes of a room that decides, beyond what it says and shows.
fn decides(source: &str) -> Vec<String> {
    let taken = paths(source).into_iter().filter(|named| named.path.first().is_some_and(|word| word == "crate"));
    let taken = taken.filter_map(|Named { path, .. }| {
        let (_, said) = SAID_BY_COMMANDS.iter().find(|(room, _)| path.get(1).is_some_and(|word| word == room))?;
        let is_said = path.get(2).is_some_and(|name| said.contains(&name.as_str()));
        (!is_said).then(|| path.join("::"))
    });
    taken.collect()
}

#[test]
fn commands_take_no_decision_from_the_rooms_below_deploy() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut found);
    let of_commands: Vec<_> = found.iter().filter(|source| source.module[0] == "cli").collect();
    assert!(of_commands.len() > 30, "only {} files were read", of_commands.len());
    let wrong: Vec<String> = of_commands
        .iter()
        .flat_map(|source| decides(&source.text).into_iter().map(|path| format!("{}: {path}", source.module.join("/"))))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert_eq!(decides("use crate::plan::{Plan, make};\nuse crate::release::Store;\nuse crate::host;").len(), 3);
}

/// The rooms that an installation passes on its way from the command line to a host, each of which hands it on to the next.
const WAY_OF_AN_INSTALLATION: [&str; 6] = ["cli", "deploy", "conductor", "engine", "host", "model"];

#[test]
fn an_installation_passes_each_room_once_on_its_way_down() {
    let place = |room: &str| ROOMS.iter().position(|known| *known == room).unwrap();
    for step in WAY_OF_AN_INSTALLATION.windows(2) {
        assert!(place(step[0]) > place(step[1]), "{} stands below {}", step[0], step[1]);
    }
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut found);
    let house = Crate::of(found);
    let uses = house.uses();
    // Whether a file of the first place takes a name from a file of the second.
    let takes = |from: &str, of: &str| {
        let is_in = |file: usize, place: &str| {
            let parts: Vec<&str> = place.split("::").collect();
            house.sources[file].module.iter().map(String::as_str).take(parts.len()).eq(parts)
        };
        (0..uses.len()).any(|file| is_in(file, from) && uses[file].iter().any(|other| is_in(*other, of)))
    };
    for step in WAY_OF_AN_INSTALLATION.windows(2) {
        assert!(takes(step[0], step[1]), "{} hands nothing to {}", step[0], step[1]);
    }
    // Nobody goes around: who asks for a rollout runs no machine, and who decides about it reaches no host.
    for (from, of) in [
        ("cli", "rollout::machine"),
        ("cli", "host::remote"),
        ("deploy", "host::remote"),
        ("conductor", "host::remote"),
        ("engine", "host::ssh"),
    ] {
        assert!(!takes(from, of), "{from} goes around, to {of}");
    }
}

#[test]
fn a_circle_over_two_folders_is_found_through_what_is_handed_on() {
    let source = |module: &[&str], folder: &str, text: &str| Source {
        module: module.iter().map(ToString::to_string).collect(),
        folder: folder.to_owned(),
        text: text.to_owned(),
    };
    let files = |of_b: &str| {
        Crate::of(vec![
            source(&["a"], "a", "mod inner;\npub use inner::Thing;"),
            source(&["a", "inner"], "a", "use crate::b::Other;"),
            source(&["b"], "b", "mod deep;\npub use deep::Other;"),
            source(&["b", "deep"], "b", of_b),
        ])
        .circles()
    };
    assert_eq!(files("use crate::a::Thing;"), [["a/inner", "b/deep"]]);
    assert_eq!(files("mod tests { use crate::a::Thing; }"), Vec::<Vec<String>>::new());
}

fn judge_folder(folder: &Path, module: &[&str], wrong: &mut Vec<String>) -> usize {
    let mut files = 0;
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let inner: Vec<&str> =
            if name == "mod" { module.to_vec() } else { module.iter().copied().chain([name]).collect() };
        if path.is_dir() {
            files += judge_folder(&path, &inner, wrong);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files += 1;
            let source = std::fs::read_to_string(&path).unwrap();
            let found = judge(&inner, &source).into_iter();
            wrong.extend(found.map(|(line, what)| format!("{}:{line}: {what}", path.display())));
        }
    }
    files
}

#[test]
fn rooms_import_downwards_only() {
    let mut wrong = Vec::new();
    let files = judge_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut wrong);
    assert!(files > ROOMS.len(), "only {files} files were read");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_room_of_the_crate_has_its_place() {
    let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let tokens = tokens(&source);
    let mut declared: Vec<&str> = tokens
        .windows(4)
        .filter_map(|window| match window {
            [(_, Token::Word(public)), (_, Token::Word(keyword)), (_, Token::Word(name)), (_, Token::Mark(';'))]
                if public == "pub" && keyword == "mod" =>
            {
                Some(name.as_str())
            }
            _ => None,
        })
        .collect();
    let mut rooms = ROOMS.to_vec();
    declared.sort_unstable();
    rooms.sort_unstable();
    assert_eq!(declared, rooms);
}

#[test]
fn a_room_that_imports_upwards_is_named_with_its_line() {
    let wrong = |module: &[&str], source: &str| judge(module, source);
    let above = |line, room: &str, other: &str| vec![(line, format!("{room} imports {other}, which is above it"))];
    assert_eq!(wrong(&["plan"], "use crate::model::HostId;\nuse crate::engine::Engine;"), above(2, "plan", "engine"));
    assert_eq!(wrong(&["host", "ssh"], "use crate::{\n    model::HostId,\n    hooks::{Site, SiteError},\n};").len(), 2);
    assert_eq!(
        wrong(&["model", "host"], "fn f() { let x = crate::rollout::State::new(); }"),
        above(1, "model", "rollout")
    );
    assert_eq!(wrong(&["model", "host"], "use super::super::plan;"), above(1, "model", "plan"));
    assert_eq!(wrong(&["model"], "use super::plan::Plan;"), above(1, "model", "plan"));
    assert_eq!(wrong(&["model"], "mod tests {\n use super::super::plan::Plan;\n}"), above(2, "model", "plan"));
    assert_eq!(wrong(&["journal", "index"], "mod tests { use super::super::plan; }\nuse crate::cli::Cli;").len(), 1);
    assert_eq!(wrong(&["tui"], "let a = 'a'; let b: &'static str = \"\\\"\"; use crate::cli;"), above(1, "tui", "cli"));
    assert_eq!(wrong(&["tui"], "let a = r#\"\"text\"\n\"#; use crate::cli;"), above(2, "tui", "cli"));
}

#[test]
fn a_room_that_decides_may_not_touch_the_world() {
    for source in [
        "use std::fs;",
        "use std::{fmt, fs::File};",
        "use std::time::{Duration, Instant};",
        "let now = jiff::Timestamp::now();",
        "let now = Timestamp::now();",
        "use std::time; fn f() { time::Instant::now(); }",
        "tokio::spawn(async {});",
        "std::env::var(\"HOME\")",
        "use std::process::Command;",
    ] {
        assert_eq!(judge(&["rollout", "machine"], source).len(), 1, "{source}");
        assert_eq!(judge(&["engine", "run"], source), Vec::new(), "{source}");
    }
}

#[test]
fn what_is_not_code_and_what_points_downwards_is_left_alone() {
    for source in [
        "// use crate::engine::Engine;",
        "/* crate::engine /* nested */ crate::engine */",
        "//! [`crate::engine`]",
        "let text = \"crate::engine and std::fs\";",
        "use crate::model::{HostId, Version};",
        "use super::machine::Machine;",
        "use std::time::Duration;",
        "self.engine::<u8>();",
        "let machine = Machine { state: State::new(), plan };",
    ] {
        assert_eq!(judge(&["rollout", "state"], source), Vec::new(), "{source}");
    }
}

#[test]
fn every_test_that_the_page_on_trust_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("assets/trust.md")).unwrap();
    let names = page.split(['`', ' ']).filter(|word| word.matches('_').count() > 3);
    let mut missing: Vec<&str> = names.collect();
    assert!(missing.len() > 12, "{missing:?}");
    let mut folders = vec![root.join("src"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&entry).unwrap();
                missing.retain(|name| !text.contains(&format!("fn {name}(")));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}
