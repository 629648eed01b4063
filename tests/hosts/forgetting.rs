//! Sessions in which each step finds whatever the step before left spoiled or gone: none of them may need it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use coalmine::host::{GateCheck, Host as _, Survey, TransferSettings};
use coalmine::model::{PackWhen, RollBackTarget, Slot, Verdict};

use crate::failing::tools;
use crate::programs::lock;
use crate::stage::{current, me, rollout, temporary};
use crate::userlands::{OPERATIONS, Stand, switch};

/// A shell that reads what a host's reads, with a function called before each step that spoils the variables.
const SHELL: &str = r#"#!/usr/bin/dash
[ "$*" = -s ] || exec /usr/bin/dash "$@"
/usr/bin/sed -u -f '{folder}/spoil.sed' | exec /usr/bin/dash -s
"#;

/// What puts that function before the one that does a step, and its call into it.
const SPOILS: &str = r#"/^do_step() {$/i\
spoil() {\
    set >'{folder}/set'\
    printf 'step\\n' >>'{folder}/spoiled'\
    while IFS= read -r spoiled; do\
        case $spoiled in [a-z]*=*) spoiled=${spoiled%%=*} ;; *) continue ;; esac\
        case $spoiled in *[!a-z0-9_]*) continue ;; esac\
        case ' {kept} spoiled ' in *" $spoiled "*) continue ;; esac\
        printf '%s\\n' "$spoiled" >>'{folder}/names'\
        {how}\
    done <'{folder}/set'\
}
s/^eval "\$1"$/spoil; eval "$1"/
"#;

/// What stays when a step is over: what the library sets as it is read, what a session sets as it begins, and what `forget_step` sets anew.
fn kept() -> BTreeSet<String> {
    let mut kept: BTreeSet<String> = ["is_shared", "begun_in"].map(str::to_owned).into();
    let mut keep = |line: &str| {
        let words = line.split_whitespace().filter_map(|word| word.split_once('=')).map(|(name, _)| name);
        let is_name =
            |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        kept.extend(words.filter(is_name).map(str::to_owned));
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/remote");
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let is_alone = ["bootstrap.sh", "dead_man.sh"].iter().any(|alone| entry.ends_with(alone));
        if !is_alone && entry.extension().is_some_and(|end| end == "sh") {
            let text = fs::read_to_string(&entry).unwrap();
            text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase())).for_each(&mut keep);
        }
    }
    let prelude = include_str!("../../assets/remote/prelude.sh");
    let (_, forgets) = prelude.split_once("\nforget_step() {").unwrap();
    let (forgets, _) = forgets.split_once("\n}").unwrap();
    forgets.lines().filter(|line| !line.trim_start().starts_with('#')).for_each(&mut keep);
    kept.extend(forgets.split_whitespace().filter(|word| word.starts_with("p_")).map(str::to_owned));
    kept.insert("p_dead_man".to_owned());
    kept
}

/// Makes the programs of a host whose shell spoils variables so.
fn spoiling(folder: &Path, how: &str) {
    let kept = kept().into_iter().collect::<Vec<_>>().join(" ");
    let fill = |text: &str| {
        let folder = folder.display().to_string();
        text.replace("{folder}", &folder).replace("{kept}", &kept).replace("{how}", how)
    };
    fs::write(folder.join("spoil.sed"), fill(SPOILS)).unwrap();
    fs::write(folder.join("sh"), fill(SHELL)).unwrap();
    fs::set_permissions(folder.join("sh"), fs::Permissions::from_mode(0o755)).unwrap();
    // Where it lacks gzip the library comes as it is.
    for tool in tools().into_iter().chain(["setsid", "tar", "zstd"]) {
        symlink(Path::new("/usr/bin").join(tool), folder.join(tool)).unwrap();
    }
}

/// What a step left is nobody's word to the next: where one looked at it, a fence, a slot or a link of another step would be taken for its own.
#[tokio::test]
async fn no_step_needs_or_heeds_what_the_step_before_it_left() {
    let mut names = BTreeSet::new();
    let ways = [("unset \"$spoiled\"", PackWhen::Never), ("eval \"$spoiled='spoiled -x *'\"", PackWhen::Always)];
    for (how, packs) in ways {
        let folder = temporary();
        spoiling(folder.path(), how);
        let transfer = TransferSettings { packs, ..TransferSettings::default() };
        let stand = Stand::new(&folder.path().display().to_string(), transfer);
        for operation in OPERATIONS {
            let done = stand.works(operation).await;
            assert!(matches!(done, Ok(true)), "{how}: {operation}: {done:?}");
        }
        let done = the_rest(&stand).await;
        assert!(done.is_ok(), "{how}: {done:?}");
        let steps = fs::read_to_string(folder.path().join("spoiled")).unwrap().lines().count();
        assert!(steps > 50, "{steps} steps were spoiled");
        names.extend(fs::read_to_string(folder.path().join("names")).unwrap().lines().map(str::to_owned));
    }
    assert!(names.len() > 50, "{names:?}");
}

/// Does what no operation of the table does.
async fn the_rest(stand: &Stand) -> Result<(), coalmine::host::HostError> {
    let (host, two) = (&stand.host, &stand.two);
    let armed = switch(None, 600);
    // What is there already is not switched to, and nothing to be confirmed.
    assert!(stand.transfer(&stand.one, &switch(None, 0)).await?);
    assert!(stand.transfer(two, &armed).await?);
    host.renew(&lock("r")).await?;
    host.confirm(&armed.rollout).await?;
    let fails = GateCheck {
        name: "fails".into(),
        run: "printf 'two\\nlines\\n'; exit 4".into(),
        environment: Vec::new(),
        timeout: Duration::from_secs(30),
        retries: 1,
        dry: false,
    };
    let reports = host.check(&[fails]).await?;
    assert_eq!((reports[0].verdict, reports[0].output.as_str()), (Verdict::Fail, "two\nlines"));
    host.finalize(&two.id, &rollout("r"), None).await?;
    host.lock(&lock("r2"), None).await?;
    assert!(host.break_lock(&rollout("r2"), &me(), None).await?.is_some());
    host.lock(&lock("r3"), None).await?;
    host.unlock(&rollout("r3")).await?;
    host.lock(&lock("r4"), None).await?;
    host.remove_slot(&Slot::new("beta").unwrap(), &rollout("r4")).await?;
    host.unlock(&rollout("r4")).await?;
    let back = switch(None, 0);
    host.lock(&lock("r"), None).await?;
    host.roll_back(&RollBackTarget::Nothing, None, &back).await?;
    assert_eq!(current(stand.root.path()), Path::new(""));
    host.finalize_back(&RollBackTarget::Nothing, &back.rollout, None).await?;
    host.probe(&Survey::Files, None).await?;
    Ok(())
}
