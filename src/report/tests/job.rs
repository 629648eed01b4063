//! A rollout as a job's summary has it, told with the same stories.

use serde_json::{Value, json};

use super::story::{Story, bad, good};
use crate::model::{Operator, Phase};
use crate::report::{JobReport, Look, Style, Timings, markdown};
use crate::rollout::{Event, PauseReason, State};

fn style() -> Style {
    Style {
        look: Look { color: false, unicode: true },
        zone: jiff::tz::TimeZone::UTC,
        verbose: false,
        typed: crate::words::Typed::default(),
    }
}

fn junit(story: &Story) -> Value {
    let (state, timings) = Timings::fold(&story.records);
    serde_json::to_value(JobReport::new(&state, &timings).unwrap()).unwrap()
}

#[test]
fn a_summary_in_markdown_tells_how_it_ended_what_failed_and_what_is_left() {
    insta::assert_snapshot!("markdown_good", markdown(&good().records, &style()).1);
    insta::assert_snapshot!("markdown_bad", markdown(&bad().records, &style()).1);
    assert_eq!(markdown(&[], &style()), (State::new(), String::new()));
}

#[test]
fn whoever_has_it_told_in_markdown_need_not_fold_the_journal_again() {
    for story in [good(), bad()] {
        assert_eq!(markdown(&story.records, &style()).0, State::replay(&story.records));
    }
}

#[test]
fn nothing_that_a_person_or_a_host_wrote_is_markup() {
    let mut story = good();
    let why = PauseReason::Operator { by: Operator("bob|<b>@deploy`01".into()) };
    story.happens(Event::Paused { why });
    let (_, text) = markdown(&story.records, &style());
    assert!(text.contains(r"bob\|\<b\>@deploy\`01"), "{text}");
}

#[test]
fn a_time_that_nobody_knows_is_left_out_and_that_of_what_was_not_done_is_none() {
    let mut story = good();
    let records = &mut story.records;
    let is_healthy = |event: &Event| matches!(event, Event::HostPhase { phase: Phase::Healthy, .. });
    let done = records.iter().position(|record| is_healthy(&record.event)).unwrap();
    for record in &mut records[done..] {
        record.at -= jiff::SignedDuration::from_hours(24);
    }
    let report = junit(&story);
    assert_eq!(report.get("time_s"), None, "{report}");
    let suites = report["testsuites"].as_array().unwrap();
    assert_eq!(suites[0].get("time_s"), None, "it ended before it began: {report}");
    assert_eq!(suites.last().unwrap()["time_s"], json!(0.0), "nothing was done to who was left out: {report}");
    let cases = || suites.iter().flat_map(|suite| suite["testcases"].as_array().unwrap());
    assert!(cases().any(|case| case.get("time_s").is_none()), "{report}");
    assert!(cases().all(|case| case["classname"] != "production.left-out" || case["time_s"] == json!(0.0)), "{report}");
    let (_, text) = markdown(&story.records, &style());
    assert!(text.contains(", took unknown\n") && text.contains("| unknown |"), "{text}");
}

#[test]
fn every_host_is_a_case_of_its_stage_and_the_counts_add_up() {
    for story in [good(), bad()] {
        let report = junit(&story);
        let suites = report["testsuites"].as_array().unwrap();
        for count in ["tests", "failures", "errors", "skipped"] {
            let all: u64 = suites.iter().map(|suite| suite[count].as_u64().unwrap()).sum();
            assert_eq!(report[count], json!(all), "{count}");
        }
        for suite in suites {
            let cases = suite["testcases"].as_array().unwrap();
            assert_eq!(suite["tests"], json!(cases.len()));
            let failed = cases.iter().filter(|case| case["status"] == "failed").count();
            assert_eq!(suite["failures"], json!(failed), "{suite}");
            for case in cases {
                assert!(case["status"] == "passed" || !case["type"].as_str().unwrap().is_empty(), "{case}");
            }
        }
        assert_eq!(report["schema"], 1);
    }
    assert!(junit(&bad())["failures"].as_u64() > Some(0));
}
