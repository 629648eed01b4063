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

    // No commit makes it again, so a rollback by name cannot have it, and says so.
    let before = fleet.picture();
    let answer = fleet.coalmine(&["rollback", "--yes", "--headless", "-l", &host]).exits(1);
    answer.says("was good before on most hosts, and cannot be built again: there is no tag \"0.9.0\"");
    assert_eq!(fleet.picture(), before);

    assert!(fleet.log(&host).iter().any(|line| line.contains("kept the folder current as 0.9.0-")));
}
