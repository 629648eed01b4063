//! What the console is told and what it asks: its whole border with the rest of the program, as data.

mod facts;
mod log;
mod message;
mod request;
mod settings;

pub use facts::{EnvironmentFacts, Groups, HistoryRow, LockFacts, Standing, SurveyHost, SurveyRow, VersionRow};
pub use log::{LogLevel, LogLine};
pub use message::{Message, NotDone, PagePart, Source, Ticket};
pub use request::{Limit, PlanGoal, PlanWanted, Request};
pub use settings::{Hidden, Settings};
