//! Who may not begin anything, and when.

use super::{Here, refusal, simulated, tag};
use crate::deploy::{Goal, Kind, Options};
use crate::plan::BackTo;
use crate::release::fixture::Product;

/// A freeze window that is there whenever tests run.
const ALWAYS: &str = r#"
[[environments.production.freezes]]
name = "migration"
from = "2020-01-01"
until = "2099-01-01"
reason = "the database moves"
"#;

#[tokio::test]
async fn a_freeze_window_refuses_what_is_new_and_lets_the_rest_pass() {
    let product = Product::new();
    product.write("tool", "one").tag("1.0");
    let here = Here::with(product.path().to_str().unwrap(), ALWAYS);
    let prepare =
        async |goal: Goal, options: Options| here.deployment(simulated(&[])).await.prepare(goal, options).await;
    for goal in [Goal::Install(tag("1.0")), Goal::Activate(Some(tag("1.0")))] {
        let error = prepare(goal, Options::default()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Locked);
        let message = error.message();
        assert_eq!(
            message,
            "production is frozen by its window \"migration\" until Fri 2099-01-02 00:00 UTC: the database moves; nothing was changed"
        );
        assert!(error.hints()[0].starts_with("--override-freeze migration goes"), "{:?}", error.hints());
    }
    assert_eq!(here.notices(), [], "nothing was made and nobody asked");
    // What is primed runs nowhere.
    let primed = prepare(Goal::Prime(tag("1.0")), Options::default()).await.unwrap();
    assert_eq!(primed.plan.policy.freezes, []);
    // Whoever only looks is told, and whoever names the window goes ahead; the journal has both.
    let looks = prepare(Goal::Install(tag("1.0")), Options { dry_run: true, ..Options::default() }).await.unwrap();
    assert_eq!(looks.plan.policy.freezes.len(), 1);
    let warned = here.notices().into_iter().any(|notice| format!("{notice:?}").contains("frozen by its window"));
    assert!(warned);
    let goes = Options { override_freezes: vec!["migration".to_owned()], ..Options::default() };
    let plan = prepare(Goal::Install(tag("1.0")), goes).await.unwrap().plan;
    assert_eq!((plan.policy.freezes.len(), plan.policy.overridden), (0, vec!["migration".to_owned()]));
    assert!(plan.notes.iter().any(|note| note.contains("goes ahead inside the freeze window \"migration\"")));
    // The name of a window that is none is a mistake, and not consent to whatever there is.
    let wrong = Options { override_freezes: vec!["weekend".to_owned()], ..Options::default() };
    let (kind, message) = refusal(prepare(Goal::Install(tag("1.0")), wrong).await);
    assert_eq!(kind, Kind::Usage);
    assert!(message.contains("it has migration"), "{message}");
    let tree = here.folder.path().join("state");
    std::process::Command::new("chmod").arg("-R").arg("u+w").arg(tree).status().unwrap();
}

#[tokio::test]
async fn an_environment_is_deployed_to_from_the_machines_that_it_names() {
    let elsewhere = Here::with("/nowhere", "run_from = \"deploy[1-2].invalid\"");
    for goal in [Goal::Install(tag("1.0")), Goal::Prime(tag("1.0")), Goal::Rollback { to: BackTo::Last, each: false }] {
        let (kind, message) =
            refusal(elsewhere.deployment(simulated(&[])).await.prepare(goal, Options::default()).await);
        assert_eq!(kind, Kind::Usage);
        assert!(message.starts_with("production is deployed to from deploy[1-2].invalid, and this is "), "{message}");
        assert!(!message.contains("localhost"), "every machine is that: {message}");
    }
    assert_eq!(elsewhere.notices(), [], "nothing was made and nobody asked");
    let here = Here::with("/nowhere", "run_from = \"deploy1,localhost\"");
    let (kind, message) =
        refusal(here.deployment(simulated(&[])).await.prepare(Goal::Install(tag("1.0")), Options::default()).await);
    assert_eq!(kind, Kind::Before, "only the repository is missing: {message}");
}
