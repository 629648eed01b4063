//! What a month's rollouts came to: how many, how they ended, how long a version took to the fleet.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::table::table;
use crate::plan::PlanKind;
use crate::rollout::Outcome;
use crate::words::{Look, Tone, count, span};

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
    /// Those of the completed that led back, as a rollback by name does.
    pub led_back: usize,
    /// Those that failed: stopped, or went back. Together with the completed and those of [`Self::unfinished`] they are all.
    pub failed: usize,
    /// Those of the failed that went back.
    pub went_back: usize,
    /// Those that are not over, or never started since another one held the lock.
    pub unfinished: usize,
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
            // A rollback by name that ended as one did what it was for.
            Some(Outcome::RolledBack) if !is_back => {
                month.failed += 1;
                month.went_back += 1;
            }
            Some(Outcome::Completed | Outcome::RolledBack) => {
                month.completed += 1;
                month.in_debt += usize::from(counted.debt > 0);
                month.led_back += usize::from(is_back);
            }
            Some(Outcome::Stopped) => month.failed += 1,
            Some(Outcome::Locked) | None => month.unfinished += 1,
        }
        leads.extend(counted.lead_s.filter(|_| !is_back));
    }
    let summed = months.into_values().rev().map(|(month, mut leads)| {
        leads.sort_by(f64::total_cmp);
        let rollbacks = month.led_back + month.went_back;
        Month { rollbacks, lead_time_s: leads.get(leads.len().saturating_sub(1) / 2).copied(), ..month }
    });
    summed.collect()
}

impl Month {
    /// Says how many there were and how they ended, each of them once; in parentheses what became of which of them, where that is `whole`.
    #[must_use]
    pub fn describe(&self, whole: bool) -> String {
        let lead = if self.lead_time_s.is_some() { format!(", lead {}", self.lead()) } else { String::new() };
        let of_them = |parts: &[(usize, &str)]| {
            let parts = parts.iter().filter(|(count, _)| whole && *count > 0);
            let parts: Vec<String> = parts.map(|(count, what)| format!("{count} {what}")).collect();
            if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
        };
        let completed = of_them(&[(self.in_debt, "in debt"), (self.led_back, "led back")]);
        let failed = of_them(&[(self.went_back, "went back")]);
        let unfinished = if self.unfinished > 0 { format!(", {} unfinished", self.unfinished) } else { String::new() };
        format!(
            "{}{lead}: {} completed{completed}, {} failed{failed}{unfinished}",
            count(self.rollouts, "rollout"),
            self.completed,
            self.failed
        )
    }

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
        let completed = [month.completed, month.in_debt, month.led_back];
        let counts = [&[month.rollouts][..], &completed, &[month.failed, month.went_back, month.unfinished]].concat();
        let mut row = vec![month.month.clone()];
        row.extend(counts.iter().map(ToString::to_string));
        row.push(month.lead());
        row
    });
    // What is in parentheses is among those before it.
    let heads = [
        "month",
        "rollouts",
        "completed",
        "(in debt)",
        "(led back)",
        "failed",
        "(went back)",
        "unfinished",
        "tag to fleet (median)",
    ];
    table(&heads, rows.collect(), look, |row, column| {
        let month = months.get(row)?;
        (column == 5 && month.failed > 0).then_some(Tone::Bad)
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
        assert_eq!((november.led_back, november.went_back, november.unfinished), (1, 1, 1));
        for month in &found {
            assert_eq!(month.completed + month.failed + month.unfinished, month.rollouts, "each is counted once");
        }
        assert_eq!(
            november.describe(true),
            "7 rollouts, lead 10m: 4 completed (1 in debt, 1 led back), 2 failed (1 went back), 1 unfinished"
        );
        assert_eq!(november.describe(false), "7 rollouts, lead 10m: 4 completed, 2 failed, 1 unfinished");
        assert_eq!(november.lead_time_s, Some(600.0), "the median of those that brought a version forward");
        let text = months_text(&found, Look::default()).join("\n");
        assert!(text.contains("2026-11") && text.contains("10m"), "{text}");
        // A month is that of whoever looks.
        let east = months(past, &jiff::tz::TimeZone::fixed(jiff::tz::offset(2)));
        assert_eq!(east.iter().find(|month| month.month == "2026-11").unwrap().rollouts, 8);
    }
}
