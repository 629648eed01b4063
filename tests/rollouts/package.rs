//! From a package to releases: beside it, tested, switched another day, and back.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::fleet::{Answer, Fleet};
use crate::hosts::mw;

#[test]
fn a_release_is_primed_beside_a_package_tested_switched_another_day_and_the_package_gone_back_to() {
    let fleet = Fleet::of_scripts(2);
    fleet
        .configure(|text| text.replace("version_command = \"bin/tool version\"", "version_command = \"tool version\""));
    let (host, package) = (mw(1, 2), fleet.dir.join("usr/bin"));
    fs::create_dir_all(&package).unwrap();
    fs::write(package.join("tool"), "#!/bin/sh\necho tool 0.9.0\n").unwrap();
    fs::set_permissions(package.join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
    // Where a package's tool is found by every shell.
    let enter = fleet.dir.join("bin/enter.sh");
    let text = fs::read_to_string(&enter).unwrap();
    fs::write(
        &enter,
        text.replace("/sbin:/bin$SANDBOX_PATH", &format!("/sbin:/bin:{}$SANDBOX_PATH", package.display())),
    )
    .unwrap();
    let profile = |path: &str| {
        for number in 1..=2 {
            let home = fleet.dir.join("hosts").join(mw(number, 2));
            fs::write(home.join(".profile"), format!("echo Welcome\nPATH={path}:/usr/bin:/bin\nexport PATH\n"))
                .unwrap();
        }
    };
    let packaged = package.display().to_string();
    profile(&packaged);
    let on_host = |command: &str| {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(fleet.dir.join("ssh_config")).args([&host, command]);
        Answer::of(ssh.output().unwrap()).exits(0).stdout
    };
    let unmanaged = |told: &str| {
        let (code, status) = fleet.status(&["1.0.0"]);
        assert_eq!((code, &status["counts"]["unmanaged"]), (Some(9), &2.into()), "{told}: {status}");
        assert_eq!(status["hosts"][0]["version"], "tool 0.9.0", "{told}: {status}");
        fleet
            .coalmine(&["status", "1.0.0"])
            .exits(9)
            .says("unmanaged")
            .says("/usr/bin/tool was installed by something else");
        assert_eq!(on_host("tool version"), "tool 0.9.0\n", "{told}");
    };
    unmanaged("before anything");
    let doctor = || fleet.coalmine(&["doctor"]).exits(0);
    doctor().says(&format!("is unmanaged: its PATH runs {packaged}/tool, which something else installed"));

    // Beside it, and tried by its path: nobody who types its name notices.
    fleet.install(&["1.0.0", "--prime"]).exits(0).says("1.0.0 is on 2 hosts and switched on none");
    unmanaged("what is primed runs nowhere");
    assert_eq!(on_host("minewatch/releases/1.0.0-*/bin/tool version"), "1.0.0\n");

    // Another day, newer tags or not.
    fleet.tag("1.4.0", |_| {});
    fleet.install(&["--activate-only"]).exits(0).says("1.0.0 runs on 2 hosts").says("travelled nothing");
    fleet.all_run([mw(1, 2), mw(2, 2)], Some("1.0.0"));
    let shadowed = format!("its PATH runs {packaged}/tool, and not minewatch/current/bin/tool");
    doctor().says(&shadowed).says("what is installed there is shadowed");
    profile(&format!("$HOME/minewatch/current/bin:{packaged}"));
    doctor().says("/minewatch/current/bin/tool, which is minewatch/current/bin/tool");
    profile("/usr/sbin");
    let answer = doctor().says("its PATH does not have it: run minewatch/current/bin/tool");
    assert!(!answer.stdout.contains("shadowed"), "{answer:?}");

    // And back to the package: the link goes, and the package was never touched.
    let back = ["rollback", "--to", "adopted", "--yes", "--headless"];
    fleet.coalmine(&back).exits(0);
    assert!(!fleet.root(&host).join("current").exists(), "there was none before");
    unmanaged("back again");
    fleet.coalmine(&back).exits(0).says("nothing is to be done");

    // Where there is no package, nobody takes the last that runs away by that name.
    fleet.install(&["1.0.0", "--even-bad"]).exits(0);
    fs::remove_dir_all(&package).unwrap();
    fleet.coalmine(&back).exits(1).says("had nothing before").says("nothing was changed");
    fleet.all_run([mw(1, 2), mw(2, 2)], Some("1.0.0"));
}
