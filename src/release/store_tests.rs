use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use jiff::Timestamp;

use super::fixture::{Product, StateFolder, by_commands, request};
use super::{Mark, MarkRecord, StoredRelease};
use crate::model::{Digest, Environment, ReleaseId, RolloutId, Version};

async fn built(state: &StateFolder, product: &Product, version: &str) -> StoredRelease {
    let spec = by_commands(&["echo {version} > {prefix}/version"], "test -s version");
    state.prepare(&request(product, version, spec)).await.unwrap()
}

fn product(versions: &[&str]) -> Product {
    let product = Product::new();
    product.write("file", "");
    for version in versions {
        product.tag(version);
    }
    product
}

#[tokio::test]
async fn releases_are_listed_as_versions_and_found_by_version_or_id() {
    let product = product(&["4.9.0", "4.10.0", "4.10.0-rc1"]);
    let state = StateFolder::new();
    for version in ["4.10.0", "4.9.0", "4.10.0-rc1"] {
        built(&state, &product, version).await;
    }
    let listed: Vec<_> = state.store.list().unwrap().iter().map(|release| release.version.to_string()).collect();
    assert_eq!(listed, ["4.9.0", "4.10.0-rc1", "4.10.0"]);
    let found = state.store.find(&Version::new("4.10.0").unwrap()).unwrap().unwrap();
    assert_eq!(state.store.get(&found.id).unwrap().unwrap().digest, found.digest);
    assert_eq!(state.store.manifest(&found.id).unwrap(), found.manifest);
    let unknown = ReleaseId::new(&found.version, &Digest([0; 32]));
    assert!(state.store.get(&unknown).unwrap().is_none());
    assert!(state.store.manifest(&unknown).is_none());
}

#[tokio::test]
async fn what_is_half_there_is_no_release() {
    let product = product(&["1.0"]);
    let state = StateFolder::new();
    let release = built(&state, &product, "1.0").await;
    let folder = release.tree.parent().unwrap().to_path_buf();
    let meta = fs::read_to_string(folder.join("meta.json")).unwrap();
    for (wrong, problem) in [
        ("", "meta.json"),
        (&meta.replace("\"schema\": 1", "\"schema\": 2"), "schema 2"),
        (&meta.replace(&release.digest.to_string(), &"0".repeat(64)), "do not belong together"),
    ] {
        fs::write(folder.join("meta.json"), wrong).unwrap();
        let error = state.store.get(&release.id).unwrap_err().to_string();
        assert!(error.contains(problem) && error.contains("--rebuild"), "{error}");
        assert!(state.store.list().unwrap().is_empty());
        assert!(state.store.find(&release.version).unwrap().is_none());
    }
    fs::write(folder.join("meta.json"), &meta).unwrap();
    release.verify().unwrap();
    fs::set_permissions(&release.tree, fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(release.tree.join("version")).unwrap();
    assert!(release.verify().unwrap_err().to_string().contains("\"version\" is missing"));
    // An empty folder in the place of a release, as after a disk was lost.
    fs::create_dir_all(state.path().join("releases/2.0-00000000/tree")).unwrap();
    assert!(state.store.get(&"2.0-00000000".parse().unwrap()).is_err());
    // Built again in its place, whole.
    built(&state, &product, "1.0").await.verify().unwrap();
}

#[tokio::test]
async fn what_is_set_aside_is_found_by_nobody_and_goes_back_unless_it_is_removed() {
    let product = product(&["1.0", "2.0", "3.0"]);
    let state = StateFolder::new();
    let mut ids = Vec::new();
    for version in ["1.0", "2.0", "3.0"] {
        ids.push(built(&state, &product, version).await.id);
    }
    fs::create_dir(state.path().join("releases/.building-left")).unwrap();
    let listed = state.store.built().unwrap();
    assert!(listed.len() == 3 && listed.iter().all(|built| built.bytes.0 >= 4096), "{listed:?}");
    let aside = state.store.set_aside(&ids).unwrap();
    assert!(state.store.list().unwrap().is_empty());
    let error = state.store.set_aside(&ids).unwrap_err().to_string();
    assert!(error.contains("builds; try again when it is done"), "nobody builds, or prunes, meanwhile: {error}");
    drop(aside);
    assert_eq!(state.stored(), ids.iter().map(ToString::to_string).collect::<Vec<_>>());
    let gone = "9.0-00000000".parse().unwrap();
    let mut aside = state.store.set_aside(&[ids[1].clone(), gone, ids[0].clone()]).unwrap();
    aside.put_back(|id| *id == ids[0]).unwrap();
    let (removed, failed) = aside.remove();
    assert!(removed == [ids[1].clone()] && failed.is_none(), "{removed:?} {failed:?}");
    assert_eq!(state.stored(), [&ids[0], &ids[2]].map(ToString::to_string));
    let names = fs::read_dir(state.path().join("releases")).unwrap().flatten().map(|entry| entry.file_name());
    assert!(names.into_iter().all(|name| name == ".lock" || !name.as_encoded_bytes().starts_with(b".")));
}

fn mark(version: &str, environment: &str, verdict: Mark) -> MarkRecord {
    MarkRecord::new(
        Timestamp::UNIX_EPOCH,
        ReleaseId::new(&Version::new(version).unwrap(), &Digest([1; 32])),
        Environment::new(environment).unwrap(),
        Some(RolloutId::new("r1").unwrap()),
        verdict,
    )
}

fn bad() -> Mark {
    Mark::Bad { reason: "a gate \"failed\"\non mw01".into() }
}

#[test]
fn marks_are_kept_in_order_and_a_torn_line_costs_only_itself() {
    let state = StateFolder::new();
    assert_eq!(state.store.marks().unwrap(), []);
    let marks = [mark("1.0", "beta", Mark::Good), mark("2.0", "beta", bad())];
    state.store.mark(&marks[0]).unwrap();
    let mut file = OpenOptions::new().append(true).open(state.path().join("marks.jsonl")).unwrap();
    file.write_all(b"{\"v\":1,\"at\":\"20").unwrap();
    state.store.mark(&marks[1]).unwrap();
    assert_eq!(state.store.marks().unwrap(), marks);
    assert_eq!(state.store.read_marks().unwrap().damaged, [2], "and is not passed over in silence");
}
