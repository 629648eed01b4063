#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::path::Path;
use std::process::Command;

use crate::fleet::Fleet;
use crate::terminal::{ENTER, Opening, Terminal};

fn git(folder: &Path, arguments: &[&str]) {
    let names = ["-c", "user.name=Amy", "-c", "user.email=amy@example.org"];
    let done = Command::new("git").arg("-C").arg(folder).args(names).args(arguments).output().unwrap();
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn the_console_offers_the_heads_of_branches_and_names_debt_that_another_deploy_server_left() {
    let mut fleet = Fleet::up(2);
    let config = fleet.dir.join("coalmine.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("[build]", "state_branch = \"coalmine/state\"\n[build]");
    let followed = text.replace("channel  = \"tags\"", "channel  = \"branch:main\"");
    assert_ne!(text, followed);
    std::fs::write(&config, followed).unwrap();
    let product = fleet.dir.join("product");
    git(&product, &["switch", "--quiet", "--create", "fix/one", "1.2.0"]);
    git(&product, &["commit", "--quiet", "--allow-empty", "--message", "a fix"]);
    git(&product, &["push", "--quiet", "origin", "fix/one"]);

    fleet.fault("mw02.codfw.sandbox", "refuses");
    let install = ["install-world", "1.2.0", "--yes", "--no-soak", "--skip-unreachable"];
    fleet.coalmine(&install).exits(4);
    fleet.fault("mw02.codfw.sandbox", "none");

    // Another deploy server has no journal of that.
    fleet.state = fleet.dir.join("elsewhere");
    let mut console = Terminal::open(&fleet, &Opening::BARE);
    console.shows("in debt: 1 host (unknown): mw02.codfw.sandbox");
    console.press("2");
    console.wait("both branches", |screen| {
        let row = |version: &str, branch: &str| {
            screen.rows(0, 80).any(|row| row.contains(version) && row.trim_end().ends_with(branch))
        };
        row(" 1.2.0-1-g", " fix/one") && row(" ", " main")
    });
    console.shows("the head of main: Enter makes the plan of one");
    console.select("1.2.0-1-g");
    console.shows("the head of fix/one:");
    console.press(ENTER);
    console.shows("install 1.2.0-1-g");
    console.shows("on 2 hosts");
    console.press("q");
    assert_eq!(console.ends(), 0);
    assert_eq!(fleet.conductor(), None, "nothing was started");
}
