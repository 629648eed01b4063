//! The styles in which real projects tag are each in the right order; the page about them is written from here.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::path::Path;

use super::key::{compare, is_prerelease};
use super::reference::ORDERS;
use super::styles::STYLES;

fn pairs(tags: &'static [&'static str]) -> impl Iterator<Item = (&'static str, &'static str)> {
    tags.iter().enumerate().flat_map(|(at, older)| tags[at + 1..].iter().map(|newer| (*older, *newer)))
}

#[test]
fn the_tags_of_real_projects_are_in_their_order() {
    for (style, tags) in STYLES {
        for (older, newer) in pairs(tags) {
            assert_eq!(compare(older, newer), Ordering::Less, "{style}: {older} before {newer}");
        }
    }
    let count: usize = STYLES.iter().map(|(_, tags)| tags.len()).sum();
    assert!(count >= 200 && STYLES.len() >= 20, "{count} tags");
}

#[test]
fn what_is_unfinished_is_told_by_its_words_wherever_they_stand() {
    for tag in [
        "nightly-2026-11-02",
        "beta/2.0",
        "rc-2027-01-01",
        "canary-2027-02-01",
        "jdk8u292-b10",
        "2021.3.0b5",
        "v6.0.0-M1",
        "5.0.0.CR1",
        "REL_14_BETA1",
    ] {
        assert!(is_prerelease(tag), "{tag}");
    }
    for tag in [
        "1.1.1w",
        "2023c",
        "2026.11.1b",
        "5.0.0.Final",
        "v2.1.0.SR1",
        "2021.3.1f1",
        "8.5p1",
        "1.4.0-hotfix1",
        "v10.1.0-stable",
        "2026-11-01-deadbee",
        "RELEASE.2023-12-02T10-51-33Z",
        "debian/1.0-1ubuntu1",
    ] {
        assert!(!is_prerelease(tag), "{tag}");
    }
}

/// Says how an order of others differs, with the first pair that it has the other way round.
fn difference(order: fn(&str, &str) -> Option<Ordering>, tags: &'static [&'static str]) -> String {
    // They know nothing of the name before the number.
    let bare = |tag: &'static str| {
        let tag = tag.rsplit('/').next().unwrap().trim_start_matches("log4j-");
        tag.trim_start_matches(|c: char| !c.is_ascii_digit())
    };
    let refused = tags.iter().filter(|tag| order(bare(tag), bare(tag)).is_none()).count();
    if refused == tags.len() {
        return "refuses them".to_owned();
    }
    let wrong: Vec<(&str, &str)> = pairs(tags)
        .filter(|(older, newer)| order(bare(older), bare(newer)).is_some_and(|order| order.is_ge()))
        .collect();
    let mut text = match wrong.first() {
        None => "the same".to_owned(),
        Some((older, newer)) => {
            let how = if order(bare(older), bare(newer)) == Some(Ordering::Equal) { "is" } else { "after" };
            let more = if wrong.len() > 1 { format!(", and {} more", wrong.len() - 1) } else { String::new() };
            format!("`{}` {how} `{}`{more}", bare(older), bare(newer))
        }
    };
    if refused > 0 {
        write!(text, "; refuses {refused}").unwrap();
    }
    text
}

fn page() -> String {
    let mut text = String::from(
        "# The order of versions\n\n\
         What `latest` is, and what `status` calls outdated or ahead, follows the order of this page: every row is a style that real projects\n\
         tag in, from the oldest to the newest. The other columns say where PyPI (PEP 440), Maven, Debian and semver.org order the same texts\n\
         otherwise, the name before the number cut off: the first pair that they have the other way round, and how many more.\n\n\
         A tag without a number is older than all others. Where your tags are in none of these styles, `product.version_pattern` says how they\n\
         are read: what it captures is the version, joined by dots, and named captures count in the order of their names. Days that are written\n\
         before their year: `version_pattern = '^(?<c>\\d+)-(?<b>\\d+)-(?<a>\\d+)$'`.\n\n\
         This page is written by the test that checks it.\n\n",
    );
    write!(text, "| style | tags, the oldest first |").unwrap();
    for (name, _) in ORDERS {
        write!(text, " {name} |").unwrap();
    }
    writeln!(text, "\n|---|---|{}", "---|".repeat(ORDERS.len())).unwrap();
    for (style, tags) in STYLES {
        let shown: Vec<String> = tags.iter().map(|tag| format!("`{tag}`")).collect();
        write!(text, "| {style} | {} |", shown.join(" ")).unwrap();
        for (_, order) in ORDERS {
            write!(text, " {} |", difference(order, tags)).unwrap();
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_page_about_versions_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/versions.md");
    let page = page();
    if std::env::var_os("COALMINE_REGENERATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), page, "run this test with COALMINE_REGENERATE=1");
}

#[test]
fn the_orders_of_others_are_theirs() {
    let [pypi, maven, debian, semver] = ORDERS.map(|(_, order)| order);
    // PEP 440; maven.apache.org/pom.html; Debian Policy 5.6.12; semver.org 11.
    for tags in [&[
        "1.dev0",
        "1.0.dev456",
        "1.0a1",
        "1.0a2.dev456",
        "1.0a12.dev456",
        "1.0a12",
        "1.0b1.dev456",
        "1.0b2",
        "1.0b2.post345.dev456",
        "1.0b2.post345",
        "1.0rc1.dev456",
        "1.0rc1",
        "1.0",
        "1.0+abc.5",
        "1.0+abc.7",
        "1.0+5",
        "1.0.post456.dev34",
        "1.0.post456",
        "1.0.15",
        "1.1.dev1",
    ][..]]
    {
        for pair in tags.windows(2) {
            assert_eq!(pypi(pair[0], pair[1]), Some(Ordering::Less), "{pair:?}");
        }
    }
    for pair in [
        ("1-alpha", "1-beta"),
        ("1-rc", "1-snapshot"),
        ("1-snapshot", "1"),
        ("1", "1-sp"),
        ("1-sp", "1-foo2"),
        ("1-foo2", "1-foo10"),
        ("1-1", "1.1"),
        ("1", "1.1"),
        ("1-m3", "1-cr1"),
    ] {
        assert_eq!(maven(pair.0, pair.1), Some(Ordering::Less), "{pair:?}");
    }
    assert_eq!(maven("1.ga", "1-final.0"), Some(Ordering::Equal));
    for pair in
        [("1.0~rc1", "1.0"), ("1.0", "1.0a"), ("1.0a", "1.0+b"), ("1.0-1", "1.0-2"), ("1.9", "1.10"), ("9", "1:1")]
    {
        assert_eq!(debian(pair.0, pair.1), Some(Ordering::Less), "{pair:?}");
    }
    assert_eq!(semver("1.0.0-alpha.1", "1.0.0-alpha.beta"), Some(Ordering::Less));
    assert_eq!(semver("1.0.0-rc.1", "1.0.0"), Some(Ordering::Less));
    assert_eq!(semver("1.0", "1.0"), None);
}
