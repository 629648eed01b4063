//! One rollout as a job's summary wants it: Markdown for people, and JSON in the shape of JUnit's for whoever counts tests.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::narrate::Style;
use super::timing::Timings;
use crate::expr::fold;
use crate::model::{Bytes, HostId, HostIdx, Operator, Phase, RolloutId, StageIdx};
use crate::plan::{LeftOutReason, PlanKind};
use crate::rollout::{Event, Exit, HostEnd, HostStatus, Outcome, Record, State};
use crate::words::{beside, clean_line, count, ended, event_line, failure_groups, known, measured, span, took};

/// Holds what `show --output junit` prints: a suite for each stage, a case for each host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobReport {
    /// The version of the format.
    pub schema: u32,
    /// What was installed where.
    pub name: String,
    /// The rollout.
    pub rollout: RolloutId,
    /// Who wanted it.
    pub operator: Operator,
    /// Why.
    pub reason: Option<String>,
    /// When it started.
    pub timestamp: Option<Timestamp>,
    /// How it ended; null while it has not.
    pub outcome: Option<Outcome>,
    /// What its process answered.
    pub exit_code: Option<u8>,
    /// How many cases it has.
    pub tests: usize,
    /// Those that failed.
    pub failures: usize,
    /// Those of which nobody knows, since they could not be reached or were lost in the middle of a switch.
    pub errors: usize,
    /// Those that were not tried, or went back because of others.
    pub skipped: usize,
    /// How long it took, in seconds; left out where nobody knows, since the clock was put back meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_s: Option<f64>,
    /// The stages, and the hosts that were left out.
    pub testsuites: Vec<Suite>,
}

/// Holds a stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// How many cases it has.
    pub tests: usize,
    /// Those that failed.
    pub failures: usize,
    /// Those of which nobody knows, since they could not be reached or were lost in the middle of a switch.
    pub errors: usize,
    /// Those that were not tried, or went back because of others.
    pub skipped: usize,
    /// How long it took, in seconds; left out where nobody knows, since the clock was put back meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_s: Option<f64>,
    /// Its hosts.
    pub testcases: Vec<Case>,
}

/// Says what became of a host, as JUnit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It has the release, or went back where that was asked for.
    Passed,
    /// It failed.
    Failed,
    /// Nobody knows.
    Error,
    /// It was not tried, left out, or went back because of others.
    Skipped,
}

/// Holds a host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Case {
    /// Its name.
    pub name: HostId,
    /// The environment and the stage: `production.canary`.
    pub classname: String,
    /// What became of it.
    pub status: Status,
    /// How long its transfer and its switch took, in seconds; left out where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_s: Option<f64>,
    /// The kind of its failure, or how it ended otherwise.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is wrong with it, or why it was left out.
    pub message: Option<String>,
    /// The last lines that it printed.
    pub output: Option<String>,
}

impl JobReport {
    /// Makes the report of a rollout; none when its journal has no plan.
    #[must_use]
    pub fn new(state: &State, timings: &Timings) -> Option<Self> {
        let plan = state.plan()?;
        let mut suites = Vec::with_capacity(plan.stages.len() + 1);
        for place in 0..plan.stages.len() {
            let idx = StageIdx(place);
            let Some((stage, _)) = state.stage(idx) else { continue };
            let classname = format!("{}.{}", plan.environment, stage.name);
            let cases = state.range_of(idx).filter_map(|index| {
                let host = state.host(index)?;
                Some(case(state, index, host, classname.clone(), timings.spent(index)))
            });
            suites.push(suite(stage.name.to_string(), stage_took(state, idx), cases.collect()));
        }
        let left_out = plan.left_out.iter().filter(|out| out.reason != LeftOutReason::Excluded).map(|out| Case {
            name: out.host.clone(),
            classname: format!("{}.left-out", plan.environment),
            status: match out.reason {
                LeftOutReason::Current => Status::Passed,
                LeftOutReason::Unreachable => Status::Error,
                LeftOutReason::NoTarget | LeftOutReason::Excluded => Status::Skipped,
            },
            time_s: Some(0.0),
            kind: if out.reason == LeftOutReason::Current { HostEnd::Current } else { HostEnd::Skipped }.to_string(),
            message: Some(clean_line(&out.message).into_owned()).filter(|message| !message.is_empty()),
            output: None,
        });
        let left_out: Vec<Case> = left_out.collect();
        if !left_out.is_empty() {
            suites.push(suite("left out".to_owned(), Some(Duration::ZERO), left_out));
        }
        let sum = |of: fn(&Suite) -> usize| suites.iter().map(of).sum();
        Some(Self {
            schema: 1,
            name: format!("{} on {}", plan.version, plan.environment),
            rollout: plan.rollout.clone(),
            operator: plan.operator.clone(),
            reason: plan.reason.clone(),
            timestamp: state.started(),
            outcome: state.outcome(),
            exit_code: state.exit_code(),
            tests: sum(|suite| suite.tests),
            failures: sum(|suite| suite.failures),
            errors: sum(|suite| suite.errors),
            skipped: sum(|suite| suite.skipped),
            time_s: seconds(state.took()),
            testsuites: suites,
        })
    }
}

fn suite(name: String, took: Option<Duration>, testcases: Vec<Case>) -> Suite {
    let of = |status: Status| testcases.iter().filter(|case| case.status == status).count();
    let (failures, errors, skipped) = (of(Status::Failed), of(Status::Error), of(Status::Skipped));
    Suite { name, tests: testcases.len(), failures, errors, skipped, time_s: seconds(took), testcases }
}

fn seconds(took: Option<Duration>) -> Option<f64> {
    took.map(|took| took.as_secs_f64())
}

fn case(state: &State, index: HostIdx, host: &HostStatus, classname: String, took: Option<Duration>) -> Case {
    let end = state.host_end(index);
    let back = state.plan().is_some_and(|plan| plan.kind == PlanKind::Rollback);
    let status = match end {
        HostEnd::Healthy | HostEnd::Primed | HostEnd::Current => Status::Passed,
        HostEnd::RolledBack if back => Status::Passed,
        HostEnd::RolledBack if host.failure.is_some() => Status::Failed,
        HostEnd::Failed => Status::Failed,
        HostEnd::Unreachable | HostEnd::Unknown => Status::Error,
        HostEnd::RolledBack | HostEnd::Skipped | HostEnd::Untried => Status::Skipped,
    };
    let failure = host.failure.as_ref();
    let message = failure.map(|failure| &failure.message).or(host.skipped.as_ref());
    Case {
        name: host.id.clone(),
        classname,
        status,
        time_s: seconds(took),
        kind: failure.map_or_else(|| end.to_string(), |failure| failure.class.to_string()),
        message: message.map(|message| clean_line(message).into_owned()),
        output: failure.map(|failure| crate::words::clean(&failure.output).into_owned()).filter(|out| !out.is_empty()),
    }
}

/// Tells how long a stage took: no time where it never began, and none that is known where the clock was put back.
fn stage_took(state: &State, idx: StageIdx) -> Option<Duration> {
    let (_, status) = state.stage(idx)?;
    let Some(started) = status.started else { return Some(Duration::ZERO) };
    measured(started, status.promoted.or_else(|| state.latest())?)
}

/// Writes one rollout from its journal in Markdown: how it ended, its stages, what failed, who decided what, and what is left to do;
/// gives the state that the journal folds to, too.
#[must_use]
pub fn markdown(records: &[Record], style: &Style) -> (State, String) {
    let (mut state, mut timings, mut decided) = (State::new(), Timings::default(), Vec::new());
    for record in records {
        state.apply(record);
        timings.apply(record, &state);
        decided.extend(decision(record, &state, style));
    }
    let text = summed_up(&state, &timings, &decided, style);
    (state, text)
}

fn summed_up(state: &State, timings: &Timings, decided: &[String], style: &Style) -> String {
    let Some(plan) = state.plan() else {
        return String::new();
    };
    let debt = state.summary().debt;
    let outcome = match state.outcome() {
        Some(outcome) => ended(outcome, debt.len()).1,
        None => "not over".to_owned(),
    };
    let verb = match plan.kind {
        PlanKind::Install => "",
        PlanKind::Prime => "transfer of ",
        PlanKind::Rollback => "rollback to ",
    };
    let mut text = format!("## {verb}{} on {}: {outcome}\n\n", escaped(plan.version.as_str()), plan.environment);
    let mut fact = |name: &str, value: String| text.push_str(&format!("- **{name}**: {value}\n"));
    fact("rollout", format!("`{}`, by {}", plan.rollout, escaped(&plan.operator.0)));
    if let Some(reason) = &plan.reason {
        fact("why", escaped(reason));
    }
    if let Some(started) = state.started() {
        let started = started.to_zoned(style.zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z");
        fact("started", format!("{started}, took {}", known(state.took(), took)));
    }
    fact("hosts", crate::words::counts(state, state.range()));
    if let Some(lead) = timings.lead().text() {
        fact("lead time", lead);
    }
    if state.bytes() > Bytes(0) {
        fact("travelled", state.bytes().to_string());
    }
    if let Some(code) = state.exit_code() {
        fact("exit", format!("{code}: {}", Exit::of_code(code).map_or("unknown", Exit::meaning)));
    }
    text.push_str("\n| stage | hosts | healthy | failed | took | soaked |\n|---|---:|---:|---:|---:|---:|\n");
    for place in 0..plan.stages.len() {
        let idx = StageIdx(place);
        let Some((stage, status)) = state.stage(idx) else { continue };
        let failed = state.range_of(idx).filter(|&index| state.host(index).is_some_and(|host| host.failure.is_some()));
        let until = status.promoted.or_else(|| state.latest());
        let since =
            |since: Option<Timestamp>| since.zip(until).map(|(since, until)| known(measured(since, until), span));
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} |\n",
            escaped(stage.name.as_str()),
            stage.hosts(),
            state.count_in(idx, Phase::Healthy),
            failed.count(),
            since(status.started).unwrap_or_default(),
            since(status.soak.map(|soak| soak.since)).unwrap_or_default(),
        ));
    }
    let groups = failure_groups(state);
    if !groups.is_empty() {
        text.push_str("\n### What failed\n\n");
    }
    for group in groups {
        let hosts = count(group.hosts.len(), "host");
        text.push_str(&format!("- **{}**, {hosts} (`{}`): {}\n", group.class, group.names, escaped(&group.message)));
        if let Some(hint) = group.hint {
            text.push_str(&format!("  - try: {}\n", escaped(&hint)));
        }
    }
    if !decided.is_empty() {
        text.push_str("\n### What people decided\n\n");
        decided.iter().for_each(|line| text.push_str(&format!("- {line}\n")));
    }
    if !debt.is_empty() {
        let hosts: Vec<HostId> = debt.iter().map(|debt| debt.host.clone()).collect();
        let (number, names) = (count(hosts.len(), "host"), fold(&hosts));
        text.push_str(&format!("\n### Debt\n\n{number} should have it and do not: `{names}`\n"));
        // What went back or was stopped is not what the environment finalized last.
        if state.outcome() == Some(Outcome::Completed) {
            let (environment, slot) = (&plan.environment, beside(plan.slot.as_ref()));
            text.push_str(&format!("\n`coalmine -e {environment} install-world --debt{slot}` installs it there.\n"));
        }
    }
    text
}

/// Tells what a person did to a rollout, with its time; `state` has the record applied already.
fn decision(record: &Record, state: &State, style: &Style) -> Option<String> {
    let is_a_persons = matches!(
        record.event,
        Event::Held { .. }
            | Event::SoakChanged { .. }
            | Event::Promoted { by: Some(_), .. }
            | Event::Paused { .. }
            | Event::Continued { .. }
            | Event::AbortRequested { .. }
            | Event::RollbackStarted { by: Some(_), .. }
            | Event::HostRetried { .. }
            | Event::HostDepooled { by: Some(_), .. }
            | Event::HostRepooled { by: Some(_), .. }
            | Event::Suspended { .. }
            | Event::Resumed { .. }
    );
    let line = is_a_persons.then(|| event_line(record, state, &style.zone, style.look))??;
    Some(format!("{} {}", crate::words::clock(record.at, &style.zone), escaped(&line.sentence())))
}

/// Takes from a text what Markdown would act on, so that what a host printed stays what it is.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean_line(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&' | '!') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
