//! The dead man's switch: a host that cannot be reached after its switch takes it back itself.

use std::fs;

use crate::fleet::{Answer, Fleet, coalmine, until};
use crate::hosts::mw;

#[test]
fn a_host_that_is_lost_right_after_its_switch_goes_back_by_itself_and_is_debt() {
    let fleet = Fleet::of_scripts(4);
    let lost = mw(3, 4);
    fleet.configure(|text| {
        let text = text.replace("keep    = 3", "keep    = 3\nconfirm = \"20s\"");
        let text = text.replace("\"5s\"\nalive = \"5s\"", "\"4s\"\nalive = \"2s\"");
        text.replace("unreachable = \"10%\", transfer = \"5%\"", "unreachable = 1, transfer = 1")
            .replace("unhealthy = \"5%\"", "unhealthy = 1")
            .replace("hosts   = \"@canaries\"", "hosts   = \"mw01.eqiad.sandbox\"")
    });
    fleet.install(&["1.0.0"]).exits(0);
    fleet.install(&["1.2.0", "--prime"]).exits(0);
    // Right before its switch it gets so busy that the new connection, which is to confirm that, comes to nothing.
    let fault = format!("{} sandbox fault {lost} hang-exec --dir {}", coalmine().display(), fleet.dir.display());
    fleet.configure(|text| {
        format!("{text}\n[hooks.before]\nhost_switch = '''case {{host}} in {lost}) {fault} ;; esac'''\n")
    });
    let rollout = fleet.start(&["install-world", "1.2.0", "--yes", "--headless"]);
    let folder = fleet.root(&lost).join(".coalmine");
    until("the switch to be armed", || {
        let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.into_iter().any(|name| name.starts_with("armed.")).then_some(())
    });
    until("the switch", || (fleet.runs(&lost).as_deref() == Some("1.2.0")).then_some(()));
    fleet.fault(&lost, "down");
    let answer = Answer::of(rollout.wait_with_output().unwrap()).exits(3);
    answer.says("1.2.0 is on 3 hosts, and not on 1 host").says(&lost);
    until("its way back", || (fleet.runs(&lost).as_deref() == Some("1.0.0")).then_some(()));
    until("the note of it", || {
        let log = fleet.log(&lost);
        log.iter().any(|line| line.contains("not confirmed in time: current went back to releases/1.0.0")).then_some(())
    });
    fleet.all_run([1, 2, 4].map(|number| mw(number, 4)), Some("1.2.0"));

    fleet.fault(&lost, "none");
    let (code, status) = fleet.status(&["1.2.0"]);
    assert_eq!((code, &status["counts"]["current"], &status["counts"]["outdated"]), (Some(9), &3.into(), &1.into()));
}
