use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::fixture::{Product, StateFolder, by_commands, files_with, python_product, request, shell, venv};
use super::{BuildKind, BuildSpec, Progress, ReleaseError, Step};
use crate::manifest::{MANIFEST, Manifest, ManifestError};
use crate::model::Modes;

const COPY: &str = "cp -a files/. {prefix}";

fn product_with(files: &[(&str, &str)]) -> Product {
    let product = Product::new();
    for (name, content) in files {
        product.write(&format!("files/{name}"), content);
    }
    product.tag("1.0");
    product
}

fn with_before(before: &str, spec: BuildSpec) -> BuildSpec {
    BuildSpec { before: vec![shell(before)], ..spec }
}

/// Builds what must not become a release, and gives the error after making sure that nothing is left.
async fn refused(product: &Product, spec: BuildSpec) -> ReleaseError {
    let state = StateFolder::new();
    let error = state.prepare(&request(product, "1.0", spec)).await.unwrap_err();
    assert_eq!(state.stored(), Vec::<String>::new(), "{error}");
    assert!(state.store.list().unwrap().is_empty());
    error
}

#[tokio::test]
async fn a_release_holds_what_the_build_made_of_the_commit_and_nothing_else() {
    let product = Product::new();
    product
        .write("files/kept", "committed")
        .write("files/ignored", "")
        .write(".gitattributes", "files/ignored export-ignore\n")
        .tag("1.0");
    product.write("files/kept", "not committed").write("files/untracked", "").write(".bash_history", "secret");
    let state = StateFolder::new();
    let release = state.prepare(&request(&product, "1.0", by_commands(&[COPY], "test -f kept"))).await.unwrap();
    let names: Vec<_> = release.manifest.entries().iter().map(|entry| entry.path().to_str().unwrap()).collect();
    assert_eq!(names, ["kept"]);
    assert_eq!(fs::read_to_string(release.tree.join("kept")).unwrap(), "committed");
    assert_eq!(state.stored(), [release.id.to_string()]);
    let mut beside: Vec<_> =
        fs::read_dir(release.tree.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
    beside.sort();
    assert_eq!(beside, ["log", "meta.json", "tree"]);
    // Sealed, and still what its manifest says.
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&release.tree), mode(&release.tree.join("kept"))), (0o555, 0o444));
    assert_eq!(Manifest::parse(&fs::read(release.tree.join(MANIFEST)).unwrap()).unwrap().digest(), release.digest);
    release.verify().unwrap();
    assert_eq!(release.interpreter, None);
    assert_eq!(release.built_by.to_string(), "tess@example");
}

#[tokio::test]
async fn steps_and_output_are_told_as_they_happen() {
    let product = product_with(&[("tool", "")]);
    let state = StateFolder::new();
    let spec = with_before(
        "printf 'a\\rb\\033[31m\\n\\377' >&2",
        by_commands(&[COPY], "echo checked {version} \"$COALMINE_VERSION\""),
    );
    state.prepare(&request(&product, "1.0", spec)).await.unwrap();
    let told = state.told();
    let steps: Vec<Step> =
        told.iter().filter_map(|told| if let Progress::Step { step } = told { Some(*step) } else { None }).collect();
    assert_eq!(steps, [Step::Export, Step::Before, Step::Install, Step::Check, Step::Store]);
    let lines: Vec<(Step, &str)> = told
        .iter()
        .filter_map(|told| if let Progress::Output { step, line } = told { Some((*step, line.as_str())) } else { None })
        .collect();
    assert_eq!(
        lines,
        [(Step::Before, "a"), (Step::Before, "b [31m"), (Step::Before, "\u{fffd}"), (Step::Check, "checked 1.0 1.0")]
    );
    assert!(matches!(told.last(), Some(Progress::Built { .. })));
}

#[tokio::test]
async fn two_builds_by_commands_in_two_folders_have_one_digest() {
    let product = product_with(&[("bin/tool", "#!/bin/sh\necho works\n"), ("odd \"name\"\n\\'", "x")]);
    symlink("tool", product.path().join("files/bin/alias")).unwrap();
    fs::set_permissions(product.path().join("files/bin/tool"), fs::Permissions::from_mode(0o755)).unwrap();
    product.tag("2.0");
    let commands = [
        COPY,
        "mkdir {prefix}/empty",
        "date -u -d @$SOURCE_DATE_EPOCH > {prefix}/built",
        "umask 077; touch {prefix}/private",
    ];
    let (here, there) = (StateFolder::new(), StateFolder::named("an other 'place' "));
    let spec = by_commands(&commands, "test \"$(bin/alias)\" = works && test -d empty");
    let here = here.prepare(&request(&product, "2.0", spec.clone())).await.unwrap();
    let there_release = there.prepare(&request(&product, "2.0", spec)).await.unwrap();
    assert_eq!(here.digest, there_release.digest);
    assert_eq!(here.id.to_string(), format!("2.0-{}", here.digest.short()));
    assert_eq!(here.manifest.totals().entries(), 7);
}

#[tokio::test]
async fn a_release_is_built_once_and_again_when_the_commit_the_spec_or_the_store_changed() {
    let product = product_with(&[("tool", "")]);
    let counter = tempfile::tempdir().unwrap();
    let count = format!("echo built >> {}/count", counter.path().display());
    let built = || fs::read_to_string(counter.path().join("count")).unwrap().lines().count();
    let state = StateFolder::new();
    let mut request = request(&product, "1.0", by_commands(&[COPY, &count], "test -f tool"));

    let first = state.prepare(&request).await.unwrap();
    let again = state.prepare(&request).await.unwrap();
    assert_eq!((built(), &first.id), (1, &again.id));
    assert!(state.told().contains(&Progress::Reused { id: first.id.clone() }));

    request.spec.deadline = Duration::from_secs(59);
    state.prepare(&request).await.unwrap();
    assert_eq!(built(), 1, "a deadline changes no release");

    request.rebuild = true;
    assert_eq!(state.prepare(&request).await.unwrap().id, first.id);
    assert_eq!((built(), state.stored().len()), (2, 1));
    request.rebuild = false;

    request.spec.check = shell("test -e tool");
    state.prepare(&request).await.unwrap();
    assert_eq!(built(), 3);

    let tool = first.tree.join("tool");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&tool, "edited").unwrap();
    assert!(first.verify().unwrap_err().to_string().contains("\"tool\" has another content"));
    state.prepare(&request).await.unwrap().verify().unwrap();
    assert_eq!((built(), state.stored().len()), (4, 1));

    product.write("files/tool", "new").commit("moved").git(&["tag", "--force", "1.0"]);
    let moved = state.prepare(&request).await.unwrap();
    assert_ne!(moved.id, first.id);
    assert_eq!((built(), state.stored().len()), (5, 2));
    assert_eq!(state.store.find(&moved.version).unwrap().unwrap().id, moved.id);
}

#[tokio::test]
async fn two_who_want_one_release_at_once_build_it_once() {
    let product = product_with(&[("tool", "")]);
    let counter = tempfile::tempdir().unwrap();
    let count = format!("echo built >> {}/count; sleep 0.5", counter.path().display());
    let state = StateFolder::new();
    let request = request(&product, "1.0", by_commands(&[COPY, &count], "test -f tool"));
    let (one, other) = tokio::join!(state.prepare(&request), state.prepare(&request));
    assert_eq!(one.unwrap().id, other.unwrap().id);
    assert_eq!(fs::read_to_string(counter.path().join("count")).unwrap(), "built\n");
    let owner = std::process::id().to_string();
    assert!(state.told().contains(&Progress::Waiting { owner }));
}

#[tokio::test]
async fn a_failed_build_names_step_command_end_last_lines_and_log() {
    let product = product_with(&[("tool", "")]);
    let state = StateFolder::new();
    let spec = by_commands(&["for i in $(seq 100); do echo line $i; done; exit 7"], "true");
    let error = state.prepare(&request(&product, "1.0", spec)).await.unwrap_err();
    let ReleaseError::Failed(failed) = &error else { panic!("{error}") };
    assert_eq!(failed.step, Step::Install);
    assert_eq!(failed.tail.last().unwrap(), "line 100");
    assert_eq!(failed.tail.len(), 15);
    let told = error.to_string();
    assert!(told.contains("the build of 1.0 failed at the step install: `for i in"), "{told}");
    assert!(told.contains("exit status: 7") && told.contains("\n    line 86\n"), "{told}");
    let log = failed.log.as_ref().unwrap();
    assert!(told.contains(log.to_str().unwrap()));
    assert!(fs::read_to_string(log).unwrap().contains("line 1\n"));
    assert_eq!(state.stored(), Vec::<String>::new());
}

#[tokio::test]
async fn what_must_not_be_released_is_refused_and_leaves_nothing() {
    let product = product_with(&[("tool", "")]);
    let told = |error: ReleaseError| error.to_string();
    let by = |command: &str| by_commands(&[COPY, command], "true");

    let error = told(refused(&product, by_commands(&[], "true")).await);
    assert!(error.contains("build.commands is empty"), "{error}");
    let error = told(refused(&product, with_before("no-such-command --now", by("true"))).await);
    assert!(error.contains("at the step before: `no-such-command --now`") && error.contains("not found"), "{error}");
    let error = told(refused(&product, by_commands(&[COPY], "test -f missing")).await);
    assert!(error.contains("at the step check: `test -f missing` ended with exit status: 1"), "{error}");
    let error = told(refused(&product, by_commands(&[COPY], "kill -9 $$")).await);
    assert!(error.contains("signal: 9"), "{error}");
    let error = told(refused(&product, by_commands(&[COPY], "echo changed > tool")).await);
    assert!(
        error.contains("build.check changed the release") && error.contains("\"tool\" has another content"),
        "{error}"
    );
    let error = told(refused(&product, by_commands(&[COPY], "mkdir cache")).await);
    assert!(error.contains("\"cache\" does not belong there"), "{error}");
    let error = told(refused(&product, by_commands(&["mkdir -p {prefix}/only/folders"], "true")).await);
    assert!(error.contains("left no file in the release: is build.commands right?"), "{error}");
    let error = told(refused(&product, by("ln -s /etc/passwd {prefix}/x")).await);
    assert!(error.contains("the link \"x\" points outside the release, at \"/etc/passwd\""), "{error}");
    let error = told(refused(&product, by("ln -s ../../../other {prefix}/x")).await);
    assert!(error.contains("\"x\" points outside"), "{error}");
    let error = told(refused(&product, by("echo {prefix}/lib > {prefix}/where; ln -s {prefix}/tool {prefix}/x")).await);
    assert!(error.contains("left the path of its build folder in \"where\", \"x\""), "{error}");
    let error = told(refused(&product, by("echo {prefix}/lib > {prefix}/where")).await);
    assert!(error.contains("left the path of its build folder in \"where\""), "{error}");
    let error = told(refused(&product, by("touch {prefix}/MANIFEST")).await);
    assert!(error.contains("MANIFEST"), "{error}");
    let error = refused(&product, by("mkfifo {prefix}/pipe")).await;
    assert!(matches!(error, ReleaseError::Tree { source: ManifestError::Special { kind: "pipe", .. }, .. }), "{error}");
}

#[tokio::test]
async fn commits_that_cannot_be_exported_whole_are_refused() {
    let empty = Product::new();
    empty.tag("1.0");
    let error = refused(&empty, by_commands(&["true"], "true")).await;
    assert!(matches!(error, ReleaseError::EmptyExport { .. }), "{error}");

    let inner = product_with(&[("x", "")]);
    let outer = product_with(&[("tool", "")]);
    outer.git(&["submodule", "--quiet", "add", inner.path().to_str().unwrap(), "vendor/inner"]);
    outer.commit("with a submodule").git(&["tag", "--force", "1.0"]);
    let error = refused(&outer, by_commands(&[COPY], "true")).await.to_string();
    assert!(error.contains("submodules (vendor/inner)"), "{error}");
}

#[tokio::test]
async fn submodules_that_build_before_fetches_are_taken() {
    let inner = product_with(&[("x", "inner")]);
    let outer = product_with(&[("tool", "")]);
    outer.git(&["submodule", "--quiet", "add", inner.path().to_str().unwrap(), "files/inner"]);
    outer.commit("with a submodule").git(&["tag", "--force", "1.0"]);
    let fetch = format!("git clone --quiet '{}' files/inner && rm -rf files/inner/.git", inner.path().display());
    let state = StateFolder::new();
    let release =
        state.prepare(&request(&outer, "1.0", with_before(&fetch, by_commands(&[COPY], "true")))).await.unwrap();
    assert_eq!(fs::read_to_string(release.tree.join("inner/files/x")).unwrap(), "inner");
}

#[tokio::test]
async fn submodules_are_fetched_where_that_is_wanted_and_those_inside_them_too() {
    let (inmost, inner, outer) =
        (product_with(&[("deep", "deep")]), product_with(&[("x", "inner")]), product_with(&[]));
    inner.git(&["submodule", "--quiet", "add", inmost.path().to_str().unwrap(), "files/inmost"]);
    inner.write(".gitattributes", "files/x export-ignore\n").commit("with a submodule");
    outer.git(&["submodule", "--quiet", "add", inner.path().to_str().unwrap(), "files/inner"]);
    outer.commit("with a submodule").git(&["tag", "--force", "1.0"]);
    outer.git(&["submodule", "--quiet", "update", "--init", "--recursive"]);
    let clone = Product::clone_of(&outer);
    let spec = BuildSpec { submodules: true, ..by_commands(&["cp -a files/inner/files/. {prefix}"], "true") };
    let state = StateFolder::new();
    let here = state.prepare(&request(&outer, "1.0", spec.clone())).await.unwrap();
    // A clone without its submodules fetches them.
    let mut request = request(&clone, "1.0", spec);
    let error = StateFolder::new().prepare(&request).await.unwrap_err().to_string();
    assert!(error.contains("the submodule files/inner") && error.contains("git submodule update"), "{error}");
    request.source.remote = "origin".into();
    let there = StateFolder::new().prepare(&request).await.unwrap();
    assert_eq!(here.digest, there.digest);
    let names: Vec<_> = here.manifest.entries().iter().map(|entry| entry.path().to_str().unwrap()).collect();
    assert!(names.contains(&"x") && names.contains(&"inmost/files/deep"), "{names:?}");
    assert!(!names.iter().any(|name| name.contains(".git/")), "{names:?}");
}

#[tokio::test]
async fn contents_of_git_lfs_are_taken_from_the_checkout_or_refused() {
    let content = "content\n";
    let digest = "434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53";
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 8\n");
    let product = Product::new();
    product.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n").write("files/big.bin", &pointer);
    product.git(&["-c", "filter.lfs.clean=cat", "-c", "filter.lfs.required=false", "add", "--all"]);
    product.git(&["-c", "filter.lfs.clean=cat", "commit", "--quiet", "--message", "1.0"]);
    product.git(&["tag", "1.0"]);
    let error = refused(&product, by_commands(&[COPY], "true")).await.to_string();
    assert!(error.contains("Git LFS that cannot be had (\"files/big.bin\")"), "{error}");
    let store = format!(".git/lfs/objects/43/47/{digest}");
    product.write(&store, "damaged\n");
    let error = refused(&product, by_commands(&[COPY], "true")).await.to_string();
    assert!(error.contains("files/big.bin"), "{error}");
    product.write(&store, content);
    let state = StateFolder::new();
    let release = state.prepare(&request(&product, "1.0", by_commands(&[COPY], "true"))).await.unwrap();
    assert_eq!(fs::read_to_string(release.tree.join("big.bin")).unwrap(), content);
}

#[tokio::test]
async fn modes_that_a_release_has_not_are_told_or_refused_by_path() {
    let product = product_with(&[("tool", "")]);
    let with = |command: &str, modes| BuildSpec { modes, ..by_commands(&[COPY, command], "true") };
    let (private, set_id) = ("touch {prefix}/key; chmod 600 {prefix}/key", "chmod u+s {prefix}/tool");
    let state = StateFolder::new();
    state.prepare(&request(&product, "1.0", with(private, Modes::Tell))).await.unwrap();
    let told = |told: &Progress| matches!(told, Progress::Warning { text } if text.contains("\"key\" (0600)"));
    assert!(state.told().iter().any(told));
    state.prepare(&request(&product, "1.0", with(private, Modes::Plain))).await.unwrap();
    assert!(!state.told().iter().any(told));
    for (command, modes, words) in
        [(private, Modes::Refuse, "\"key\" (0600)"), (set_id, Modes::Tell, "set-id or sticky bits")]
    {
        let error = refused(&product, with(command, modes)).await.to_string();
        assert!(error.contains(words) && error.contains("build.modes"), "{error}");
    }
    state.prepare(&request(&product, "1.0", with(set_id, Modes::Plain))).await.unwrap();
}

#[tokio::test]
async fn paths_of_the_build_are_taken_where_the_configuration_says_so_and_its_variables_are_found() {
    let product = product_with(&[("tool", "")]);
    let mut spec = by_commands(&[COPY, "echo {prefix}/lib > {prefix}/where", "echo $COLOUR > {prefix}/env"], "true");
    spec.allow_paths = vec!["wh*".into()];
    spec.environment = vec![("COLOUR".into(), "green".into())];
    let release = StateFolder::new().prepare(&request(&product, "1.0", spec)).await;
    // Its store is gone, the answer is not.
    let release = release.unwrap();
    assert_eq!(release.manifest.totals().files, 3);
}

#[tokio::test]
async fn pointers_of_git_lfs_are_told() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n";
    let product = product_with(&[("big.bin", pointer), ("tool", "")]);
    let state = StateFolder::new();
    state.prepare(&request(&product, "1.0", by_commands(&[COPY], "true"))).await.unwrap();
    let warned = |told: &Progress| matches!(told, Progress::Warning { text } if text.contains("big.bin"));
    assert!(state.told().iter().any(warned));
}

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
    for _ in 0..100 {
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
    spec.deadline = Duration::from_millis(500);
    let error = refused(&product, spec).await.to_string();
    assert!(error.contains("did not end within 0 seconds and was killed"), "{error}");
    assert!(gone(fs::read_to_string(pid).unwrap().trim()).await);
}

#[tokio::test]
async fn what_a_command_leaves_running_does_not_hold_the_build_up() {
    let product = product_with(&[("tool", "")]);
    let pids = tempfile::tempdir().unwrap();
    let pid = pids.path().join("pid");
    let state = StateFolder::new();
    let spec = by_commands(&[COPY, &format!("sleep 600 & echo $! > {}", pid.display())], "true");
    timeout(Duration::from_secs(30), state.prepare(&request(&product, "1.0", spec))).await.unwrap().unwrap();
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
        .args(["--exact", "release::build_tests::a_build_to_be_killed"])
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
    timeout(Duration::from_secs(30), async {
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

#[tokio::test]
async fn an_interpreter_that_cannot_be_used_is_refused() {
    let product = product_with(&[("tool", "")]);
    for (python, problem) in
        [("/no/such/python3", "No such file"), ("false", "exit status: 1"), ("echo", "it answered")]
    {
        let mut spec = venv();
        spec.kind = BuildKind::PythonVenv {
            pip: vec![".".into()],
            requirements: Vec::new(),
            python: Some(python.into()),
            own: false,
        };
        let error = refused(&product, spec).await.to_string();
        assert!(error.contains(problem) && error.contains("set build.python"), "{error}");
    }
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{command:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Where the next test's other deployer finds repository and state.
const OTHER: [&str; 2] = ["TEST_OTHER_DEPLOYER_REPOSITORY", "TEST_OTHER_DEPLOYER_STATE"];

fn with_tools() -> BuildSpec {
    with_before("python -c 'import pip; print(pip.__version__)'; echo '# changed' >> tiny/__init__.py", venv())
}

/// Does nothing by itself: the next test runs it as another deployer.
#[tokio::test]
async fn a_build_by_another_deployer() {
    let [Some(repository), Some(state)] = OTHER.map(std::env::var_os) else { return };
    let store = super::Store::open(Path::new(&state)).unwrap();
    let mut request = request(&product_with(&[]), "1.0", with_tools());
    request.source.repository = repository.into();
    super::prepare(&store, &request, &|_| {}).await.unwrap();
}

/// Builds the product from another clone, with every setting of an account that could change a release.
fn build_as_another_deployer(product: &Product, state: &Path) {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    let write = |name: &str, text: &str| {
        fs::create_dir_all(at(name).parent().unwrap()).unwrap();
        fs::write(at(name), text).unwrap();
    };
    let elsewhere = at("elsewhere").display().to_string();
    write(".config/pip/pip.conf", &format!("[install]\nprefix = {elsewhere}\n[wheel]\npre = true\nno-deps = true\n"));
    write("attributes", "*.txt export-ignore\n");
    let attributes = at("attributes").display().to_string();
    write(
        ".gitconfig",
        &format!("[core]\nabbrev = 20\nautocrlf = true\nattributesFile = {attributes}\n[status]\nshort = true\n"),
    );
    write(".pydistutils.cfg", &format!("[install]\nprefix = {elsewhere}\n"));
    let clone = at("clone");
    let address = format!("file://{}", product.path().display());
    product.git(&["clone", "--quiet", "--bare", "--depth=1", "--branch=1.0", &address, clone.to_str().unwrap()]);
    for reference in ["refs/heads/other", "refs/tags/0.9", "refs/tags/9.9"] {
        product.git(&["-C", clone.to_str().unwrap(), "update-ref", reference, "1.0^{commit}"]);
    }
    fs::create_dir_all(clone.join("info")).unwrap();
    fs::write(clone.join("info/attributes"), "tiny/*.py export-ignore\n").unwrap();
    let output = Command::new("sh")
        .args(["-c", "umask 077 && exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "release::build_tests::a_build_by_another_deployer"])
        .env(OTHER[0], &clone)
        .env(OTHER[1], state)
        .env("HOME", home.path())
        .envs([("LC_ALL", "C"), ("PBR_VERSION", "9"), ("SETUPTOOLS_SCM_PRETEND_VERSION", "9"), ("PIP_NO_DEPS", "1")])
        .envs([("CFLAGS", "-O9"), ("PYTHONPATH", "/nowhere"), ("GIT_CONFIG_COUNT", "1"), ("PIP_PREFIX", &elsewhere)])
        .envs([("GIT_CONFIG_KEY_0", "tar.umask"), ("GIT_CONFIG_VALUE_0", "0077")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(!at("elsewhere").exists());
}

/// One test of everything that a virtual environment must be, since each build of one takes seconds.
#[tokio::test]
async fn a_virtual_environment_is_the_same_from_any_folder_and_runs_from_any_folder() {
    let product = python_product();
    let long = "x".repeat(120);
    let (here, there) = (StateFolder::new(), StateFolder::named(&format!("a long 'place' {long} ")));
    let release = here.prepare(&request(&product, "1.0", with_tools())).await.unwrap();
    let told = here.told();
    let warnings: Vec<&str> = told
        .iter()
        .filter_map(|told| if let Progress::Warning { text } = told { Some(text.as_str()) } else { None })
        .filter(|text| !text.starts_with("a release does not depend on who builds it"))
        .collect();
    assert!(matches!(&warnings[..], [text] if text.contains("not_for_this_python.py")), "{warnings:?}");
    assert!(matches!(told.last(), Some(Progress::Built { took, .. }) if took.len() == 8), "{:?}", told.last());
    build_as_another_deployer(&product, there.path());
    let other = there.store.list().unwrap().pop().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&release.manifest.to_bytes()),
        String::from_utf8_lossy(&other.manifest.to_bytes())
    );
    assert_eq!(release.digest, other.digest);

    // No path of a build is left, not in bytecode either, and nothing that only the build needed.
    for (state, release) in [(&here, &release), (&there, &other)] {
        assert_eq!(files_with(&release.tree, state.path().to_str().unwrap()), Vec::<std::path::PathBuf>::new());
    }
    let names: Vec<_> = release.manifest.entries().iter().map(|entry| entry.path().to_string_lossy()).collect();
    let has = |part: &str| names.iter().any(|name| name.contains(part));
    assert!(has("site-packages/tiny/__pycache__/__init__.cpython-"));
    for part in [
        "site-packages/pip",
        "setuptools",
        "bin/activate.csh",
        "Activate",
        "direct_url.json",
        "bin/pip",
        "bin/__pycache__",
        ".git/",
    ] {
        assert!(!has(part), "{part} is in the release: {names:?}");
    }
    let interpreter = release.interpreter.clone().unwrap();
    assert_eq!(
        fs::read_link(release.tree.join("bin").join(interpreter.path.file_name().unwrap())).unwrap(),
        interpreter.path
    );

    // The tag is the product's version, and not that of a dependency; what tells where it was built tells the same everywhere.
    let installed = |name: &str| {
        let packages = format!("lib/python{}/site-packages", interpreter.series());
        fs::read_to_string(release.tree.join(packages).join(name)).unwrap()
    };
    let commit: String = release.commit.as_str().chars().take(10).collect();
    assert_eq!(installed("tiny/version.txt"), format!("1.0-0-g{commit}\n"));
    assert_eq!(installed("dep/version.txt"), "");
    assert_eq!(installed("tiny/commit.txt"), format!("tag: 1.0 {commit}\n"));
    assert_eq!(installed("tiny/sbom.json"), "/build/source/source /build/source/backend.py");
    assert!(installed("dep/sbom.json").starts_with("/build/tmp/"), "{}", installed("dep/sbom.json"));
    assert!(!installed("dep/sbom.json").contains("pip-"), "{}", installed("dep/sbom.json"));

    // Copied elsewhere, under another name with odd characters, behind a link, from another folder.
    let host = tempfile::Builder::new().prefix("a host's \"home\" ").tempdir().unwrap();
    let moved = host.path().join("releases");
    output(Command::new("cp").arg("-a").arg(&release.tree).arg(&moved));
    symlink("releases", host.path().join("current")).unwrap();
    fs::create_dir(host.path().join("bin")).unwrap();
    symlink("../current/bin/tiny", host.path().join("bin/alias")).unwrap();
    let prefix = fs::canonicalize(&moved).unwrap();
    let works = format!("tiny ['a b', ''] from the dependency {}", prefix.display());
    let run = |path: &str| {
        let mut command = Command::new(host.path().join(path));
        command.args(["a b", ""]).current_dir("/").env_clear().env("PATH", "/usr/bin:/bin");
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    };
    for path in ["releases/bin/tiny", "current/bin/tiny", "bin/alias"] {
        assert_eq!(output(&mut run(path)), works, "{path}");
    }
    assert_eq!(output(Command::new("./tiny").args(["a b", ""]).current_dir(moved.join("bin"))), works);
    assert_eq!(output(&mut run("current/bin/documented")), "Usage: documented from the dependency");
    for (script, works) in [
        ("star", "None from the dependency"),
        ("future", "None"),
        ("parens", "doc"),
        ("activate", "activated"),
        ("shell", "shell"),
    ] {
        assert_eq!(output(&mut run(&format!("current/bin/{script}"))), works, "{script}");
    }
    // What the metadata says of files is true.
    let check = "import hashlib, base64, importlib.metadata as m\nfor d in m.distributions():\n for f in d.files:\n  b = \
                 f.locate().read_bytes()\n  if f.hash: assert f.hash.value == \
                 base64.urlsafe_b64encode(hashlib.sha256(b).digest()).decode().rstrip('='), f\n  assert f.size in (None, \
                 len(b)), f\nprint(len(list(m.distributions())))";
    assert_eq!(output(Command::new(moved.join("bin/python")).args(["-I", "-B", "-c", check])), "2");
    assert!(fs::read_link(moved.join("bin/python")).is_ok());

    // Where realpath and dirname are busybox's.
    let busybox = host.path().join("busybox");
    fs::create_dir(&busybox).unwrap();
    for applet in ["sh", "realpath", "dirname"] {
        symlink("/bin/busybox", busybox.join(applet)).unwrap();
    }
    for script in ["tiny", "documented"] {
        let mut command = Command::new(busybox.join("sh"));
        command.arg(host.path().join("current/bin").join(script)).args(["a b", ""]).env("PATH", &busybox);
        assert!(output(&mut command).contains("from the dependency"));
    }
    // The bytecode was good: nothing was compiled again, so the copy still is the release.
    output(Command::new("chmod").args(["-R", "u+w"]).arg(&moved));
    release.manifest.verify_tree(&moved).unwrap();
}
