use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::fixture::{COPY, StateFolder, by_commands, product_with, refused, request};

#[tokio::test]
async fn a_build_sees_a_clean_environment_and_a_check_sees_none() {
    let product = product_with(&[("tool", "")]);
    let state = StateFolder::new();
    let show = "env | grep -E '^(PYTHON|LC_|TZ|SOURCE_DATE)' | grep -v PYTHONDONT | sort > {prefix}/env";
    let check = "test \"$(env | cut -d= -f1 | grep -vE '^(PWD|SHLVL|_|OLDPWD)$' | sort | tr '\\n' ' ')\" = \
        'COALMINE_PREFIX COALMINE_VERSION HOME LC_ALL PATH PIP_DISABLE_PIP_VERSION_CHECK PIP_NO_INPUT \
        PYTHONDONTWRITEBYTECODE PYTHONHASHSEED PYTHONNOUSERSITE TMPDIR TZ '"
        .replace("        ", "");
    let release = state.prepare(&request(&product, "1.0", by_commands(&[COPY, show], &check))).await.unwrap();
    assert_eq!(
        fs::read_to_string(release.tree.join("env")).unwrap(),
        "LC_ALL=C.UTF-8\nPYTHONHASHSEED=0\nPYTHONNOUSERSITE=1\nSOURCE_DATE_EPOCH=1714979289\nTZ=UTC\n"
    );
}

/// Waits until a process is gone; `/proc` also shows those that nobody reaped, so their state is looked at.
async fn gone(pid: &str) -> bool {
    for _ in 0..1200 {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if stat.is_empty() || stat.contains(") Z ") {
            return true;
        }
        sleep(Duration::from_millis(50)).await;
    }
    false
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_killed_with_all_that_it_started() {
    let product = product_with(&[("tool", "")]);
    let pids = tempfile::tempdir().unwrap();
    let pid = pids.path().join("pid");
    let mut spec = by_commands(&[&format!("sleep 600 & echo $! > {}; wait", pid.display())], "true");
    // A shell has to begin in that time.
    spec.deadline = Duration::from_secs(3);
    let error = refused(&product, spec).await.to_string();
    assert!(error.contains("did not end within 3 seconds and was killed"), "{error}");
    assert!(gone(fs::read_to_string(pid).unwrap().trim()).await);
}

#[tokio::test]
async fn what_a_command_leaves_running_does_not_hold_the_build_up() {
    let product = product_with(&[("tool", "")]);
    let pids = tempfile::tempdir().unwrap();
    let pid = pids.path().join("pid");
    let state = StateFolder::new();
    let spec = by_commands(&[COPY, &format!("sleep 600 & echo $! > {}", pid.display())], "true");
    timeout(Duration::from_secs(120), state.prepare(&request(&product, "1.0", spec))).await.unwrap().unwrap();
    assert!(gone(fs::read_to_string(pid).unwrap().trim()).await);
}

#[tokio::test]
async fn a_build_that_is_given_up_is_killed_and_leaves_nothing() {
    let product = product_with(&[("tool", "")]);
    let pids = tempfile::tempdir().unwrap();
    let pid = pids.path().join("pid");
    let state = StateFolder::new();
    let spec = by_commands(&[COPY, &format!("sleep 600 & echo $! > {}; wait", pid.display())], "true");
    let request = request(&product, "1.0", spec);
    let watch = async {
        while fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')).eq(&false) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        result = state.prepare(&request) => panic!("{result:?}"),
        () = watch => {}
    }
    assert!(gone(fs::read_to_string(pid).unwrap().trim()).await);
    assert_eq!(state.stored(), Vec::<String>::new());
}

/// Where the next test's other process finds repository and state.
const KILLED: [&str; 2] = ["TEST_KILLED_BUILD_REPOSITORY", "TEST_KILLED_BUILD_STATE"];

/// Does nothing by itself: the next test runs it in a process that it kills.
#[tokio::test]
async fn a_build_to_be_killed() {
    let [Some(repository), Some(state)] = KILLED.map(std::env::var_os) else { return };
    let store = super::Store::open(Path::new(&state)).unwrap();
    let mut request = request(&product_with(&[]), "1.0", by_commands(&[COPY, "sleep 2 & wait"], "true"));
    request.source.repository = repository.into();
    super::prepare(&store, &request, &|_| {}).await.unwrap();
}

#[tokio::test]
async fn a_build_killed_midway_leaves_nothing_that_looks_finished_and_the_next_cleans_up() {
    let product = product_with(&[("tool", "")]);
    let state = StateFolder::new();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "release::run_tests::a_build_to_be_killed"])
        .env(KILLED[0], product.path())
        .env(KILLED[1], state.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let copied = || {
        let stored = state.stored();
        stored.first().is_some_and(|work| state.path().join("releases").join(work).join("root/tool").exists())
    };
    timeout(Duration::from_secs(120), async {
        while !copied() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let left = state.stored();
    assert!(left.iter().all(|name| name.starts_with(".building-")), "{left:?}");
    assert!(state.store.list().unwrap().is_empty());
    let release =
        state.prepare(&request(&product, "1.0", by_commands(&[COPY, "sleep 2 & wait"], "true"))).await.unwrap();
    assert_eq!(state.stored(), [release.id.to_string()]);
}
