//! What a month's rollouts came to: how many, how they ended, how long a version took to the fleet.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::table::table;
use crate::plan::PlanKind;
use crate::rollout::Outcome;
use crate::words::{Look, Tone, span};

/// Says of a rollout what the totals of its month count.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    /// When it started.
    pub started: Timestamp,
    /// What it was for.
    pub kind: PlanKind,
    /// How it ended; none while it has not.
    pub outcome: Option<Outcome>,
    /// How many hosts should have the release and do not.
    pub debt: usize,
    /// How long it was from its tag to its end, in seconds, if it got there.
    pub lead_s: Option<f64>,
}

/// Sums up the rollouts of a month.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
pub struct Month {
    /// Which: `2026-11`.
    pub month: String,
    /// How many were started.
    pub rollouts: usize,
    /// Those that brought a version to its fleet, with or without debt.
    pub completed: usize,
    /// Those of them that left hosts in debt.
    pub in_debt: usize,
    /// Those that failed: stopped, or went back.
    pub failed: usize,
    /// Those that led back, or went back themselves.
    pub rollbacks: usize,
    /// From a tag to the fleet, in seconds: of half of those that got there it was less. Null where none did.
    pub lead_time_s: Option<f64>,
}

/// Sums rollouts up by the month in which they started, the latest first.
#[must_use]
pub fn months(rollouts: impl IntoIterator<Item = Counted>, zone: &TimeZone) -> Vec<Month> {
    let mut months: BTreeMap<String, (Month, Vec<f64>)> = BTreeMap::new();
    for counted in rollouts {
        let name = counted.started.to_zoned(zone.clone()).strftime("%Y-%m").to_string();
        let (month, leads) = months.entry(name.clone()).or_default();
        month.month = name;
        month.rollouts += 1;
        let is_back = counted.kind == PlanKind::Rollback;
        match counted.outcome {
            Some(Outcome::Completed) => {
                month.completed += 1;
                month.in_debt += usize::from(counted.debt > 0);
                month.rollbacks += usize::from(is_back);
            }
            Some(Outcome::RolledBack) => {
                month.rollbacks += 1;
                month.failed += usize::from(!is_back);
            }
            Some(Outcome::Stopped) => month.failed += 1,
            Some(Outcome::Locked) | None => {}
        }
        leads.extend(counted.lead_s.filter(|_| !is_back));
    }
    let summed = months.into_values().rev().map(|(month, mut leads)| {
        leads.sort_by(f64::total_cmp);
        Month { lead_time_s: leads.get(leads.len().saturating_sub(1) / 2).copied(), ..month }
    });
    summed.collect()
}

impl Month {
    /// Says how long a version took from its tag to the fleet, for people; empty where none got there.
    #[must_use]
    pub fn lead(&self) -> String {
        self.lead_time_s.and_then(|lead| Duration::try_from_secs_f64(lead).ok()).map(span).unwrap_or_default()
    }
}

/// Writes months for people, as a table.
#[must_use]
pub fn months_text(months: &[Month], look: Look) -> Vec<String> {
    if months.is_empty() {
        return vec!["no rollout yet".to_owned()];
    }
    let rows = months.iter().map(|month| {
        let counts = [month.rollouts, month.completed, month.in_debt, month.failed, month.rollbacks];
        let mut row = vec![month.month.clone()];
        row.extend(counts.map(|count| count.to_string()));
        row.push(month.lead());
        row
    });
    let heads = ["month", "rollouts", "completed", "in debt", "failed", "rollbacks", "tag to fleet (median)"];
    table(&heads, rows.collect(), look, |row, column| {
        let month = months.get(row)?;
        (column == 4 && month.failed > 0).then_some(Tone::Bad)
    })
}

#[cfg(test)]
mod tests {
    use super::{Counted, months, months_text};
    use crate::plan::PlanKind;
    use crate::rollout::Outcome;
    use crate::words::Look;

    #[test]
    fn a_month_counts_what_was_started_in_it_and_how_it_ended() {
        let counted = |started: &str, kind, outcome, debt, lead_s| Counted {
            started: started.parse().unwrap(),
            kind,
            outcome,
            debt,
            lead_s,
        };
        let (install, back) = (PlanKind::Install, PlanKind::Rollback);
        let past = [
            counted("2026-10-31T23:30:00Z", install, Some(Outcome::Completed), 0, Some(60.0)),
            counted("2026-11-01T00:30:00Z", install, Some(Outcome::Completed), 2, Some(7200.0)),
            counted("2026-11-02T00:30:00Z", install, Some(Outcome::Completed), 0, Some(60.0)),
            counted("2026-11-03T00:30:00Z", install, Some(Outcome::Completed), 0, Some(600.0)),
            counted("2026-11-04T00:30:00Z", install, Some(Outcome::RolledBack), 4, None),
            counted("2026-11-05T00:30:00Z", back, Some(Outcome::Completed), 0, Some(9.0)),
            counted("2026-11-06T00:30:00Z", install, Some(Outcome::Stopped), 4, None),
            counted("2026-11-07T00:30:00Z", install, None, 0, None),
        ];
        let found = months(past, &jiff::tz::TimeZone::UTC);
        let [november, october] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((october.month.as_str(), october.rollouts, october.completed), ("2026-10", 1, 1));
        assert_eq!((november.rollouts, november.completed, november.in_debt), (7, 4, 1));
        assert_eq!((november.failed, november.rollbacks), (2, 2));
        assert_eq!(november.lead_time_s, Some(600.0), "the median of those that brought a version forward");
        let text = months_text(&found, Look::default()).join("\n");
        assert!(text.contains("2026-11") && text.contains("10m"), "{text}");
        // A month is that of whoever looks.
        let east = months(past, &jiff::tz::TimeZone::fixed(jiff::tz::offset(2)));
        assert_eq!(east.iter().find(|month| month.month == "2026-11").unwrap().rollouts, 8);
    }
}
