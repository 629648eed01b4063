use std::fmt;

use serde::{Deserialize, Serialize};

/// Says what pushed back when connections were opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushBack {
    /// sshd hung up before it said who it is: too many had not logged in yet.
    TurnedAway,
    /// The resolver of this machine gave no answer to some questions, and did to others.
    Names,
    /// The ssh agent of this machine did not sign for some, and did for others.
    Agent,
    /// Logins took many times as long as the fastest.
    Slow,
    /// Nobody got in for a while, not even one at a time: it is out of order, and as many are opened as ever.
    Nobody,
}

/// Tells how many connections are opened at once on one way to hosts, after that became fewer, or as many as ever again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Squeeze {
    /// What stands on the way, as ssh's configuration has it: `jump host bastion`; none is the hosts themselves.
    #[serde(default)]
    pub way: Option<String>,
    /// How many are opened at once on it.
    pub at_once: usize,
    /// How many would be.
    pub most: usize,
    /// What made them fewer.
    pub why: PushBack,
}

impl Squeeze {
    /// Tells whether as many are opened as ever.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.at_once >= self.most
    }
}

impl fmt::Display for Squeeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { way, at_once, most, why } = self;
        let on = way.as_deref().map(|way| format!(" by {way}")).unwrap_or_default();
        if *why == PushBack::Nobody {
            let it = way.as_deref().unwrap_or("whatever is between here and the hosts");
            return write!(
                f,
                "{it} lets nobody in, not even one at a time: it is out of order, and hosts by it are given up"
            );
        }
        if self.is_over() {
            return write!(f, "logins{on} are let in as before: up to {most} are opened at once again");
        }
        match (why, way) {
            (PushBack::TurnedAway, Some(way)) => write!(f, "{way} turns connections away (MaxStartups there)")?,
            (PushBack::TurnedAway, None) => f.write_str("hosts turn connections away (MaxStartups there)")?,
            (PushBack::Names, _) => f.write_str("the resolver here leaves names without an answer")?,
            (PushBack::Agent, _) => f.write_str("the ssh agent here does not sign every time")?,
            (PushBack::Slow | PushBack::Nobody, _) => write!(f, "logins{on} take many times as long as the fastest")?,
        }
        write!(f, ": {at_once} at once are opened{on}, not {most}, until it goes well again")
    }
}

#[cfg(test)]
mod tests {
    use super::{PushBack, Squeeze};

    #[test]
    fn it_says_who_pushed_back_and_what_is_done_about_it() {
        let squeeze = |way: Option<&str>, at_once, why| {
            Squeeze { way: way.map(str::to_owned), at_once, most: 30, why }.to_string()
        };
        let jump = Some("jump host bastion");
        assert_eq!(
            squeeze(jump, 7, PushBack::TurnedAway),
            "jump host bastion turns connections away (MaxStartups there): 7 at once are opened by jump host bastion, not 30, until \
             it goes well again"
        );
        assert!(
            squeeze(None, 15, PushBack::Names).ends_with(": 15 at once are opened, not 30, until it goes well again")
        );
        assert_eq!(
            squeeze(jump, 30, PushBack::Nobody),
            "jump host bastion lets nobody in, not even one at a time: it is out of order, and hosts by it are given up"
        );
        assert_eq!(
            squeeze(jump, 30, PushBack::TurnedAway),
            "logins by jump host bastion are let in as before: up to 30 are opened at once again"
        );
    }
}
