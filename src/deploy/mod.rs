//! What may be done to an environment, for whoever asks: command line, console, tests.
//!
//! A [`Workspace`] holds what everything needs: configuration, inventory, store, journals. A [`Deployment`] is one thing that
//! is done to one environment: it surveys the fleet, and prepares a rollout ([`Goal`] and [`Options`] in; plan, release and
//! hosts out, as [`Prepared`]). What was prepared is begun, and conducted here ([`Workspace::conducting`]) or by a process of its own
//! ([`Detached`]); what was left is resumed, or refused ([`may_resume`]). The hosts are behind their trait, so that a simulated
//! fleet tries the same rules in virtual time.
//!
//! Nothing here knows flags, terminals or how anything looks: results are data, errors say of which [`Kind`] they are, and
//! what happens meanwhile is told as a [`Notice`].

mod bootstrap;
mod carriage;
mod catch_up;
mod conduct;
mod cut;
mod damage;
mod debts;
mod deployment;
mod detached;
mod diff;
mod doctor;
mod error;
mod freezing;
mod init;
mod installed;
mod marks;
mod newer;
mod next_slot;
mod notice;
mod offer;
mod one_host;
mod operator;
mod prepare;
mod product;
mod prune;
mod recorded;
mod release;
mod resume;
mod room;
mod sequence;
mod service;
mod settings;
mod site;
mod slots;
mod started;
mod status;
mod survey;
#[cfg(test)]
mod tests;
mod unlock;
mod waiting;
mod way_back;
mod when;
mod workspace;

pub use catch_up::{not_begun, nothing_due};
pub use conduct::{Conducting, Reached, holder};
pub use cut::Cutting;
pub use damage::unknown_rollouts;
pub use debts::{DebtSum, Debts, ended, ended_among, indebting};
pub use deployment::{Answers, Deployment, check_environment};
pub use detached::Detached;
pub use diff::{ChangedFile, CommitDifference, FileDifference, FleetDifference, ReleaseDifference};
pub use doctor::{Finding, Health, examine};
pub use error::{Error, Kind};
pub use init::{Beginning, Begun, Checkout, HostSource, begin};
pub use installed::InstalledVersions;
pub use next_slot::no_slot;
pub use notice::{Listener, Notice};
pub use offer::Offer;
pub use one_host::HostPast;
pub use operator::operator;
pub use prepare::{Goal, Options, Prepared};
pub use product::usual_environment;
pub use prune::{Pruned, Pruning};
pub use release::{Known, Making};
pub use resume::{Resumed, may_resume, resumable, resume_due};
pub use service::{OutOfService, Pooled, ServiceMark};
pub use settings::reach;
pub use slots::{Removal, SlotUse, Slots};
pub use started::{before_start, describe_started};
pub use status::{FoundMark, LiveRollout, Standing, WantedRelease, compare};
pub use survey::survey;
pub use unlock::Breaking;
pub use waiting::{in_environment, title, waiting_note};
pub use way_back::{ADOPTED, back_to};
pub use workspace::{Fleet, Invocation, Selection, Workspace, inventory_without_commands, nobody, state_dir};
