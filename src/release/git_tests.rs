use std::sync::Mutex;

use super::fixture::Product;
use super::{Progress, ReleaseError, Repository, Resolved, Source, Wanted, resolve};
use crate::config::Channel;

async fn wanted(source: &Source, wanted: Wanted) -> (Result<Resolved, ReleaseError>, Vec<Progress>) {
    let told = Mutex::new(Vec::new());
    let resolved = resolve(source, &wanted, &|progress| told.lock().unwrap().push(progress)).await;
    (resolved, told.into_inner().unwrap())
}

async fn version(source: &Source, what: Wanted) -> String {
    wanted(source, what).await.0.unwrap().version.to_string()
}

async fn error(source: &Source, what: Wanted) -> String {
    wanted(source, what).await.0.unwrap_err().to_string()
}

fn latest() -> Wanted {
    Wanted::Latest(Channel::Tags)
}

fn branch(name: &str) -> Wanted {
    Wanted::Latest(Channel::Branch(name.into()))
}

fn tag(name: &str) -> Wanted {
    Wanted::Tag(name.into())
}

#[tokio::test]
async fn what_is_no_repository_is_refused_and_so_is_a_folder_inside_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut source = Product::new().source();
    source.repository = folder.path().to_path_buf();
    let told = error(&source, latest()).await;
    assert!(told.contains("is not a git repository") && told.contains("product.repository"), "{told}");

    source.repository = folder.path().join("missing");
    assert!(error(&source, latest()).await.contains("No such file"));

    let product = Product::new();
    product.write("sub/file", "").tag("1.0");
    source.repository = product.path().join("sub");
    let told = error(&source, latest()).await;
    assert!(told.contains("lies inside the repository"), "{told}");

    let bare = tempfile::tempdir().unwrap();
    product.git(&["clone", "--quiet", "--bare", ".", bare.path().to_str().unwrap()]);
    source.repository = bare.path().to_path_buf();
    assert_eq!(version(&source, latest()).await, "1.0");
}

#[tokio::test]
async fn a_remote_that_the_checkout_does_not_have_is_told_with_those_that_it_has() {
    let product = Product::new();
    product.write("file", "").tag("1.0");
    let source = Source { remote: "origin".to_owned(), ..product.source() };
    let told = error(&source, tag("1.0")).await;
    assert!(told.contains("has no remote \"origin\", nor any other") && told.contains("product.remote"), "{told}");
    product.git(&["remote", "add", "upstream", "/nowhere"]);
    let told = error(&source, tag("1.0")).await;
    assert!(told.contains("has no remote \"origin\", but upstream;"), "{told}");
    // What is there and does not answer is another matter.
    let told = error(&Source { remote: "upstream".to_owned(), ..source }, tag("1.0")).await;
    assert!(told.contains("cannot fetch from \"upstream\"") && told.contains("the network"), "{told}");
}

#[tokio::test]
async fn the_latest_release_is_the_newest_version_and_no_prerelease() {
    let product = Product::new();
    product.tag("4.9.0-rc2").tag("4.9.0-rc10");
    assert_eq!(version(&product.source(), latest()).await, "4.9.0-rc10", "there is nothing else yet");
    for name in ["4.10.0", "v4.2.0", "4.9.0", "4.11.0-rc1", "4.11.0.dev1", "other-9.9.9"] {
        product.tag(name);
    }
    // Of a file, so no release.
    product.write("file", "x").commit("a file").git(&["tag", "99.0", "HEAD:file"]);
    product.git(&["tag", "0.1-lightweight"]);
    assert_eq!(version(&product.source(), latest()).await, "4.10.0");
    let repository = super::Repository::open(product.path()).await.unwrap();
    let names: Vec<String> =
        repository.tags("[v0-9]*", &product.source().order).await.unwrap().into_iter().map(|tag| tag.name).collect();
    assert_eq!(
        names,
        ["0.1-lightweight", "v4.2.0", "4.9.0-rc2", "4.9.0-rc10", "4.9.0", "4.10.0", "4.11.0.dev1", "4.11.0-rc1"]
    );
}

#[tokio::test]
async fn a_repository_without_release_tags_says_so() {
    let product = Product::new();
    product.tag("other");
    let told = error(&product.source(), latest()).await;
    assert!(told.contains("product.tags = \"[v0-9]*\"") && told.contains("--rev"), "{told}");
}

#[tokio::test]
async fn a_tag_that_is_not_there_is_answered_with_the_nearest() {
    let product = Product::new();
    for name in ["4.10.0", "4.10.1", "4.9.0", "1.0.0", "nightly"] {
        product.tag(name);
    }
    let told = error(&product.source(), tag("4.10.2")).await;
    assert!(told.contains("no tag \"4.10.2\"") && told.contains("the nearest are 4.10.1, 4.10.0"), "{told}");
    let told = error(&product.source(), tag("nightly")).await;
    assert!(told.contains("leaves it out; use --rev nightly"), "{told}");
    assert_eq!(version(&product.source(), tag("4.9.0")).await, "4.9.0");
}

#[tokio::test]
async fn names_that_look_like_options_or_expressions_are_names() {
    let product = Product::new();
    product.tag("1.0");
    let trap = product.path().join("trap");
    let option = format!("--output={}", trap.display());
    for name in [&option, "-h", "--help", "1.0^{}", "1.0; touch trap", "", "../1.0", "@{-1}"] {
        assert!(error(&product.source(), tag(name)).await.contains("no tag"), "{name}");
    }
    for name in [&option, "-h", "--all", "--git-dir", "missing", ""] {
        assert!(error(&product.source(), Wanted::Revision(name.into())).await.contains("no commit"), "{name}");
    }
    let mut source = product.source();
    source.remote = "--upload-pack=touch trap".into();
    assert!(error(&source, latest()).await.contains("has no remote"));
    assert!(!trap.exists());
}

#[tokio::test]
async fn any_commit_is_called_what_git_describes_it_as() {
    let product = Product::new();
    product.commit("before any tag");
    let first = product.git(&["rev-parse", "HEAD"]);
    product.tag("release/1.0").tag("1.0").commit("more").commit("and more");
    let head = product.git(&["rev-parse", "HEAD"]);
    let (resolved, _) = wanted(&product.source(), Wanted::Revision("HEAD".into())).await;
    let resolved = resolved.unwrap();
    assert_eq!(resolved.version.as_str(), format!("1.0-2-g{head:.10}"));
    assert_eq!(resolved.commit.as_str(), head);
    assert_eq!(resolved.at.to_string(), "2024-05-06T07:08:09Z");
    assert_eq!(version(&product.source(), Wanted::Revision(first.clone())).await, format!("{first:.10}"));
    assert_eq!(version(&product.source(), branch("main")).await, resolved.version.as_str());
    let told = error(&product.source(), branch("man")).await;
    assert!(told.contains("no branch \"man\" in the checkout") && told.contains("nearest are main"), "{told}");
    // A slash can be no part of a folder's name.
    let mut source = product.source();
    source.tags = "release/*".into();
    assert_eq!(version(&source, latest()).await, "release-1.0");
    assert_eq!(version(&source, tag("release/1.0")).await, "release-1.0");
    assert_eq!(version(&source, tag("release-1.0")).await, "release-1.0");
}

#[tokio::test]
async fn a_fetch_brings_new_tags_tells_moved_ones_and_keeps_local_ones() {
    let upstream = Product::new();
    upstream.tag("1.0");
    let checkout = Product::clone_of(&upstream);
    checkout.git(&["tag", "0.9"]);
    upstream.tag("2.0");
    upstream.git(&["tag", "--force", "--annotate", "--message=moved", "1.0"]);
    let mut source = checkout.source();
    source.remote = "origin".into();

    source.fetch = false;
    let (resolved, told) = wanted(&source, latest()).await;
    assert_eq!(resolved.unwrap().version.as_str(), "1.0");
    assert!(!told.contains(&Progress::Fetching { remote: "origin".into() }));

    source.fetch = true;
    let (resolved, told) = wanted(&source, latest()).await;
    assert_eq!(resolved.unwrap().version.as_str(), "2.0");
    assert_eq!(told.first(), Some(&Progress::Fetching { remote: "origin".into() }));
    let moved =
        |progress: &Progress| matches!(progress, Progress::Warning { text } if text.contains("the tag 1.0 was moved"));
    assert!(told.iter().any(moved), "{told:?}");
    assert_eq!(version(&source, tag("0.9")).await, "0.9");

    source.remote = "nowhere".into();
    let told = error(&source, latest()).await;
    assert!(told.contains("has no remote \"nowhere\"") && told.contains("--no-fetch"), "{told}");
}

#[tokio::test]
async fn a_remote_that_never_answers_is_given_up() {
    let checkout = Product::new();
    checkout.tag("1.0");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    checkout.git(&["remote", "add", "origin", &format!("git://{}/x", listener.local_addr().unwrap())]);
    let mut source = checkout.source();
    source.remote = "origin".into();
    source.fetch_deadline = std::time::Duration::from_millis(300);
    assert!(error(&source, latest()).await.contains("no answer within"));
}

#[tokio::test]
async fn a_branch_is_the_remotes_after_a_fetch_and_the_checkouts_without() {
    let upstream = Product::new();
    upstream.tag("1.0");
    let checkout = Product::clone_of(&upstream);
    upstream.commit("upstream's");
    checkout.commit("emergency hack").write("untold", "").git(&["add", "untold"]);
    let mut source = checkout.source();
    source.remote = "origin".into();
    let (fetched, _) = wanted(&source, branch("main")).await;
    assert_eq!(fetched.unwrap().commit.as_str(), upstream.git(&["rev-parse", "HEAD"]));
    source.fetch = false;
    let (hacked, told) = wanted(&source, branch("main")).await;
    assert_eq!(hacked.unwrap().commit.as_str(), checkout.git(&["rev-parse", "HEAD"]));
    let warned = |progress: &Progress| matches!(progress, Progress::Warning { text } if text.contains("not committed"));
    assert!(told.iter().any(warned), "{told:?}");
}

#[tokio::test]
async fn tags_without_a_good_signature_are_no_releases_where_that_is_wanted() {
    let product = Product::new();
    product.tag("1.0");
    let mut source = product.source();
    source.verify_tags = true;
    let told = error(&source, tag("1.0")).await;
    assert!(told.contains("does not accept the signature of the tag \"1.0\""), "{told}");
    product.git(&["tag", "1.1"]);
    let (resolved, _) = wanted(&source, latest()).await;
    assert!(
        matches!(&resolved, Err(ReleaseError::NoneVerified { count: 2, newest, .. }) if newest == "1.1"),
        "{resolved:?}"
    );
}

#[tokio::test]
async fn a_signature_counts_for_the_tag_that_was_signed() {
    let product = Product::new();
    let key = product.path().join(".git/key");
    let run = |program: &str, arguments: &[&str]| {
        let output = std::process::Command::new(program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    };
    run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", key.to_str().unwrap()]);
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let signers = product.path().join(".git/signers");
    std::fs::write(&signers, format!("tess@example.org {public}")).unwrap();
    for (name, value) in [
        ("gpg.format", "ssh"),
        ("user.signingKey", key.to_str().unwrap()),
        ("gpg.ssh.allowedSignersFile", signers.to_str().unwrap()),
    ] {
        product.git(&["config", name, value]);
    }
    product.commit("one").git(&["tag", "--sign", "--message", "signed", "1.0"]);
    product.commit("two").git(&["tag", "1.1"]);
    // The signed tag of the old release under the name of a new one.
    let object = product.git(&["rev-parse", "refs/tags/1.0"]);
    product.git(&["update-ref", "refs/tags/2.0", &object]);
    let mut source = product.source();
    source.verify_tags = true;
    let (resolved, _) = wanted(&source, latest()).await;
    let resolved = resolved.unwrap();
    assert_eq!(resolved.version.as_str(), "1.0");
    assert!(resolved.notes.iter().any(|note| note.starts_with("2.0, 1.1 are passed over")), "{:?}", resolved.notes);
    let told = error(&source, tag("2.0")).await;
    assert!(told.contains("what was signed is the tag \"1.0\""), "{told}");
}

#[tokio::test]
async fn what_upstream_takes_back_is_gone_here_and_what_was_made_here_stays() {
    let upstream = Product::new();
    upstream.tag("1.0").tag("2.0").git(&["branch", "fix"]);
    let checkout = Product::clone_of(&upstream);
    checkout.git(&["tag", "0.9"]);
    // Whatever somebody's configuration says of pruning.
    checkout.git(&["config", "fetch.pruneTags", "true"]);
    let mut source = checkout.source();
    source.remote = "origin".into();
    assert_eq!(version(&source, latest()).await, "2.0");
    assert_eq!(version(&source, branch("fix")).await, "2.0");

    upstream.git(&["tag", "--delete", "2.0"]);
    upstream.git(&["branch", "--delete", "fix"]);
    upstream.git(&["branch", "fix/typo"]);
    let (resolved, told) = wanted(&source, latest()).await;
    let resolved = resolved.unwrap();
    assert_eq!(resolved.version.as_str(), "1.0");
    let warned =
        |told: &Progress| matches!(told, Progress::Warning { text } if text == "the tag 2.0 was withdrawn upstream");
    assert!(told.iter().any(warned), "{told:?}");
    let noted = |notes: &[String]| notes.iter().any(|note| note == "2.0 was withdrawn upstream, and is passed over");
    assert!(noted(&resolved.notes), "{:?}", resolved.notes);
    // Whoever comes later learns it too.
    let (again, _) = wanted(&source, latest()).await;
    assert!(noted(&again.unwrap().notes));
    let told = error(&source, tag("2.0")).await;
    assert!(told.contains("withdrawn upstream") && told.contains("--rev refs/coalmine/withdrawn/2.0/was"), "{told}");
    let kept = version(&source, Wanted::Revision("refs/coalmine/withdrawn/2.0/was".into())).await;
    assert_eq!(kept, "0.9", "it is named by what the checkout has of it");
    assert_eq!(version(&source, tag("0.9")).await, "0.9");
    assert!(error(&source, branch("fix")).await.contains("no branch \"fix\" at origin"));
    assert!(wanted(&source, branch("fix/typo")).await.0.is_ok(), "a branch that became a folder of branches");

    upstream.git(&["tag", "2.0", "main"]);
    let (back, _) = wanted(&source, latest()).await;
    let back = back.unwrap();
    assert_eq!(back.version.as_str(), "2.0");
    assert!(!noted(&back.notes));
    // One that only this checkout has is told, where it is the latest.
    checkout.git(&["tag", "3.0"]);
    let (own, _) = wanted(&source, latest()).await;
    assert!(own.unwrap().notes.iter().any(|note| note == "3.0 is in this checkout alone: origin does not have it"));
}

#[tokio::test]
async fn a_latest_that_is_much_older_than_others_like_it_is_refused_until_its_order_is_said() {
    let product = Product::new();
    for (name, at) in [("30-11-2025", "2025-11-30"), ("31-12-2025", "2025-12-31"), ("02-11-2026", "2026-11-02")] {
        product.commit(name);
        let at = format!("{at}T12:00:00Z");
        // A lightweight tag has the time of its commit.
        let tree = product.git(&["rev-parse", "HEAD^{tree}"]);
        let commit = product.git_at(&at, &["commit-tree", &tree, "-m", name]);
        product.git(&["tag", name, &commit]);
    }
    let mut source = product.source();
    let told = error(&source, latest()).await;
    assert!(told.contains("31-12-2025 is the newest by its number, and is of 2025-12-31"), "{told}");
    assert!(told.contains("up to 02-11-2026 of 2026-11-02") && told.contains("product.version_pattern"), "{told}");
    assert_eq!(version(&source, tag("31-12-2025")).await, "31-12-2025");
    let pattern = crate::config::VersionPattern::new(r"^(?<c>\d+)-(?<b>\d+)-(?<a>\d+)$").unwrap();
    source.order = super::VersionOrder::new(Some(pattern));
    assert_eq!(version(&source, latest()).await, "02-11-2026");
}

#[tokio::test]
async fn a_tag_of_a_tree_and_a_commit_of_a_shallow_checkout_are_told_for_what_they_are() {
    let upstream = Product::new();
    upstream.write("file", "x").tag("1.0").commit("later");
    upstream.git(&["tag", "1.3.0", "HEAD^{tree}"]);
    let told = error(&upstream.source(), tag("1.3.0")).await;
    assert!(told.contains("\"1.3.0\" is of a tree, not of a commit"), "{told}");

    let shallow = tempfile::tempdir().unwrap();
    let url = format!("file://{}", upstream.path().display());
    upstream.git(&["clone", "--quiet", "--depth=1", "--no-tags", &url, shallow.path().to_str().unwrap()]);
    let mut source = upstream.source();
    source.repository = shallow.path().to_path_buf();
    let (resolved, _) = wanted(&source, Wanted::Revision("HEAD".into())).await;
    let resolved = resolved.unwrap();
    assert!(resolved.notes.iter().any(|note| note.contains("shallow")), "{:?}", resolved.notes);
}

#[tokio::test]
async fn a_shallow_checkout_does_not_take_for_taken_back_what_it_cannot_see_the_way_from() {
    let upstream = Product::new();
    upstream.write("file", "one").tag("1.0").commit("between").write("file", "two").tag("2.0");
    let shallow = tempfile::tempdir().unwrap();
    let (url, clone) = (format!("file://{}", upstream.path().display()), shallow.path().to_str().unwrap());
    upstream.git(&["clone", "--quiet", "--depth=1", "--branch=2.0", &url, clone]);
    upstream.git(&["-C", clone, "fetch", "--quiet", "--depth=1", "origin", "tag", "1.0"]);
    let source = Source { repository: shallow.path().to_path_buf(), ..upstream.source() };
    let commit = async |name: &str| wanted(&source, tag(name)).await.0.unwrap().commit;
    let (old, new) = (commit("1.0").await, commit("2.0").await);
    let repository = Repository::open(shallow.path()).await.unwrap();
    for (without, with) in [(&old, &new), (&new, &old)] {
        let told = repository.commits_between(without, with).await.unwrap_err().to_string();
        assert!(told.contains("is shallow") && told.contains("--unshallow"), "{told}");
    }
    upstream.git(&["-C", clone, "fetch", "--quiet", "--unshallow", "origin"]);
    let listed = repository.commits_between(&old, &new).await.unwrap();
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert_eq!(repository.commits_between(&new, &old).await.unwrap(), []);
}
