//! What headless coalmine prints: text for people, JSON for programs.
//!
//! Everything here is derived from records and from the state that they fold to; this room knows no engine, and nothing it
//! does can hold one up. What a host printed is cleaned before it is shown anywhere. JSON fields are a contract: they are added
//! to, never changed.

mod action;
mod carriage;
mod debt;
mod diff;
mod doctor;
mod failures;
mod history;
mod host;
mod job;
mod lead;
mod months;
mod narrate;
mod output;
mod plan;
mod progress;
mod prune;
mod screen;
mod status;
mod summary;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod timing;

pub use action::Action;
pub use diff::{
    CommitReport, CommitsReport, ComparedRelease, DiffReport, DifferenceReport, FileReport, FilesReport, changes,
    changes_text,
};
pub use doctor::DoctorReport;
pub use failures::failures_text;
pub use history::{
    Owing, ReleaseMark, ReleaseRow, ReleasesReport, RolloutHost, RolloutReport, RolloutRow, RolloutsReport, Seen,
    debt_now_text, show_text,
};
pub use host::{HostPage, Told, log_told, past_told};
pub use job::{Case, JobReport, Status as CaseStatus, Suite, markdown};
pub use lead::{LeadTime, Spent};
pub use months::{Counted, Month, months, months_text};
pub use narrate::{MOST_HOSTS, Narrator, Style};
pub use output::{CatchUp, Format, Reporter, Size, Target, Written};
pub use plan::{HostReport, PlanReport, StageReport, plan_exit_code, plan_text};
pub use progress::Progress;
pub use prune::{GoingRow, PruneReport, StayingRow};
pub use screen::Screen;
pub use status::{HostStatusReport, StatusReport};
pub use summary::summary_text;
pub use timing::Timings;

pub use crate::words::{ColorChoice, FailureGroup, Look, failure_groups, reason, without_name};
