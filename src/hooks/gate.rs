use super::api::GateAnswer;
use super::site::StageGateSettings;
use crate::model::Verdict;
use crate::process::{Ending, Ran};
use crate::rollout::GateScope;

/// The exit code of a gate that cannot tell (`EX_TEMPFAIL`, sysexits.h).
const INCONCLUSIVE: i32 = 75;

/// Says what a command's end means to the gate of a stage.
///
/// Exit 0 passes, 75 is inconclusive, anything else fails, as does a command that is not done in time: what hangs now may
/// hang because of the release. Where a bound is set, exit 0 without exactly one finite number on standard output is
/// inconclusive, and so is a value that is to be compared with one from before the stage when there is none. `max` holds before the
/// stage too: a site that is unwell already cannot vouch for anything. A factor is taken as it is written, so a value of 0 before
/// the stage allows none but 0 after it; `max` alone is the bound to set where 0 is usual.
#[must_use]
pub fn judge(gate: &StageGateSettings, scope: GateScope, baseline: Option<f64>, ran: &Ran) -> GateAnswer {
    let why = |what: String| ran.last_line().map_or_else(|| what.clone(), |line| format!("{what}: {line}"));
    let answer = |verdict, value, message| GateAnswer { verdict, value, message };
    match ran.ending {
        Ending::TimedOut => {
            return answer(Verdict::Fail, None, why(format!("not done within {:#}", seconds(gate.timeout))));
        }
        Ending::TooMuch => return answer(Verdict::Fail, None, why("printed too much".to_owned())),
        Ending::Killed(signal) => return answer(Verdict::Fail, None, why(format!("killed by signal {signal}"))),
        Ending::Exited(0) => {}
        Ending::Exited(INCONCLUSIVE) => {
            return answer(Verdict::Inconclusive, None, why(format!("exit {INCONCLUSIVE}, it could not tell")));
        }
        Ending::Exited(code) => return answer(Verdict::Fail, None, why(format!("exit {code}"))),
    }
    let value = number(&ran.output.text());
    if gate.max.is_none() && gate.baseline.is_none() {
        return answer(Verdict::Pass, value, String::new());
    }
    let Some(number) = value else {
        let printed = ran.output.text();
        let printed = printed.trim();
        let message = if printed.is_empty() {
            "it printed no number".to_owned()
        } else {
            format!("it printed {:?} where one number was expected", printed.chars().take(60).collect::<String>())
        };
        return answer(Verdict::Inconclusive, None, message);
    };
    if let Some(max) = gate.max
        && number > max
    {
        return answer(Verdict::Fail, value, format!("{number} is more than {max}"));
    }
    if let Some(factor) = gate.baseline
        && scope != GateScope::Baseline
    {
        let Some(before) = baseline else {
            return answer(Verdict::Inconclusive, value, "there is no value from before the stage".to_owned());
        };
        if number > before * factor {
            return answer(
                Verdict::Fail,
                value,
                format!("{number} is more than {factor} times {before}, its value before the stage"),
            );
        }
    }
    answer(Verdict::Pass, value, String::new())
}

/// Reads the one number that a gate prints.
fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// Makes a duration one that people read.
fn seconds(duration: std::time::Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}
