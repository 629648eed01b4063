use std::ffi::OsStr;
use std::time::Duration;

use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter as _};

use super::known::{Known, quickly, typed};
use crate::deploy::ADOPTED;
use crate::journal::Entry;

/// Completes the last term of a host expression: hosts, groups, files.
pub(in crate::cli) fn hosts(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some((whole, term)) = current.to_str().map(last_term) else {
        return Vec::new();
    };
    if let Some(path) = term.strip_prefix('@').filter(|path| path.contains('/')) {
        let files = PathCompleter::any().complete(OsStr::new(path));
        return files.into_iter().map(|file| file.add_prefix(format!("{whole}@"))).collect();
    }
    let names = quickly(|| {
        let known = Known::load()?;
        let groups = known.groups().map(|name| format!("@{name}"));
        Some(groups.chain(known.hosts().iter().map(ToString::to_string)).collect())
    });
    beginning(whole, term, names.unwrap_or_default())
}

/// Completes the name of a host.
pub(in crate::cli) fn one_host(current: &OsStr) -> Vec<CompletionCandidate> {
    let names = quickly(|| Some(Known::load()?.hosts().iter().map(ToString::to_string).collect()));
    offered(current, names)
}

/// Completes a tag of the checkout as it is, newest first, or `latest`.
pub(in crate::cli) fn versions(current: &OsStr) -> Vec<CompletionCandidate> {
    tags_and(current, Some("latest"))
}

/// Completes what a verdict may be of: a tag.
pub(in crate::cli) fn tags(current: &OsStr) -> Vec<CompletionCandidate> {
    tags_and(current, None)
}

/// Completes what hosts may be led back to by its name: a tag, or what was there before coalmine.
pub(in crate::cli) fn ways_back(current: &OsStr) -> Vec<CompletionCandidate> {
    tags_and(current, Some(ADOPTED))
}

fn tags_and(current: &OsStr, other: Option<&'static str>) -> Vec<CompletionCandidate> {
    let names = quickly(move || {
        let known = Known::load()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let tags = async { tokio::time::timeout(Duration::from_secs(2), known.workspace.tags()).await };
        let tags = runtime.block_on(tags).ok()?.ok()?;
        Some(tags.into_iter().rev().map(|tag| tag.name).chain(other.map(str::to_owned)).collect())
    });
    offered(current, names)
}

/// Completes the name of a slot: those of the configuration, and those that rollouts went into.
pub(in crate::cli) fn slots(current: &OsStr) -> Vec<CompletionCandidate> {
    let names = quickly(|| {
        let known = Known::load()?;
        let mut slots = known.workspace.config().target.slots.clone();
        let entries = known.globals.invocation().rollouts().ok()?.list().ok()?.entries;
        for slot in entries.into_iter().rev().filter_map(|entry| entry.slot) {
            if !slots.contains(&slot) {
                slots.push(slot);
            }
        }
        Some(slots.iter().map(ToString::to_string).collect())
    });
    offered(current, names)
}

/// Completes the id of a rollout, latest first.
pub(in crate::cli) fn rollouts(current: &OsStr) -> Vec<CompletionCandidate> {
    entries(current, |_| true)
}

/// Completes the id of a rollout that runs.
pub(in crate::cli) fn running(current: &OsStr) -> Vec<CompletionCandidate> {
    entries(current, |entry| entry.live)
}

/// Completes the id of a rollout that has not ended and that nobody runs.
pub(in crate::cli) fn waiting(current: &OsStr) -> Vec<CompletionCandidate> {
    entries(current, Entry::is_resumable)
}

fn entries(current: &OsStr, wanted: fn(&Entry) -> bool) -> Vec<CompletionCandidate> {
    let found = quickly(move || {
        let globals = typed()?;
        let mut entries = globals.invocation().rollouts().ok()?.list().ok()?.entries;
        entries.retain(|entry| {
            wanted(entry) && globals.environment.as_ref().is_none_or(|name| entry.environment == *name)
        });
        Some(entries)
    });
    let typed = current.to_str().unwrap_or_default();
    let fitting = found.unwrap_or_default().into_iter().rev().filter(|entry| entry.rollout.as_str().starts_with(typed));
    fitting
        .map(|entry| {
            let said = format!("{} in {}, by {}", entry.version, entry.environment, entry.operator);
            CompletionCandidate::new(entry.rollout.as_str()).help(Some(said.into()))
        })
        .collect()
}

/// Completes the name of an environment.
pub(in crate::cli) fn environments(current: &OsStr) -> Vec<CompletionCandidate> {
    let names = quickly(|| {
        let known = Known::load()?;
        Some(known.workspace.config().environments.keys().map(ToString::to_string).collect())
    });
    offered(current, names)
}

fn offered(current: &OsStr, names: Option<Vec<String>>) -> Vec<CompletionCandidate> {
    current.to_str().map_or_else(Vec::new, |typed| beginning("", typed, names.unwrap_or_default()))
}

fn beginning(before: &str, typed: &str, names: Vec<String>) -> Vec<CompletionCandidate> {
    let fitting = names.into_iter().filter(|name| name.starts_with(typed));
    fitting.map(|name| CompletionCandidate::new(format!("{before}{name}"))).collect()
}

/// Parts what is typed of an expression in what is whole and the term that is being written.
fn last_term(text: &str) -> (&str, &str) {
    let (mut depth, mut start) = (0_usize, 0);
    for (place, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ',' | '!' | '&' | '^' | '(' | ' ' if depth == 0 => start = place + 1,
            _ => {}
        }
    }
    text.split_at_checked(start).unwrap_or(("", text))
}

#[cfg(test)]
mod tests {
    use super::last_term;

    #[test]
    fn only_the_last_term_is_being_written() {
        assert_eq!(last_term(""), ("", ""));
        assert_eq!(last_term("mw0"), ("", "mw0"));
        assert_eq!(last_term("@web!mw0"), ("@web!", "mw0"));
        assert_eq!(last_term("mw[1-3,7],@ca"), ("mw[1-3,7],", "@ca"));
        assert_eq!(last_term("mw[1,"), ("", "mw[1,"));
        assert_eq!(last_term("(a & @b"), ("(a & ", "@b"));
    }
}
