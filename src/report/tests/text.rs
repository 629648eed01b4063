use std::time::{Duration, Instant};

use super::story::{
    ASCII, COLOR, PLAIN, Story, bad, gate_failure, good, id, plan, release, stage_name, style, version,
};
use crate::model::{Failure, FailureClass, Installed, Phase, RollBackTarget, RolloutId, Slot};
use crate::plan::{OnFailure, Plan, PlanKind};
use crate::report::{Look, RolloutRow, failure_groups, plan_text, show_text};
use crate::rollout::{Event, Outcome};

fn show(story: &Story, look: Look) -> String {
    show_text(&story.records, None, &style(look)).1.join("\n")
}

#[test]
fn a_rollout_that_goes_well() {
    insta::assert_snapshot!("good", show(&good(), PLAIN));
}

#[test]
fn a_rollout_that_goes_back() {
    insta::assert_snapshot!("bad", show(&bad(), PLAIN));
}

#[test]
fn what_took_nobody_knows_how_long_since_the_clock_was_put_back_is_not_told_as_nothing() {
    let mut records = good().records;
    let done = records.iter().position(|record| matches!(record.event, Event::Promoted { .. })).unwrap();
    for record in &mut records[done..] {
        record.at -= jiff::SignedDuration::from_hours(24);
    }
    let (state, lines) = show_text(&records, None, &style(PLAIN));
    let shown = lines.join("\n");
    assert!(shown.contains("took      unknown: the clock was put back meanwhile (masters unknown; "), "{shown}");
    assert!(shown.contains("stage masters done: 1 healthy\n") && !shown.contains(" 0.0s"), "{shown}");
    assert_eq!(RolloutRow::new(&state, None, false, None).unwrap().took_s, None);
}

/// Gives what is proposed to type after a rollout that ended so, in which the last host failed.
fn proposed(made: Plan, outcome: Outcome) -> Vec<String> {
    let mut story = Story::new(made);
    story.lock();
    story.prime(0);
    story.start("fleet");
    let fleet = story.hosts("fleet");
    let (last, others) = fleet.split_last().unwrap();
    story.switch(others);
    story.fail(last, Failure::new(FailureClass::Transfer, "no"));
    story.finish(outcome);
    let shown = show(&story, PLAIN);
    let lines = shown.lines().filter_map(|line| line.trim_start().strip_prefix("next      coalmine -e production "));
    lines.map(|line| line.split("    ").next().unwrap().to_owned()).collect()
}

#[test]
fn what_is_proposed_next_means_the_link_the_hosts_and_the_release_of_the_rollout() {
    let whole = || {
        let mut made = plan(2);
        made.left_out.clear();
        made
    };
    let slot = || Slot::new("amy").ok();
    let rollback = |to: RollBackTarget| {
        let mut made = whole();
        made.kind = PlanKind::Rollback;
        made.hosts.iter_mut().for_each(|host| host.to = Some(to.clone()));
        made
    };
    let commit = || Plan { version: version("4.283.0-2-gdeadbee012"), ..whole() };
    let last = "-l 'mw04.eqiad.wmnet'";
    let debts = [
        (whole(), "install-world 4.283.0"),
        (commit(), "install-world --rev 4.283.0-2-gdeadbee012"),
        (Plan { emergency: true, ..commit() }, "install-world --rev 4.283.0-2-gdeadbee012 --no-fetch"),
        (Plan { slot: slot(), ..whole() }, "install-world 4.283.0 --slot amy"),
        (Plan { kind: PlanKind::Prime, ..whole() }, "install-world 4.283.0 --prime"),
        (rollback(RollBackTarget::Release { id: id("4.282.0", 0x28) }), "rollback --to 4.282.0"),
        (rollback(RollBackTarget::Adopted), "rollback --to adopted"),
        (Plan { slot: slot(), ..rollback(RollBackTarget::Nothing) }, "rollback --slot amy"),
    ];
    for (made, line) in debts {
        assert_eq!(proposed(made, Outcome::Completed), [format!("{line} {last}")]);
    }
    let mut each = rollback(RollBackTarget::Release { id: id("4.282.0", 0x28) });
    each.hosts[3].to = Some(RollBackTarget::Release { id: id("4.281.0", 0x27) });
    assert_eq!(proposed(each, Outcome::Completed), [format!("rollback --each {last}")]);
    assert_eq!(proposed(whole(), Outcome::Stopped), ["rollback", "install-world 4.283.0"]);
    assert_eq!(
        proposed(Plan { slot: slot(), ..commit() }, Outcome::Stopped),
        ["rollback --slot amy", "install-world --rev 4.283.0-2-gdeadbee012 --slot amy"]
    );
    // One that was limited to some hosts is of those.
    let only = "-l 'mw[01-04].eqiad.wmnet'";
    assert_eq!(
        proposed(plan(2), Outcome::Stopped),
        [format!("rollback {only}"), format!("install-world 4.283.0 {only}")]
    );
    let back = rollback(RollBackTarget::Adopted);
    assert_eq!(proposed(back, Outcome::Stopped), ["rollback --to adopted"], "the way back itself goes on");
    assert_eq!(
        proposed(Plan { slot: slot(), ..whole() }, Outcome::Locked),
        ["install-world 4.283.0 --slot amy --wait-lock 30m"]
    );
}

#[test]
fn a_rollback_of_each_host_to_its_own_release_names_that_of_each() {
    let mut made = plan(2);
    made.kind = PlanKind::Rollback;
    made.version = version("4.281.0");
    made.release = id("4.281.0", 0x27);
    let to = |name, digit| Some(RollBackTarget::Release { id: id(name, digit) });
    made.hosts.iter_mut().for_each(|host| host.to = to("4.281.0", 0x27));
    made.hosts[4].from = Some(release("4.281.0", 0x27));
    made.hosts[4].to = to("4.282.0", 0x28);
    let mut story = Story::new(made);
    story.lock();
    story.start("fleet");
    let fleet = story.hosts("fleet");
    story.switch(&fleet);
    story.finish(Outcome::Completed);
    let shown = show(&story, PLAIN);
    assert!(shown.contains("mw04.eqiad.wmnet      4.282.0 (was 4.281.0)"), "{shown}");
    assert!(shown.contains("mw03.eqiad.wmnet      4.281.0 (was 4.282.0)"), "{shown}");
    assert!(shown.contains("4.281.0 → 4.282.0 on 1 host"), "{shown}");
}

#[test]
fn colour_adds_nothing_to_what_is_said() {
    let coloured = show(&bad(), COLOR);
    insta::assert_snapshot!("bad_color", coloured.replace('\x1b', "␛"));
    assert_eq!(crate::words::clean(&coloured), show(&bad(), PLAIN));
}

#[test]
fn a_locale_without_unicode_gets_ascii() {
    for story in [good(), bad()] {
        let shown = show(&story, ASCII);
        assert!(shown.is_ascii(), "{shown}");
    }
    insta::assert_snapshot!("bad_ascii", show(&bad(), ASCII));
}

#[test]
fn nothing_that_came_from_elsewhere_reaches_the_terminal_as_an_order() {
    let evil = "\x1b[2J\x1b]0;x\x07 a\rb\u{9b}31m\ny";
    let mut made = plan(9);
    made.reason = Some(evil.into());
    made.operator = crate::model::Operator(evil.into());
    made.left_out[2].message = evil.into();
    made.hosts[1].from = Some(Installed::Unmanaged { version: Some(evil.into()) });
    let mut story = Story::new(made);
    story.lock();
    let hosts = story.hosts("fleet");
    story.fail(&hosts[0], Failure::new(FailureClass::Transfer, evil).hint(evil).output(evil));
    story.happens(Event::HostSkipped { host: hosts[1].clone(), reason: evil.into(), overtaken: false });
    story.happens(Event::HostDepooled { host: hosts[2].clone(), by: None, reason: None, error: Some(evil.into()) });
    story.happens(Event::AbortRequested { by: crate::model::Operator(evil.into()) });
    story.finish(Outcome::Stopped);
    let (_, mut lines) = show_text(&story.records, None, &style(PLAIN));
    lines.extend(plan_text(&story.plan, PLAIN));
    for line in lines {
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}

#[test]
fn the_same_failures_stand_together_and_hosts_keep_their_own() {
    let mut story = Story::new(plan(9));
    let fleet = story.hosts("fleet");
    for index in [0, 1, 2, 6] {
        story.fail(&fleet[index], gate_failure());
    }
    story.fail(&fleet[4], Failure::new(FailureClass::Transfer, "no space left on device"));
    story.fail(&fleet[5], Failure::new(FailureClass::Unreachable, "no answer within 10s"));
    let groups = failure_groups(&story.state);
    let shown: Vec<(FailureClass, String)> =
        groups.iter().map(|group| (group.class, crate::expr::fold(&group.hosts))).collect();
    assert_eq!(
        shown,
        [
            (FailureClass::Unhealthy, "mw[03-05,09].eqiad.wmnet".to_owned()),
            (FailureClass::Transfer, "mw07.eqiad.wmnet".to_owned()),
            (FailureClass::Unreachable, "mw08.eqiad.wmnet,db3.codfw.wmnet".to_owned()),
        ]
    );
}

#[test]
fn ten_thousand_hosts_are_told_in_few_lines_and_every_failure_is() {
    let mut story = Story::new(plan(9_997));
    story.lock();
    story.prime(3);
    story.start("fleet");
    let fleet = story.hosts("fleet");
    for group in fleet.chunks(80) {
        story.switch(group);
    }
    story.fail(&fleet[1234], gate_failure());
    story.promote("fleet");
    story.finish(Outcome::Completed);
    let started = Instant::now();
    let (_, lines) = show_text(&story.records, None, &style(PLAIN));
    assert!(lines.len() < 60, "{} lines", lines.len());
    assert!(lines.iter().all(|line| line.chars().count() < 600));
    assert!(lines.iter().any(|line| line.contains("mw1237.eqiad.wmnet") || line.contains("mw01237.eqiad.wmnet")));
    assert!(started.elapsed() < Duration::from_secs(60), "a debug build took {:?}", started.elapsed());
    let verbose = crate::report::Style { verbose: true, ..style(PLAIN) };
    assert!(show_text(&story.records, None, &verbose).1.len() > 400, "asked for, every change is told");
}

#[test]
fn a_paused_rollout_says_how_to_go_on() {
    let mut story = Story::new(plan(9));
    story.lock();
    let why = crate::rollout::PauseReason::GateInconclusive {
        stage: stage_name("canary"),
        gate: "error rate".into(),
        message: "it printed no number".into(),
    };
    story.happens(Event::Paused { why });
    let shown = show(&story, PLAIN);
    assert!(
        shown.contains("‖ paused: gate \"error rate\" of stage canary cannot tell: it printed no number"),
        "{shown}"
    );
    for command in ["continue", "rollback", "abort"] {
        assert!(shown.contains(&format!("coalmine {command} 20260301T120000Z-ab12")), "{command} in {shown}");
    }
}

#[test]
fn a_rollout_that_was_overtaken_is_not_to_be_gone_on_with() {
    let mut story = Story::new(plan(3));
    story.lock();
    let by = RolloutId::new("20260301T130000Z-cd34").unwrap();
    let shown = show_text(&story.records, Some(&by), &style(PLAIN)).1.join("\n");
    assert!(shown.contains("Not over, and overtaken by 20260301T130000Z-cd34"), "{shown}");
    assert!(shown.contains("coalmine show 20260301T130000Z-cd34"), "{shown}");
    assert!(!shown.contains("resume") && !shown.contains("attach"), "{shown}");
    assert!(show(&story, PLAIN).contains("coalmine resume 20260301T120000Z-ab12"));
}

#[test]
fn a_way_back_says_who_went_and_not_that_nobody_has_what_all_had() {
    let end = |from: Option<Installed>, failure: Option<&str>| {
        let mut made = plan(1);
        made.hosts.iter_mut().for_each(|host| host.from = from.clone());
        let mut story = Story::new(made);
        story.lock();
        let host = story.hosts("canary")[0].clone();
        for phase in [Phase::Activating, Phase::Active, Phase::Checking, Phase::RollingBack] {
            story.phase(&host, phase);
        }
        match failure {
            Some(failure) => story.fail(&host, Failure::new(FailureClass::Unhealthy, failure)),
            None => story.phase(&host, Phase::RolledBack),
        }
        story.finish(Outcome::RolledBack);
        show(&story, PLAIN)
    };
    let same = Installed::Release { id: plan(1).release, digest: None, drift: None };
    let shown = end(Some(release("4.282.0", 2)), None);
    assert!(shown.contains("Rolled back: 1 host went back, none was left on 4.283.0."), "{shown}");
    let shown = end(Some(same), None);
    assert!(shown.contains("Rolled back: 1 host went back.\n"), "{shown}");
    let shown = end(Some(release("4.282.0", 2)), Some("went back, and there too gate \"page\" failed: exit 1"));
    assert!(shown.contains("Rolled back: 1 host went back, the gates of 1 fail there too."), "{shown}");
}

#[test]
fn a_plan_is_told_with_who_who_not_and_what_if() {
    let mut made = plan(9);
    made.hosts[3].from = Some(Installed::Missing);
    made.hosts[4].from = Some(Installed::Unmanaged { version: Some("3.9".into()) });
    made.hosts[5].from = None;
    made.hosts[6].from = Some(Installed::Release {
        id: made.release.clone(),
        digest: Some(made.digest),
        drift: Some("bin/scap changed".into()),
    });
    made.hosts[7].from = Some(release("4.283.0", 0x1a));
    made.hosts[8].from = Some(release("4.283.0", 0x77));
    made.hosts[8].good = None;
    insta::assert_snapshot!("plan", plan_text(&made, PLAIN).join("\n"));
    made.kind = PlanKind::Rollback;
    made.policy.on_failure = OnFailure::Pause;
    insta::assert_snapshot!("plan_rollback_ascii", plan_text(&made, ASCII).join("\n"));
}

#[test]
fn a_plan_without_work_says_so() {
    let mut made = plan(9);
    made.hosts.clear();
    made.stages.iter_mut().for_each(|stage| stage.waves.clear());
    let shown = plan_text(&made, PLAIN).join("\n");
    assert!(shown.contains("nothing is to be done") && !shown.contains("goes back"), "{shown}");
}

#[test]
fn a_plan_of_many_waves_stays_short() {
    let mut made = plan(9_997);
    made.stages[2].waves = vec![1; 9_997];
    let lines = plan_text(&made, PLAIN);
    assert!(lines.len() < 60, "{} lines", lines.len());
    assert!(lines.iter().any(|line| line.contains("waves 11 to 9997")));
}
