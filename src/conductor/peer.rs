use std::time::Duration;

use tokio::net::unix::UCred;
use tokio::time::timeout;

use crate::model::Operator;
use crate::process::{in_thread, user_name};

/// How long the system's own list of users may take; it may be on another machine.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long the name of an operator may be.
const LONGEST: usize = 200;

/// Says who is at the other end of a connection.
#[derive(Debug, Clone)]
pub(super) enum Peer {
    /// The user who runs the rollout: who that is (sudo, a shared account) is taken on her word.
    Owner,
    /// Another one, by the name that the system knows.
    Other(String),
}

impl Peer {
    /// Asks the system whose process it is (`SO_PEERCRED`, unix(7)).
    pub(super) async fn of(credentials: &UCred) -> Self {
        let uid = credentials.uid();
        if uid == rustix::process::geteuid().as_raw() { Self::Owner } else { Self::Other(name(uid).await) }
    }

    /// Says who gave a command: what was claimed, and beside it the user as whom it was given where that is another.
    pub(super) fn operator(&self, claimed: &Operator) -> Operator {
        let claimed: String = claimed.0.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        let claimed = if claimed.trim().is_empty() { "somebody".to_owned() } else { claimed };
        match self {
            Self::Owner => Operator(claimed.into()),
            Self::Other(name) if claimed.split('@').next() == Some(name) => Operator(claimed.into()),
            Self::Other(name) => Operator(format!("{claimed} (as {name})").into()),
        }
    }
}

/// Gives the name of a user, or its number where nobody says a name in time.
async fn name(uid: u32) -> String {
    let asked = timeout(PATIENCE, in_thread(move || user_name(uid))).await;
    let name = asked.ok().and_then(Result::ok).flatten();
    name.unwrap_or_else(|| format!("uid {uid}"))
}

#[cfg(test)]
mod tests {
    use super::{Peer, name};
    use crate::model::Operator;

    #[test]
    fn nobody_gives_commands_under_another_name() {
        let claimed = Operator("alice@deploy1".into());
        assert_eq!(Peer::Owner.operator(&claimed), claimed);
        assert_eq!(Peer::Other("alice".to_owned()).operator(&claimed), claimed);
        let mallory = Peer::Other("mallory".to_owned()).operator(&claimed);
        assert_eq!(mallory, Operator("alice@deploy1 (as mallory)".into()));
        let empty = Peer::Owner.operator(&Operator("\u{1b}\n".into()));
        assert_eq!(empty, Operator("somebody".into()));
    }

    #[tokio::test]
    async fn the_system_knows_root() {
        assert_eq!(name(0).await, "root");
        assert_eq!(name(4_000_000_000).await, "uid 4000000000");
    }
}
