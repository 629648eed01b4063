use std::sync::Mutex;

use super::fixture::Product;
use super::{Progress, ReleaseError, Resolved, Source, Wanted, resolve};
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
    let names: Vec<String> = repository.tags("[v0-9]*").await.unwrap().into_iter().map(|tag| tag.name).collect();
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
    assert!(error(&source, latest()).await.contains("cannot fetch"));
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
    assert!(error(&product.source(), branch("none")).await.contains("no commit \"branch none\""));
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
    assert!(told.contains("cannot fetch from \"nowhere\"") && told.contains("--no-fetch"), "{told}");
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
    let (resolved, told) = wanted(&source, latest()).await;
    assert!(matches!(resolved, Err(ReleaseError::NoTags { .. })), "{resolved:?}");
    let left_out =
        |progress: &Progress| matches!(progress, Progress::Warning { text } if text.contains("it is left out"));
    assert!(told.iter().any(left_out), "{told:?}");
}
