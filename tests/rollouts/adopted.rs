//! A folder where the link belongs, as it is wherever something else than coalmine installed the product before.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::fleet::Fleet;
use crate::hosts::mw;

#[test]
fn a_folder_in_the_links_place_is_kept_as_a_release_and_put_back_by_a_rollback() {
    let fleet = Fleet::of_scripts(2);
    let host = mw(2, 2);
    let folder = fleet.root(&host).join("current");
    fs::create_dir_all(folder.join("bin")).unwrap();
    fs::create_dir_all(folder.join("by hand")).unwrap();
    fs::write(folder.join("bin/tool"), "#!/bin/sh\necho tool 0.9.0\n").unwrap();
    fs::set_permissions(folder.join("bin/tool"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.join("by hand/it's here"), "keep me\n").unwrap();
    let (_, status) = fleet.status(&["1.0.0"]);
    assert_eq!(
        (&status["hosts"][1]["state"], &status["hosts"][1]["version"]),
        (&"unmanaged".into(), &"tool 0.9.0".into())
    );

    // It fails on that host alone, and the folder's content is what runs there again.
    fleet.tag("2.0.0", |tree| {
        let script = "#!/bin/sh\n[ \"$1 $COALMINE_HOST\" != 'check mw02.codfw.sandbox' ] || exit 3\n";
        fs::write(tree.join("bin/tool"), script).unwrap();
    });
    fleet.install(&["2.0.0"]).exits(6);
    assert_eq!(fleet.runs(&host).as_deref(), Some("0.9.0"), "it is a release now, and whole");
    assert_eq!(fs::read_to_string(folder.join("by hand/it's here")).unwrap(), "keep me\n");
    assert_eq!(fleet.runs(&mw(1, 2)), None, "the other had none before, and has none");

    fleet.install(&["1.0.0"]).exits(0).says("1.0.0 runs on 2 hosts");
    fleet.all_run(fleet.hosts(), Some("1.0.0"));
    let kept = fs::read_dir(fleet.root(&host).join("releases")).unwrap();
    let kept: Vec<String> = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(kept.iter().any(|name| name.starts_with("0.9.0-")), "{kept:?}");

    // No commit makes it again, and nobody has to: the host holds it. It stays there for as long as nobody removes it.
    let back =
        |arguments: &[&str]| fleet.coalmine(&[&["rollback", "--yes", "--headless", "-l", &host], arguments].concat());
    back(&[]).exits(0);
    assert_eq!(fleet.runs(&host).as_deref(), Some("0.9.0"));
    for version in ["1.0.0", "1.2.0"] {
        fleet.install(&[version, "--even-bad", "-l", &host]).exits(0);
    }
    back(&["--to", "adopted"]).exits(0);
    assert_eq!(fleet.runs(&host).as_deref(), Some("0.9.0"));
    assert_eq!(fs::read_to_string(folder.join("by hand/it's here")).unwrap(), "keep me\n");
    back(&["--to", "adopted"]).exits(0).says("nothing is to be done");
    assert!(fleet.log(&host).iter().any(|line| line.contains("kept the folder current as 0.9.0-")));
}

#[test]
fn releases_of_another_tool_are_left_alone_and_its_link_is_gone_back_to() {
    let fleet = Fleet::of_scripts(4);
    fleet.tag("1.1.0", |_| {});
    fleet.tag("2.0.0", |tree| fs::write(tree.join("bin/tool"), "#!/bin/sh\n[ \"$1\" != check ]\n").unwrap());
    let (relative, absolute) = (mw(4, 4), mw(3, 4));
    let place = |host: &str| fleet.root(host).join("releases/20250104");
    for host in [&relative, &absolute] {
        let root = fleet.root(host);
        for folder in ["20250103", "20250104/bin", "notes"] {
            fs::create_dir_all(root.join("releases").join(folder)).unwrap();
        }
        fs::write(place(host).join("uploads"), "data\n").unwrap();
        fs::write(place(host).join("bin/tool"), "#!/bin/sh\necho old\n").unwrap();
        fs::set_permissions(place(host).join("bin/tool"), fs::Permissions::from_mode(0o755)).unwrap();
    }
    std::os::unix::fs::symlink("releases/20250104", fleet.root(&relative).join("current")).unwrap();
    std::os::unix::fs::symlink(place(&absolute), fleet.root(&absolute).join("current")).unwrap();
    let points_at = |host: &str| fs::read_link(fleet.root(host).join("current")).unwrap();
    let both = format!("{relative},{absolute}");

    // The first release fails, and what was there before is there again.
    fleet.install(&["2.0.0", "-l", &both]).exits(6);
    assert_eq!(points_at(&relative).to_str(), Some("releases/20250104"));
    assert_eq!(points_at(&absolute), place(&absolute));

    // Releases come and go; what coalmine did not make is no release of its own, counted or pruned.
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        fleet.install(&[version, "-l", &both]).exits(0);
    }
    for host in [&relative, &absolute] {
        let names = fs::read_dir(fleet.root(host).join("releases")).unwrap();
        let mut names: Vec<String> = names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        let names: Vec<&str> = names.iter().map(|name| name.split('-').next().unwrap()).collect();
        for name in ["1.0.0", "1.1.0", "1.2.0", "20250103", "20250104", "notes"] {
            assert!(names.contains(&name), "{host}: {name} is not there: {names:?}");
        }
        assert_eq!(fs::read_to_string(place(host).join("uploads")).unwrap(), "data\n");
    }
    let back = |arguments: &[&str]| fleet.coalmine(&[&["rollback", "--yes", "--headless"], arguments].concat());
    back(&["--to", "adopted", "-l", &both]).exits(0);
    assert_eq!(points_at(&relative).to_str(), Some("releases/20250104"));
    assert_eq!(points_at(&absolute), place(&absolute));

    // Somebody removes it: that is told before anything.
    fleet.install(&["1.2.0", "--even-bad", "-l", &relative]).exits(0);
    fs::remove_dir_all(place(&relative)).unwrap();
    let answer = back(&["--to", "adopted", "-l", &relative]).exits(1);
    answer.says(&format!("{relative} had releases/20250104 before, and somebody removed that"));
}
