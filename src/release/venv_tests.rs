use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::fixture::{
    Product, StateFolder, files_with, product_with, python_product, refused, request, venv, with_before,
};
use super::{BuildKind, BuildSpec, Progress};

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
        .args(["--exact", "release::venv_tests::a_build_by_another_deployer"])
        .env(OTHER[0], &clone)
        .env(OTHER[1], state)
        .env("HOME", home.path())
        .envs([("LC_ALL", "C"), ("PBR_VERSION", "9"), ("SETUPTOOLS_SCM_PRETEND_VERSION", "9"), ("PIP_NO_DEPS", "1")])
        .envs([("CFLAGS", "-O9"), ("PYTHONPATH", "/nowhere"), ("GIT_CONFIG_COUNT", "1"), ("PIP_PREFIX", &elsewhere)])
        .env("TAR_OPTIONS", "--exclude=*")
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
        let beside = fs::read_dir(release.tree.parent().unwrap()).unwrap();
        let mut beside: Vec<_> = beside.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        beside.sort();
        assert_eq!(beside, ["log", "meta.json", "tree"]);
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
