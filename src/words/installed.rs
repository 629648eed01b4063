//! What stands, stood, or will stand on a host.

use super::look::Look;
use super::text::one_line;
use crate::model::{Installed, ReleaseId, RollBackTarget};
use crate::plan::Plan;

/// Says what was there before; none when that is not known.
#[must_use]
pub fn was(from: Option<&Installed>, release: &ReleaseId) -> Option<String> {
    Some(match from? {
        Installed::Missing => "was missing".to_owned(),
        Installed::Release { id, drift: Some(_), .. } if id == release => "was drifted".to_owned(),
        Installed::Release { id, .. } if id == release => "as before".to_owned(),
        // A version that was built twice: its text alone would say that nothing changed.
        Installed::Release { id, .. } if id.version() == release.version() => format!("was {id}"),
        Installed::Release { id, .. } => format!("was {}", id.version()),
        Installed::Unmanaged { version: Some(version) } => {
            format!("was {} unmanaged", one_line(version, 40, Look::default()))
        }
        Installed::Unmanaged { version: None } => "was unmanaged".to_owned(),
    })
}

/// Gives the release that a host is brought to: an install has one for all hosts, a rollback may lead each to its own.
#[must_use]
pub fn brought<'a>(to: Option<&'a RollBackTarget>, plan: &'a Plan) -> &'a ReleaseId {
    match to {
        Some(RollBackTarget::Release { id }) => id,
        Some(RollBackTarget::Adopted | RollBackTarget::Nothing) | None => &plan.release,
    }
}

/// Says where a host goes back to, or went.
#[must_use]
pub fn back_to(target: Option<&RollBackTarget>) -> String {
    match target {
        Some(RollBackTarget::Release { id }) => id.to_string(),
        Some(RollBackTarget::Nothing) => "nothing installed, as before".to_owned(),
        Some(RollBackTarget::Adopted) => "what was there before".to_owned(),
        None => "nothing that was ever good there".to_owned(),
    }
}
