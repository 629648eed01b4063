//! What is wrong with this machine and with hosts, and how to mend it.

use serde::Serialize;

use crate::deploy::{Finding, Health};
use crate::model::Environment;
use crate::words::{Glyph, Look, Tone, count, folded, one_line, pad};

/// Gives the glyph of a finding.
const fn glyph(health: Health) -> Glyph {
    match health {
        Health::Ok => Glyph::Good,
        Health::Warning => Glyph::Attention,
        Health::Unreachable => Glyph::Unreachable,
        Health::Failed => Glyph::Bad,
    }
}

/// Holds what `doctor --output json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DoctorReport {
    /// The version of the format.
    pub schema: u32,
    /// Whose fleet was looked at.
    pub environment: Environment,
    /// What was found: this machine first, then the hosts.
    pub findings: Vec<Finding>,
}

impl DoctorReport {
    /// Makes the report of an environment; findings of hosts that are alike become one.
    #[must_use]
    pub fn new(environment: Environment, findings: impl IntoIterator<Item = Finding>) -> Self {
        let mut merged: Vec<Finding> = Vec::new();
        for finding in findings {
            let alike = merged.iter_mut().find(|other| {
                !finding.hosts.is_empty()
                    && (&other.check, other.health, &other.message, &other.hint)
                        == (&finding.check, finding.health, &finding.message, &finding.hint)
            });
            match alike {
                Some(other) => other.hosts.extend(finding.hosts),
                None => merged.push(finding),
            }
        }
        Self { schema: 1, environment, findings: merged }
    }

    /// Gives the exit code of `doctor`: 1 when a rollout would fail, 4 when nothing is wrong but hosts that do not answer, else 0.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.findings.iter().map(|finding| finding.health).max() {
            Some(Health::Failed) => 1,
            Some(Health::Unreachable) => 4,
            Some(Health::Ok | Health::Warning) | None => 0,
        }
    }

    /// Writes the report for people.
    #[must_use]
    pub fn text(&self, look: Look) -> Vec<String> {
        let width = self.findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
        let mut lines = Vec::new();
        for finding in &self.findings {
            let glyph = glyph(finding.health);
            let hosts = match finding.hosts.as_slice() {
                [] => String::new(),
                hosts => format!("  {} ({})", folded(hosts, 200, look), hosts.len()),
            };
            lines.push(format!(
                "{} {}  {}{hosts}",
                look.glyph(glyph),
                look.paint(glyph.tone(), &pad(&finding.check, width)),
                one_line(&finding.message, 300, look)
            ));
            if let Some(hint) = &finding.hint {
                lines.push(format!("  {:width$}  try: {}", "", one_line(hint, 300, look)));
            }
        }
        let of = |health| self.findings.iter().filter(|finding| finding.health == health).count();
        let hosts: usize = self
            .findings
            .iter()
            .filter(|finding| finding.health == Health::Unreachable)
            .map(|finding| finding.hosts.len())
            .sum();
        let mut parts = Vec::new();
        if of(Health::Failed) > 0 {
            parts.push(format!("{} would make a rollout fail", count(of(Health::Failed), "finding")));
        }
        if hosts > 0 {
            parts.push(format!("{} unreachable", count(hosts, "host")));
        }
        if of(Health::Warning) > 0 {
            parts.push(count(of(Health::Warning), "warning"));
        }
        let summary = if parts.is_empty() { "nothing is wrong".to_owned() } else { parts.join(", ") };
        lines.push(String::new());
        lines.push(look.paint(Tone::Strong, &format!("{}: {summary}", self.environment)));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::DoctorReport;
    use crate::deploy::{Finding, Health};
    use crate::model::{Environment, HostId};
    use crate::report::Look;

    fn of_host(host: &str, health: Health, message: &str) -> Finding {
        Finding { hosts: vec![HostId::new(host).unwrap()], ..Finding::new("hosts", health, message) }
    }

    fn report(findings: Vec<Finding>) -> DoctorReport {
        DoctorReport::new(Environment::new("production").unwrap(), findings)
    }

    #[test]
    fn hosts_that_are_alike_are_one_finding_with_all_their_names() {
        let report = report(vec![
            Finding::new("ssh", Health::Ok, "OpenSSH_9.2p1"),
            of_host("mw01", Health::Unreachable, "connection refused"),
            of_host("mw02", Health::Ok, "answers"),
            of_host("mw03", Health::Unreachable, "connection refused"),
        ]);
        let text = report.text(Look { color: false, unicode: false }).join("\n");
        insta::assert_snapshot!(text);
        assert_eq!(report.findings.len(), 3);
    }

    #[test]
    fn the_exit_code_is_that_of_the_worst_finding() {
        let ok = || Finding::new("git", Health::Ok, "2.47");
        assert_eq!(report(vec![]).exit_code(), 0);
        assert_eq!(report(vec![ok(), Finding::new("agent", Health::Warning, "no key")]).exit_code(), 0);
        assert_eq!(report(vec![of_host("mw01", Health::Unreachable, "down"), ok()]).exit_code(), 4);
        let failed = Finding::new("rsync", Health::Failed, "not found").hint("apt-get install rsync");
        assert_eq!(report(vec![of_host("mw01", Health::Unreachable, "down"), failed]).exit_code(), 1);
    }
}
