use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;

use super::super::{GateAnswer, HookSettings, Place, Site as _, SiteHooks, StageGateSettings, StageQuestion};
use crate::config::{CommandTemplate, DryWords, Template};
use crate::model::{Digest, HostId, ReleaseId, StageName, Verdict, Version};
use crate::rollout::GateScope;

/// Makes a command for the shell; the words are in its environment.
fn sh(script: &str) -> CommandTemplate {
    CommandTemplate::shell(script).unwrap()
}

fn settings() -> HookSettings {
    HookSettings {
        depool: None,
        repool: None,
        announce: None,
        phases: BTreeMap::new(),
        beside: BTreeMap::new(),
        irc: None,
        timeout: Duration::from_secs(10),
    }
}

fn gate(script: &str) -> StageGateSettings {
    StageGateSettings {
        name: "errors".into(),
        run: sh(script),
        timeout: Duration::from_secs(10),
        retries: 0,
        max: None,
        baseline: None,
    }
}

fn question(scope: GateScope, baseline: Option<f64>) -> StageQuestion {
    StageQuestion {
        stage: StageName::new("canary").unwrap(),
        gate: "errors".into(),
        scope,
        hosts: ["mw01", "mw02"].map(|name| HostId::new(name).unwrap()).to_vec(),
        baseline,
    }
}

async fn ask(gate: StageGateSettings, baseline: Option<f64>) -> GateAnswer {
    SiteHooks::new(settings(), [gate], DryWords::default()).ask(&question(GateScope::Stage, baseline)).await
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[tokio::test]
async fn the_exit_code_decides_where_no_bound_is_set() {
    for (script, verdict, value, message) in [
        ("echo 3.5", Verdict::Pass, Some(3.5), ""),
        ("echo all is well", Verdict::Pass, None, ""),
        ("echo no data >&2; exit 75", Verdict::Inconclusive, None, "exit 75, it could not tell: no data"),
        ("echo 500s; exit 3", Verdict::Fail, None, "exit 3: 500s"),
        ("kill -9 $$", Verdict::Fail, None, "killed by signal 9"),
    ] {
        let answer = ask(gate(script), None).await;
        assert_eq!((answer.verdict, answer.value, answer.message.as_str()), (verdict, value, message), "{script}");
    }
}

#[tokio::test]
async fn the_number_is_held_against_its_bounds() {
    for (script, max, factor, baseline, verdict) in [
        ("echo 10", Some(10.0), None, None, Verdict::Pass),
        ("echo 10.01", Some(10.0), None, None, Verdict::Fail),
        ("echo 1.2", None, Some(1.2), Some(1.0), Verdict::Pass),
        ("echo 1.3", None, Some(1.2), Some(1.0), Verdict::Fail),
        ("echo 1.3", Some(10.0), Some(1.2), Some(1.0), Verdict::Fail),
        ("echo 0.1", None, Some(1.2), Some(0.0), Verdict::Fail),
        ("echo 1.0", None, Some(1.2), None, Verdict::Inconclusive),
        ("true", Some(10.0), None, None, Verdict::Inconclusive),
        ("echo nan", Some(10.0), None, None, Verdict::Inconclusive),
        ("echo 1 2", Some(10.0), None, None, Verdict::Inconclusive),
        ("echo inf", None, Some(1.2), Some(1.0), Verdict::Inconclusive),
    ] {
        let answer = ask(StageGateSettings { max, baseline: factor, ..gate(script) }, baseline).await;
        assert_eq!(answer.verdict, verdict, "{script} max {max:?} factor {factor:?} of {baseline:?}: {answer:?}");
    }
}

#[tokio::test]
async fn before_the_stage_the_factor_says_nothing_and_the_bound_does() {
    let ask = async |script: &str| {
        let gate = StageGateSettings { max: Some(10.0), baseline: Some(1.2), ..gate(script) };
        SiteHooks::new(settings(), [gate], DryWords::default()).ask(&question(GateScope::Baseline, None)).await
    };
    assert_eq!(ask("echo 2").await, GateAnswer { verdict: Verdict::Pass, value: Some(2.0), message: String::new() });
    assert_eq!(ask("echo 20").await.verdict, Verdict::Fail);
}

#[tokio::test]
async fn a_gate_that_hangs_fails_in_time_and_says_so() {
    let started = Instant::now();
    let answer = ask(StageGateSettings { timeout: Duration::from_millis(200), ..gate("sleep 300") }, None).await;
    assert_eq!(answer.verdict, Verdict::Fail);
    assert!(answer.message.starts_with("not done within "), "{}", answer.message);
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn a_gate_is_tried_again_as_often_as_it_says_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let script = format!("echo x >> '{0}'; test $(wc -l < '{0}') -ge 3", log.display());
    let answer = ask(StageGateSettings { retries: 2, ..gate(&script) }, None).await;
    assert_eq!((answer.verdict, read(&log).lines().count()), (Verdict::Pass, 3));
    std::fs::remove_file(&log).unwrap();
    let answer = ask(StageGateSettings { retries: 1, ..gate(&script) }, None).await;
    assert_eq!((answer.verdict, read(&log).lines().count()), (Verdict::Fail, 2));
}

#[tokio::test]
async fn a_gate_that_cannot_run_or_is_unknown_says_nothing_about_the_release() {
    let mut missing = gate("true");
    missing.run = CommandTemplate::Argv(vec![Template::parse("/no/such").unwrap()]);
    let answer = ask(missing, None).await;
    assert_eq!(answer.verdict, Verdict::Inconclusive);
    assert!(answer.message.contains("/no/such"), "{}", answer.message);
    let none = SiteHooks::new(settings(), [], DryWords::default());
    assert_eq!(none.ask(&question(GateScope::Stage, None)).await.verdict, Verdict::Inconclusive);
}

#[tokio::test]
async fn a_gate_knows_its_stage_and_hosts() {
    let answer = ask(gate("test \"$COALMINE_STAGE:$COALMINE_HOSTS:$COALMINE_HOST\" = canary:mw01,mw02:"), None).await;
    assert_eq!(answer.verdict, Verdict::Pass, "{answer:?}");
}

#[tokio::test]
async fn a_host_is_depooled_and_repooled_by_its_name_and_a_failure_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let settings = HookSettings {
        depool: Some(sh(&format!("echo out $COALMINE_HOST {{stage}} {{previous}} >> '{}'", log.display()))),
        repool: Some(sh("echo the balancer is away >&2; exit 2")),
        ..settings()
    };
    let host = HostId::new("mw01").unwrap();
    let previous = ReleaseId::new(&Version::new("1.0").unwrap(), &Digest([7; 32]));
    let place = Place { stage: StageName::new("canary").unwrap(), previous: Some(previous) };
    let site = SiteHooks::new(settings, [], DryWords::default()).with_hosts([(host.clone(), place)]);
    site.depool(&host).await.unwrap();
    assert_eq!(read(&log), "out mw01 canary 1.0-07070707\n");
    assert_eq!(site.repool(&host).await.unwrap_err().to_string(), "/bin/sh: exit 2: the balancer is away");
}

#[tokio::test]
async fn a_site_without_commands_does_nothing() {
    let site = SiteHooks::new(settings(), [], DryWords::default());
    site.depool(&HostId::new("mw01").unwrap()).await.unwrap();
    site.announce("x").await.unwrap();
}

#[tokio::test]
async fn a_message_goes_to_the_command_and_to_irc_though_one_of_them_fails() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let irc = Some(listener.local_addr().unwrap().to_string());
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        heard
    });
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let announce = Some(sh(&format!("cat > '{}'; exit 1", log.display())));
    let site = SiteHooks::new(HookSettings { announce, irc, ..settings() }, [], DryWords::default());
    assert_eq!(site.announce("it is done").await.unwrap_err().to_string(), "/bin/sh: exit 1");
    assert_eq!((read(&log).as_str(), heard.await.unwrap().as_str()), ("it is done\n", "it is done\n"));
}
