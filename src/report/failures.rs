//! Failures for people, the same ones together.

use crate::words::{FailureGroup, Glyph, Look, Tone, clean, count, cut, folded, one_line};

/// How many of the last lines that a host printed are shown.
const LAST_LINES: usize = 8;

/// Writes the failures of a rollout for people; nothing when there is none.
#[must_use]
pub fn failures_text(groups: &[FailureGroup], look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    if groups.is_empty() {
        return lines;
    }
    lines.push(look.paint(Tone::Strong, "Failures"));
    for group in groups {
        let back = match group.went_back {
            0 => String::new(),
            all if all == group.hosts.len() => ", went back".to_owned(),
            some => format!(", {some} went back"),
        };
        let glyph = look.glyph(Glyph::of_failure(group.class));
        let class = look.paint(Glyph::of_failure(group.class).tone(), group.class.word());
        let names = folded(&group.hosts, 400, look);
        lines.push(format!("  {glyph} {class}  {names}  ({}{back})", count(group.hosts.len(), "host")));
        lines.push(format!("      {}", one_line(&group.message, 400, look)));
        if let Some(hint) = &group.hint {
            lines.push(format!("      try: {}", one_line(hint, 400, look)));
        }
        if let Some((host, output)) = &group.output {
            let output = clean(output);
            let printed: Vec<&str> = output.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
            let skipped = printed.len().saturating_sub(LAST_LINES);
            lines.push(format!("      {host} printed{}:", if skipped > 0 { " last" } else { "" }));
            let bar = look.paint(Tone::Dim, look.either("│", "|"));
            lines.extend(
                printed.iter().skip(skipped).map(|line| format!("        {bar} {}", cut(line, 200, look.ellipsis()))),
            );
        }
    }
    lines
}
