//! A beta: an environment that follows a branch and goes back by one choice, and the fleet on which a branch is tried.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::fleet::{Answer, Fleet, coalmine};
use crate::hosts::{git, mw};
use crate::pty::Pty;

/// The last host of four is the beta's, with a stage of its own.
const BETA: &str = r#"
[environments.beta]
hosts = "mw04.codfw.sandbox"
channel = "branch:main"

[[environments.beta.stages]]
name = "all"
soak = "0s"
"#;

fn head(product: &Path) -> String {
    let output = Command::new("git").arg("-C").arg(product).args(["rev-parse", "HEAD"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_beta_follows_its_branch_goes_back_by_one_choice_and_refuses_a_branch_that_was_rewritten() {
    let fleet = Fleet::of_scripts(4);
    let (product, beta_host) = (fleet.dir.join("product"), mw(4, 4));
    git(&fleet.dir, &["clone", "--quiet", "--bare", "product", "upstream.git"]);
    git(&product, &["remote", "add", "origin", "../upstream.git"]);
    fleet.configure(|text| {
        let text = text.replace("remote     = \"\"", "remote     = \"origin\"");
        text.replace("hosts    = \"@all\"", "hosts    = \"@all!mw04*\"") + BETA
    });
    let push = |version: &str| {
        fleet.commit(version, |_| {});
        git(&product, &["push", "--quiet", "--force", "origin", "HEAD"]);
    };
    let beta = |arguments: &[&str]| fleet.coalmine(&[&["-e", "beta"], arguments].concat());
    let newer = ["install-world", "--if-newer", "--yes", "--headless"];
    fleet.coalmine(&["status"]).exits(2).says("beta");
    fleet.coalmine(&["-e", "gamma", "install-world", "--yes"]).exits(2).says("gamma").says("beta");
    fleet.coalmine(&["-e", "sandbox", "install-world", "--yes", "--headless"]).exits(0).says("1.2.0 runs on 3 hosts");

    // After every merge, by itself; and without a word where nothing was merged.
    push("one");
    beta(&newer).exits(0).says("1.2.0-1-g").says("runs on 1 host");
    let answer = beta(&newer).exits(0);
    assert_eq!((answer.stdout.as_str(), answer.stderr.as_str()), ("", ""));
    push("two");
    beta(&newer).exits(0).says("1.2.0-2-g");
    let second = fleet.runs(&beta_host).unwrap();
    // Commits are behind the tag that they follow, and before the next.
    beta(&["status"]).exits(0).says(&second);
    beta(&["status", "1.2.0"]).exits(9).says("ahead");
    git(&product, &["tag", "1.3.0-rc1", "1.2.0"]);
    git(&product, &["push", "--quiet", "origin", "1.3.0-rc1"]);
    beta(&["status", "1.3.0-rc1"]).exits(9).says("outdated");
    // What was only looked at, or built, may be taken back.
    let given = head(&product);
    push("a mistake");
    beta(&["plan"]).exits(9).says("1.2.0-3-g");
    beta(&["build", "latest"]).exits(0);
    git(&product, &["reset", "--quiet", "--hard", &given]);
    git(&product, &["push", "--quiet", "--force", "origin", "HEAD"]);
    assert_eq!(beta(&newer).exits(0).stdout, "", "the branch is what hosts were given");

    // Another branch, and what ran before, are one choice away.
    git(&product, &["switch", "--quiet", "--create", "fix/one"]);
    push("three");
    git(&product, &["switch", "--quiet", "main"]);
    let pick = || Pty::open(&fleet, &["-e", "beta", "install-world", "--pick", "--yes", "--headless"], &[]);
    let before = fleet.picture();
    let mut asking = pick();
    let shown = asking.shows("Type the number of one");
    let line = |part: &str| {
        let found = shown.lines().find(|line| line.contains(part));
        found.unwrap_or_else(|| panic!("nothing says {part}:\n{shown}")).to_owned()
    };
    assert!(line("head of main").starts_with(&format!("1  {second}")), "{shown}");
    assert!(line("head of main").contains("on 1 host, head of main, good"), "{shown}");
    assert!(line("head of fix/one").contains("1.2.0-3-g"), "{shown}");
    assert!(line("  1.2.0 ").contains("on no host"), "{shown}");
    asking.types("none of these");
    let (code, shown) = asking.ends();
    assert!(code == 130 && shown.contains("no version was picked; nothing was changed"), "{code}: {shown}");
    assert_eq!(fleet.picture(), before);
    for (part, runs) in [("ran before", "1.2.0-1-g"), ("head of fix/one", "1.2.0-3-g"), ("head of main", "1.2.0-2-g")] {
        let mut asking = pick();
        let shown = asking.shows("Type the number of one");
        let line = shown.lines().find(|line| line.contains(part)).unwrap();
        asking.types(line.split_whitespace().next().unwrap());
        let (code, shown) = asking.ends();
        assert_eq!(code, 0, "{shown}");
        assert!(fleet.runs(&beta_host).unwrap().starts_with(runs), "{part}: {shown}");
    }

    // Somebody takes commits back that the hosts run: a person has to see that, and it is said how.
    git(&product, &["reset", "--quiet", "--hard", "1.2.0"]);
    push("other");
    let before = fleet.picture();
    for command in [&newer[..], &["plan"], &["install-world", "--yes"]] {
        let refused = beta(command).exits(1).says("the branch \"main\" was rewritten: its head ");
        assert!(refused.stderr.contains(&head(&product)[..10]), "{refused:?}");
    }
    assert_eq!(fleet.picture(), before);
    beta(&["status"]).exits(9);
    beta(&["install-world", "--rev", &head(&product)[..10], "--yes", "--headless"]).exits(0).says("runs on 1 host");
    push("next");
    beta(&newer).exits(0).says("1.2.0-2-g");
    fleet.configure(|text| text.replace("branch:main", "branch:mian"));
    beta(&newer).exits(1).says("there is no branch \"mian\" at origin").says("main");

    // The others noticed nothing of it.
    fleet.all_run((1..=3).map(|number| mw(number, 4)), Some("1.2.0"));
    fleet.coalmine(&["-e", "sandbox", "status", "1.2.0"]).exits(0);
}

#[test]
fn the_job_of_a_continuous_integration_tries_a_branch_on_a_fleet_of_its_own() {
    let folder = tempfile::Builder::new().prefix("coalmine-ci-").tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["bin", "tmp", "checkout/tree/bin"] {
        fs::create_dir_all(at(name)).unwrap();
    }
    symlink(coalmine(), at("bin/coalmine")).unwrap();
    git(&at("checkout"), &["init", "--quiet"]);
    let branch = |name: &str, script: &str| {
        let file = at("checkout/tree/bin/tool");
        git(&at("checkout"), &["switch", "--quiet", "--force-create", name]);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        git(&at("checkout"), &["add", "--all"]);
        git(&at("checkout"), &["commit", "--quiet", "--message", name]);
    };
    branch("works", "case $1 in selftest) echo \"it works in $PWD\" ;; esac");
    branch("fails", "case $1 in selftest) exit 44 ;; esac");
    branch("breaks", "exit 5");
    let job = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/ci/test-branch.sh");
    let run = |branch: &str| {
        let mut command = Command::new("sh");
        command.arg(&job).arg(at("checkout")).arg(branch);
        let path = format!("{}:{}", at("bin").display(), std::env::var("PATH").unwrap());
        command.env("PATH", path).env("TMPDIR", at("tmp")).env("BUILD", "cp -a tree/. {prefix}/");
        Answer::of(command.env("LANG", "C.UTF-8").output().unwrap())
    };
    let answer = run("works");
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert_eq!(answer.stdout.matches("it works in ").count(), 3, "{answer:?}");
    let answer = run("fails");
    assert_eq!(answer.code, Some(44), "the test's own: {answer:?}");
    let answer = run("breaks");
    assert_eq!(answer.code, Some(1), "it is never built: {answer:?}");
    assert_eq!(fs::read_dir(at("tmp")).unwrap().count(), 0, "it leaves nothing");
}
