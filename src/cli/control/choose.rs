use crate::deploy::{Error, in_environment, title, unknown_rollouts};

use crate::cli::Globals;
use crate::cli::ask::ask;
use crate::cli::output::is_interactive;
use crate::conductor::{running_among, waiting_among};
use crate::journal::{Entry, Rollouts};
use crate::model::RolloutId;

/// Finds the rollout that is meant among those that run: the one that was named, or the only one.
pub(in crate::cli) fn one_that_runs(
    globals: &Globals,
    rollouts: &Rollouts,
    named: Option<&RolloutId>,
) -> Result<RolloutId, Error> {
    if let Some(rollout) = named {
        let entry = rollouts.entry(rollout)?;
        return if entry.live { Ok(rollout.clone()) } else { Err(not_running(&entry)) };
    }
    let listing = rollouts.list()?;
    let entries = running_among(&listing.entries, globals.environment.as_ref());
    if entries.is_empty() {
        let failed = Error::before(format!("no rollout runs{}", in_environment(globals.environment.as_ref())));
        let waits = waiting_among(rollouts, &listing.entries, globals.environment.as_ref())?;
        let failed = match waits.resumable.last() {
            Some(entry) => {
                failed.hint(format!("{} waits: `coalmine resume {}` goes on with it", title(entry), entry.rollout))
            }
            None => globals.or_unknown(failed),
        };
        // One of which nothing can be read may be the one that is meant.
        return Err(unknown_rollouts(rollouts, &Ok(listing)).into_iter().fold(failed, Error::hint));
    }
    one_of(&entries, "runs", true)
}

/// Asks which of several rollouts is meant, where there is somebody who may be asked.
pub(super) fn one_of(entries: &[Entry], does: &str, may_ask: bool) -> Result<RolloutId, Error> {
    if let [entry] = entries {
        return Ok(entry.rollout.clone());
    }
    let list: String =
        entries.iter().zip(1..).map(|(entry, number)| format!("\n  {number}. {}", title(entry))).collect();
    let text = format!("more than one rollout {does}:{list}");
    let unclear = || Error::usage(&text).hint("name one, or its environment with -e ENV");
    if !may_ask || !is_interactive() {
        return Err(unclear());
    }
    let answer = ask(&format!("{text}\nWhich one, by its number? "))?;
    let chosen = answer.trim().parse().ok().and_then(|number: usize| entries.get(number.checked_sub(1)?));
    chosen.map(|entry| entry.rollout.clone()).ok_or_else(|| Error::usage("none was chosen; nothing was done"))
}

/// Says why a rollout cannot be controlled.
pub(super) fn not_running(entry: &Entry) -> Error {
    let rollout = &entry.rollout;
    match entry.ended {
        Some((outcome, _)) => Error::before(format!("rollout {rollout} is over: {outcome}"))
            .hint(format!("`coalmine show {rollout}` tells what happened")),
        None => Error::before(format!("no conductor runs rollout {rollout}"))
            .hint(format!("it waits: `coalmine resume {rollout}` goes on with it")),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{not_running, one_of};
    use crate::journal::Entry;
    use crate::model::{Digest, Environment, Operator, ReleaseId, RolloutId, Version};
    use crate::plan::PlanKind;
    use crate::rollout::Outcome;

    fn entry(rollout: &str, ended: Option<(Outcome, u8)>) -> Entry {
        let version = Version::new("1.2.0").unwrap();
        Entry {
            rollout: RolloutId::new(rollout).unwrap(),
            number: None,
            environment: Environment::new("production").unwrap(),
            product: None,
            kind: PlanKind::Install,
            release: ReleaseId::new(&version, &Digest([7; 32])),
            version,
            operator: Operator("amy@deploy".into()),
            reason: None,
            slot: None,
            emergency: false,
            started: Timestamp::UNIX_EPOCH,
            latest: Timestamp::UNIX_EPOCH,
            ended,
            live: ended.is_none(),
        }
    }

    #[test]
    fn of_two_that_run_nobody_chooses_for_the_deployer() {
        let (one, two) = (entry("one", None), entry("two", None));
        assert_eq!(one_of(std::slice::from_ref(&one), "runs", false).unwrap(), one.rollout);
        // The tests have no terminal, so nobody is asked.
        let failed = one_of(&[one, two], "runs", true).unwrap_err();
        assert_eq!(failed.exit().code(), 2);
        assert!(failed.message().contains("1. rollout one (1.2.0 in production, by amy@deploy)"), "{failed}");
        assert!(failed.message().contains("2. rollout two"), "{failed}");
    }

    #[test]
    fn what_does_not_run_is_over_or_waits() {
        let over = not_running(&entry("one", Some((Outcome::Completed, 0))));
        assert_eq!(over.hints(), ["`coalmine show one` tells what happened"]);
        let waits = not_running(&entry("one", None));
        assert_eq!(waits.hints(), ["it waits: `coalmine resume one` goes on with it"]);
    }
}
