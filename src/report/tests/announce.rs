//! What the `hooks` room announces, told with the same stories.

use super::story::{Story, bad, good, plan};
use crate::hooks::announcement;
use crate::model::Operator;
use crate::rollout::{Event, PauseReason, State};

fn announced(story: &Story) -> Vec<String> {
    let mut state = State::new();
    let told = story.records.iter().filter_map(|record| {
        state.apply(record);
        announcement("scap", record, &state)
    });
    told.collect()
}

#[test]
fn start_and_end_are_announced_and_what_waits_for_a_person() {
    insta::assert_snapshot!("announced_good", announced(&good()).join("\n"));
}

#[test]
fn failure_is_announced_when_it_happens_and_at_the_end() {
    insta::assert_snapshot!("announced_bad", announced(&bad()).join("\n"));
}

#[test]
fn a_pause_is_announced_once_whoever_caused_it() {
    let pause = |story: &mut Story, why: PauseReason| story.happens(Event::Paused { why });
    let mut story = Story::new(plan(9));
    let why = PauseReason::NoneHealthy { stage: super::story::stage_name("canary") };
    story.happens(Event::Stopping { why: why.clone() });
    pause(&mut story, why);
    assert_eq!(announced(&story).len(), 1);
    pause(&mut story, PauseReason::Operator { by: Operator("bob@deploy01".into()) });
    story.happens(Event::Continued { by: Operator("bob@deploy01".into()) });
    assert_eq!(announced(&story).len(), 3);
}

#[test]
fn a_host_that_a_person_takes_out_of_service_is_announced_with_who_and_why() {
    let alice = || Some(Operator("alice@deploy01".into()));
    let mut story = Story::new(plan(9));
    let host = plan(9).hosts[1].host.clone();
    story.happens(Event::HostDepooled { host: host.clone(), by: None, reason: None, error: None });
    assert!(announced(&story).is_empty(), "what a rollout does by itself is told by its end");
    let reason = Some("its disk fails".to_owned());
    story.happens(Event::HostDepooled { host: host.clone(), by: alice(), reason, error: None });
    let error = Some("exit 2".to_owned());
    story.happens(Event::HostRepooled { host, by: alice(), reason: None, error });
    let told = announced(&story);
    assert!(told[0].contains(" was taken out of service by alice@deploy01: its disk fails ["), "{told:#?}");
    assert!(told[1].contains(" could not be put back into service, as alice@deploy01 asked: exit 2 ["), "{told:#?}");
}

#[test]
fn who_starts_a_rollout_tells_everybody_what_it_changes() {
    let mut changing = plan(9);
    let of = |version: &str| format!("from {version} on 3 hosts: 2 commits by Amy; files: 1 changed");
    changing.changes = ["4.282.1", "4.282.0", "4.281.0"].map(of).to_vec();
    let mut story = Story::new(changing);
    story.happens(Event::Locked { hosts: 9 });
    let told = announced(&story).concat();
    for text in
        ["; from 4.282.1 on 3 hosts: 2 commits by Amy; files: 1 changed; from 4.282.0 ", "; and from 1 release more ["]
    {
        assert!(told.contains(text), "{text}: {told}");
    }
}
