use std::fmt;

/// Says what a process of coalmine answers, and when: the only place where that is written.
///
/// Help, the manual, the README's table and the summary of a rollout are made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// 0: what was asked for is so.
    Success,
    /// 1: failed before anything was changed.
    Failed,
    /// 2: usage, configuration, or an expression that matches nothing.
    Usage,
    /// 3: finished, with hosts in debt.
    Debt,
    /// 4: finished, with hosts that could not be reached.
    Unreachable,
    /// 5: stopped, and left as it stands.
    Stopped,
    /// 6: rolled back.
    RolledBack,
    /// 7: the environment is another's.
    Locked,
    /// 8: the rollout goes on without this process.
    Waiting,
    /// 9: reachable, and not every host is current.
    NotCurrent,
    /// 70: a bug in coalmine; `EX_SOFTWARE` of sysexits(3).
    Bug,
    /// 130: interrupted before anything was changed, as a shell tells SIGINT.
    Interrupted,
}

impl Exit {
    /// Every one, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::Success,
        Self::Failed,
        Self::Usage,
        Self::Debt,
        Self::Unreachable,
        Self::Stopped,
        Self::RolledBack,
        Self::Locked,
        Self::Waiting,
        Self::NotCurrent,
        Self::Bug,
        Self::Interrupted,
    ];

    /// Gives the number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Debt => 3,
            Self::Unreachable => 4,
            Self::Stopped => 5,
            Self::RolledBack => 6,
            Self::Locked => 7,
            Self::Waiting => 8,
            Self::NotCurrent => 9,
            Self::Bug => 70,
            Self::Interrupted => 130,
        }
    }

    /// Finds the one of a number; none when coalmine never answers that.
    #[must_use]
    pub fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|exit| exit.code() == code)
    }

    /// Says what it means of a rollout.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Success => "every selected host has the requested release and is healthy",
            Self::Failed => "failed before anything was changed, or an error of coalmine's own",
            Self::Usage => "usage, configuration or an expression that matches nothing",
            Self::Debt => "finished inside its budget, but some hosts failed",
            Self::Unreachable => "finished, but some hosts were unreachable and skipped",
            Self::Stopped => "stopped by a budget, a gate or an operator, and left as it stands",
            Self::RolledBack => "rolled back",
            Self::Locked => "the environment is locked by another",
            Self::Waiting => "waiting: the rollout goes on in its conductor, or waits for promotion",
            Self::NotCurrent => "reachable, but not every host is current",
            Self::Bug => "a bug in coalmine",
            Self::Interrupted => "interrupted before anything was changed",
        }
    }

    /// Says what there is to know beside that: which commands answer it as well, and where to look.
    #[must_use]
    pub const fn note(self) -> Option<&'static str> {
        match self {
            Self::Success => Some("status: every host is current"),
            Self::Debt => Some("they are listed as debt"),
            Self::Unreachable => Some("status, doctor: some are unreachable"),
            Self::NotCurrent => Some("of status and plan: outdated, missing or drifted"),
            Self::Bug => Some("the journal's path is printed"),
            _ => None,
        }
    }
}

impl fmt::Display for Exit {
    /// Writes the whole meaning.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.meaning())?;
        match self.note() {
            Some(note) => write!(f, "; {note}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn every_number_is_one_meaning_and_comes_back() {
        for exit in Exit::ALL {
            assert_eq!(Exit::of_code(exit.code()), Some(exit));
        }
        assert!(Exit::ALL.is_sorted_by(|one, other| one.code() < other.code()));
        assert_eq!(Exit::of_code(77), None);
    }
}
