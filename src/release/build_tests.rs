use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use super::build::scarce;
use super::fixture::{COPY, Product, StateFolder, by_commands, product_with, refused, request, shell, with_before};
use super::{BuildSpec, Progress, ReleaseError, Step};
use crate::manifest::{MANIFEST, Manifest, ManifestError};
use crate::model::{Bytes, Modes};

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
    let of = |commit| state.store.find_of(&moved.version, commit).unwrap().map(|release| release.id);
    assert_eq!(of(&moved.commit), Some(moved.id.clone()));
    assert_eq!(of(&first.commit), Some(first.id), "where the tag is moved back, what was built before is it again");
    assert_eq!(of(&"0".repeat(40).parse().unwrap()), None);
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
async fn a_build_that_fails_where_the_disk_is_full_says_so() {
    let product = product_with(&[("tool", "")]);
    let state = StateFolder::new();
    // A tool that keeps to itself why it failed.
    let spec = by_commands(&["exit 1"], "true");
    let mut error = state.prepare(&request(&product, "1.0", spec)).await.unwrap_err();
    let ReleaseError::Failed(failed) = &mut error else { panic!("{error}") };
    failed.room = vec![("/srv/state".into(), Bytes(4096))];
    let told = error.to_string();
    assert!(told.contains("\n  the disk of /srv/state had 4.0 KiB left: make room there"), "{told}");
    // A file system without a byte of room.
    let found = scarce(&[Path::new("/proc"), Path::new("/nowhere")]);
    assert_eq!(found, [("/proc".into(), Bytes(0))]);
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
