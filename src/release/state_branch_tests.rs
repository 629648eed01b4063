use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use super::state_branch::{Noted, Recorded, StateBranch};
use crate::model::{Digest, Environment, Operator, ProductId, ReleaseId, RolloutId, Slot, Version};
use crate::release::Repository;
use crate::release::fixture::Product;

fn production() -> Environment {
    Environment::new("production").unwrap()
}

fn beta() -> Environment {
    Environment::new("beta").unwrap()
}

fn recorded(version: &str, at: &str) -> Recorded {
    let (version, digest) = (Version::new(version).unwrap(), Digest([7; 32]));
    Recorded {
        release: ReleaseId::new(&version, &digest),
        version,
        commit: "0123456789".repeat(4).parse().ok(),
        digest,
        rollout: RolloutId::new("r1").unwrap(),
        at: at.parse().unwrap(),
        by: Operator("amy@deploy1".into()),
        reason: Some("the fix".to_owned()),
        hosts: 2,
        debt: vec![crate::model::HostId::new("mw03").unwrap()],
        product: Some("tool".to_owned()),
        link: Some("/srv/tool/current".to_owned()),
    }
}

fn product(name: &str, link: &str) -> ProductId {
    ProductId { name: name.to_owned(), repository: "/git/mono".to_owned(), link: link.to_owned(), login: None }
}

fn tool() -> ProductId {
    product("tool", "/srv/tool/current")
}

/// Reads what an environment runs by its usual link.
async fn read(branch: &StateBranch, environment: &Environment) -> (Option<Recorded>, Vec<Noted>) {
    let mut noted = branch.refresh(Duration::from_secs(60)).await;
    let (mut records, unreadable) = branch.read(environment).await.unwrap();
    noted.extend(unreadable);
    (records.remove(&None), noted)
}

/// A remote, and two checkouts of it.
struct Servers {
    one: Product,
    two: Product,
    remote: TempDir,
}

impl Servers {
    fn new() -> Self {
        let one = Product::new();
        one.write("file", "content").tag("1.0");
        let remote = tempfile::tempdir().unwrap();
        one.git(&["clone", "--quiet", "--bare", ".", remote.path().to_str().unwrap()]);
        let two = Product::clone_of(&one);
        Self { one, two, remote }
    }

    async fn branch(&self, checkout: &Product) -> StateBranch {
        self.branch_of(checkout, tool()).await
    }

    async fn branch_of(&self, checkout: &Product, product: ProductId) -> StateBranch {
        let remote = Some(self.remote.path().to_str().unwrap().to_owned());
        let repository = Repository::open(checkout.path()).await.unwrap();
        StateBranch::new(repository, "coalmine/state".to_owned(), remote, product)
    }

    fn there(&self, arguments: &[&str]) -> String {
        let path = self.remote.path().to_str().unwrap();
        self.one.git(&[&["-C", path], arguments].concat())
    }
}

#[tokio::test]
async fn what_runs_is_a_file_and_the_log_is_the_list_of_deployments() {
    let servers = Servers::new();
    servers.one.write("file", "somebody edits this");
    let branch = servers.branch(&servers.one).await;
    let first = recorded("1.0", "2026-01-01T00:00:00Z");
    assert_eq!(branch.record(&production(), None, &first).await.unwrap(), []);
    let second = recorded("1.1", "2026-01-02T00:00:00Z");
    branch.record(&production(), None, &second).await.unwrap();
    branch.record(&production(), Some(&Slot::new("next").unwrap()), &first).await.unwrap();
    assert_eq!(read(&branch, &production()).await, (Some(second), vec![]));
    assert_eq!(read(&branch, &beta()).await, (None, vec![]));
    let log = servers.there(&["log", "--format=%an %aI %s", "coalmine/state"]);
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(
        lines,
        [
            "amy 2026-01-01T00:00:00Z production, slot next: 1.0 on 2 hosts",
            "amy 2026-01-02T00:00:00Z production: 1.1 on 2 hosts",
            "amy 2026-01-01T00:00:00Z production: 1.0 on 2 hosts",
        ]
    );
    let listed = servers.there(&["ls-tree", "-r", "--name-only", "coalmine/state"]);
    assert_eq!(listed, "README.md\nproduction/current.toml\nproduction/next.toml");
    assert!(servers.there(&["show", "coalmine/state:production/current.toml"]).contains("version = \"1.1\""));
    assert_eq!(servers.one.git(&["status", "--porcelain"]), "M file", "the checkout is somebody's");
}

#[tokio::test]
async fn two_deploy_servers_that_meet_keep_both_words() {
    let servers = Servers::new();
    let (one, two) = (servers.branch(&servers.one).await, servers.branch(&servers.two).await);
    let (old, new) = (recorded("1.0", "2026-01-01T00:00:00Z"), recorded("1.1", "2026-01-02T00:00:00Z"));
    assert_eq!(one.record(&production(), None, &new).await.unwrap(), []);
    // The second has heard of nothing, and its histories have no commit in common.
    assert_eq!(two.record(&production(), None, &old).await.unwrap(), [], "an older word is no error");
    assert_eq!(two.record(&beta(), None, &old).await.unwrap(), []);
    for branch in [&one, &two] {
        assert_eq!(read(branch, &production()).await, (Some(new.clone()), vec![]));
        assert_eq!(read(branch, &beta()).await, (Some(old.clone()), vec![]));
    }
    assert_eq!(one.record(&beta(), None, &new).await.unwrap(), []);
    assert_eq!(read(&two, &beta()).await.0, Some(new));
}

#[tokio::test]
async fn two_products_of_one_repository_write_over_nothing_of_each_other_and_believe_none_of_it() {
    let servers = Servers::new();
    let now = recorded("1.0", "2026-01-01T00:00:00Z");
    let mine = servers.branch(&servers.one).await;
    mine.record(&production(), None, &now).await.unwrap();
    let path = "production/current.toml".to_owned();
    let another = |product: &str| Noted::Another { path: path.clone(), product: product.to_owned() };
    // From the same checkout.
    let shop = product("shop", "/srv/shop/current");
    let theirs = servers.branch_of(&servers.one, shop.clone()).await;
    assert_eq!(read(&theirs, &production()).await, (None, vec![another("tool")]));
    let later = recorded("3.0", "2026-01-03T00:00:00Z");
    let refused = theirs.record(&production(), None, &later).await.unwrap_err().to_string();
    assert!(refused.contains("is of tool, another product; name the environment otherwise"), "{refused}");
    theirs.record(&beta(), None, &later).await.unwrap();
    assert_eq!(read(&mine, &production()).await, (Some(now.clone()), vec![]));
    // From one that has not heard of the other: who came first keeps the name.
    let far = servers.branch_of(&servers.two, shop).await;
    assert_eq!(far.record(&production(), None, &later).await.unwrap(), [another("tool")]);
    assert_eq!(read(&mine, &production()).await, (Some(now.clone()), vec![]));
    assert_eq!(read(&far, &production()).await, (None, vec![another("tool")]));
    // One that was renamed, or moved, is the same.
    for same in [product("tool4", "/srv/tool/current"), product("tool", "/opt/tool/current")] {
        let same = servers.branch_of(&servers.one, same).await;
        assert_eq!(read(&same, &production()).await.0.map(|found| found.version), Some(now.version.clone()));
    }
}

#[tokio::test]
async fn a_remote_that_is_away_or_was_rewritten_is_told_and_stops_nothing() {
    let servers = Servers::new();
    let branch = servers.branch(&servers.one).await;
    let (old, new) = (recorded("1.0", "2026-01-01T00:00:00Z"), recorded("1.1", "2026-01-02T00:00:00Z"));
    branch.record(&production(), None, &old).await.unwrap();
    // Somebody begins the branch anew.
    servers.there(&["update-ref", "refs/heads/coalmine/state", "main"]);
    let foreign = branch.record(&beta(), None, &new).await.unwrap_err().to_string();
    assert!(foreign.contains("it holds file, which is none of coalmine's"), "{foreign}");
    servers.there(&["update-ref", "-d", "refs/heads/coalmine/state"]);
    servers.branch(&servers.two).await.record(&beta(), None, &old).await.unwrap();
    let noted = branch.record(&production(), None, &new).await.unwrap();
    assert_eq!(noted, [Noted::Rewritten]);
    assert_eq!(read(&branch, &beta()).await.0, Some(recorded("1.1", "2026-01-02T00:00:00Z")));

    fs::remove_dir_all(servers.remote.path()).unwrap();
    let newest = recorded("1.2", "2026-01-03T00:00:00Z");
    let noted = branch.record(&production(), None, &newest).await.unwrap();
    assert!(matches!(noted.as_slice(), [Noted::NotPushed(why)] if !why.is_empty()), "{noted:?}");
    let (found, noted) = read(&branch, &production()).await;
    assert_eq!(found, Some(newest), "it is here all the same");
    assert!(matches!(noted.as_slice(), [Noted::NotFetched(_)]), "{noted:?}");
}

#[tokio::test]
async fn a_branch_that_is_somebody_elses_is_left_alone() {
    let servers = Servers::new();
    let repository = Repository::open(servers.one.path()).await.unwrap();
    let now = recorded("1.0", "2026-01-01T00:00:00Z");
    let main = StateBranch::new(repository.clone(), "main".to_owned(), None, tool());
    let refused = main.record(&production(), None, &now).await.unwrap_err().to_string();
    assert!(refused.contains("\"main\"") && refused.contains("product.state_branch"), "{refused}");
    let own = StateBranch::new(repository, "own".to_owned(), None, tool());
    own.record(&production(), None, &now).await.unwrap();
    servers.one.git(&["checkout", "--quiet", "own"]);
    let refused = own.record(&production(), None, &now).await.unwrap_err().to_string();
    assert!(refused.contains("somebody has checked it out"), "{refused}");
    servers.one.write("production/current.toml", "version = 1").commit("broken").git(&["checkout", "--quiet", "main"]);
    let (found, noted) = read(&own, &production()).await;
    assert_eq!((found, noted), (None, vec![Noted::Unreadable(vec!["production/current.toml".to_owned()])]));
    own.record(&production(), None, &now).await.unwrap();
    assert_eq!(read(&own, &production()).await, (Some(now), vec![]), "and mended by the next rollout");
}
