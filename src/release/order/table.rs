//! The styles in which real projects tag, each in the right order; the page about them is written from here.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::path::Path;

use super::key::{compare, is_prerelease};
use super::reference::ORDERS;

/// Styles, each with tags from the oldest to the newest.
const STYLES: [(&str, &[&str]); 26] = [
    (
        "PEP 440",
        &[
            "1.0.dev1",
            "1.0a1.dev2",
            "1.0a1",
            "1.0a2",
            "1.0b1",
            "1.0rc1",
            "1.0rc2",
            "1.0",
            "1.0.post1.dev1",
            "1.0.post1",
            "1.0.1",
            "1.10",
            "1!0.1",
        ],
    ),
    (
        "semantic versions",
        &[
            "v1.0.0-alpha",
            "v1.0.0-alpha.1",
            "v1.0.0-alpha.beta",
            "v1.0.0-beta",
            "v1.0.0-beta.2",
            "v1.0.0-beta.11",
            "v1.0.0-rc.1",
            "v1.0.0",
            "v1.0.1",
            "v1.9.0",
            "v1.10.0",
            "v2.0.0-rc.1",
            "v2.0.0",
        ],
    ),
    ("numbers, dots", &["0.9", "0.10", "1.0", "1.0.1", "1.2", "1.2.3", "1.2.10", "1.10.0", "2.0.0", "10.0.0"]),
    (
        "numbers, dashes",
        &[
            "core-8-5-19",
            "core-8-6-0",
            "core-8-6-2",
            "core-8-6-13",
            "core-8-7-0-rc1",
            "core-8-7-0",
            "core-8-10-0",
            "core-9-0-0",
            "core-9-0-1",
            "core-10-0-0",
        ],
    ),
    (
        "numbers, underscores",
        &[
            "curl-7_79_1",
            "curl-7_80_0",
            "curl-7_88_1",
            "curl-8_0_0",
            "curl-8_0_1",
            "curl-8_9_0",
            "curl-8_9_1",
            "curl-8_10_0",
            "curl-8_21_0",
            "curl-9_0_0",
        ],
    ),
    (
        "letters and numbers glued",
        &[
            "REL9_6_1",
            "REL9_6_24",
            "REL_10_0",
            "REL_10_2",
            "REL_14_BETA1",
            "REL_14_BETA2",
            "REL_14_RC1",
            "REL_14_0",
            "REL_14_10",
            "REL_15_BETA1",
            "REL_15_0",
        ],
    ),
    (
        "days",
        &[
            "release-2025-02-09",
            "release-2025-02-10",
            "release-2025-11-02",
            "release-2025-12-31",
            "release-2026-01-01",
            "release-2026-10-31",
            "release-2026-11-01-rc1",
            "release-2026-11-01",
            "release-2026-11-02",
            "release-2026-11-02.1",
            "release-2026-11-02.2",
        ],
    ),
    (
        "days and times",
        &[
            "RELEASE.2023-12-02T10-51-33Z",
            "RELEASE.2023-12-02T10-51-34Z",
            "RELEASE.2023-12-13T23-28-55Z",
            "RELEASE.2024-01-01T16-36-33Z",
            "RELEASE.2024-01-05T22-17-24Z",
            "RELEASE.2024-01-11T07-46-16Z",
            "RELEASE.2024-01-13T07-53-03Z",
            "RELEASE.2024-10-02T00-00-00Z",
            "RELEASE.2024-11-07T00-52-20Z",
            "RELEASE.2025-01-20T14-49-07Z",
        ],
    ),
    (
        "days without separators",
        &[
            "20251231",
            "20260101",
            "20260101-1",
            "20260101-2",
            "20260110",
            "20261102T000000Z",
            "20261102T103000Z",
            "20261102T235959Z",
            "20261103",
            "20270101",
        ],
    ),
    (
        "days, weeks",
        &["2025w52", "2026w01", "2026w02", "2026w10", "2026w11", "2026w52", "2027w01", "2027w02", "2027w10", "2028w01"],
    ),
    (
        "days and commits",
        &[
            "2026-10-30-f00dfeed",
            "2026-10-31-1a2b3c4",
            "2026-11-01-deadbee",
            "2026-11-02-0a1b2c3",
            "2026-11-03-abcdef0",
            "2026-11-10-1234abc",
            "2026-12-01-g0f1e2d3",
            "2027-01-01-a1b2c3d",
            "2027-01-02-b0b0b0b",
            "2027-01-10-c0ffee0",
        ],
    ),
    (
        "year and month",
        &[
            "2025.9",
            "2025.10",
            "2025.12",
            "2026.01",
            "2026.1.1",
            "2026.2",
            "2026.11",
            "2026.11.1",
            "2026.11.1b",
            "2026.12",
        ],
    ),
    (
        "last letters",
        &[
            "OpenSSL_1_0_2-beta1",
            "OpenSSL_1_0_2",
            "OpenSSL_1_0_2a",
            "OpenSSL_1_0_2u",
            "OpenSSL_1_1_0",
            "OpenSSL_1_1_1-pre9",
            "OpenSSL_1_1_1",
            "OpenSSL_1_1_1a",
            "OpenSSL_1_1_1w",
            "OpenSSL_1_1_1za",
            "OpenSSL_1_1_1zb",
        ],
    ),
    ("letters of years", &["2021e", "2022a", "2022b", "2022g", "2023a", "2023c", "2023d", "2024a", "2024b", "2025a"]),
    (
        "Maven's words",
        &[
            "5.0.0.Alpha1",
            "5.0.0.Beta1",
            "5.0.0.Beta2",
            "5.0.0.CR1",
            "5.0.0.CR2",
            "5.0.0.Final",
            "5.0.1.Final",
            "5.1.0.CR1",
            "5.1.0.Final",
            "5.10.0.Final",
        ],
    ),
    (
        "Spring's words",
        &[
            "v2.0.0.M1",
            "v2.0.0.M7",
            "v2.0.0.RC1",
            "v2.0.0.RC2",
            "v2.0.0.RELEASE",
            "v2.0.1.RELEASE",
            "v2.1.0.M1",
            "v2.1.0.RELEASE",
            "v2.1.0.SR1",
            "v2.1.0.SR12",
            "v2.2.0.RELEASE",
        ],
    ),
    (
        "milestones behind a dash",
        &[
            "v6.0.0-M1",
            "v6.0.0-M6",
            "v6.0.0-M10",
            "v6.0.0-RC1",
            "v6.0.0-SNAPSHOT",
            "v6.0.0",
            "v6.0.1",
            "v6.1.0-M1",
            "v6.1.0",
            "v6.10.0",
        ],
    ),
    ("patches", &["8.4p1", "8.5", "8.5p1", "8.5p2", "8.6p1", "9.0p1", "9.3p2", "9.9p1", "9.9p2", "10.0p1", "10.0p2"]),
    (
        "words of fixes",
        &[
            "1.4.0-rc1",
            "1.4.0",
            "1.4.0-hotfix1",
            "1.4.0-hotfix2",
            "1.4.1",
            "1.4.1-patch1",
            "1.4.1-patch10",
            "1.4.2",
            "1.4.2-sp1",
            "1.5.0",
        ],
    ),
    (
        "revisions",
        &[
            "debian/1.0-1",
            "debian/1.0-1ubuntu1",
            "debian/1.0-2",
            "debian/1.0-10",
            "debian/1.0.1-1",
            "debian/1.1-1",
            "debian/1.10-1",
            "debian/2.0-1",
            "debian/1%0.5-1",
            "debian/1%0.6-1",
        ],
    ),
    (
        "updates and builds",
        &[
            "jdk8u275-b01",
            "jdk8u282-b07",
            "jdk8u282-b08",
            "jdk8u292-b09",
            "jdk8u292-b10",
            "jdk-9+181",
            "jdk-11.0.2+9",
            "jdk-11.0.10+8",
            "jdk-11.0.10+9",
            "jdk-17+35",
            "jdk-17.0.1+12",
        ],
    ),
    (
        "Unity's letters",
        &[
            "2021.3.0a5",
            "2021.3.0b1",
            "2021.3.0b5",
            "2021.3.0f1",
            "2021.3.1f1",
            "2021.3.1f2",
            "2021.3.1p1",
            "2021.3.10f1",
            "2022.1.0b1",
            "2022.1.0f1",
        ],
    ),
    (
        "names with digits",
        &[
            "log4j-2.0-beta9",
            "log4j-2.0-rc1",
            "log4j-2.0",
            "log4j-2.0.1",
            "log4j-2.9.0",
            "log4j-2.12.0",
            "log4j-2.17.0",
            "log4j-2.17.1",
            "log4j-3.0.0-alpha1",
            "log4j-3.0.0",
        ],
    ),
    (
        "git describe",
        &[
            "4.9.0",
            "4.9.0-1-gdeadbee",
            "4.9.0-12-gdeadbee",
            "4.10.0-rc1",
            "4.10.0-rc1-3-gdeadbee",
            "4.10.0",
            "4.10.0-2-g1234567",
            "4.10.0-10-g1234567",
            "4.10.1",
            "4.10.1-1-gabcdef0",
        ],
    ),
    (
        "stable and LTS",
        &[
            "v10.0.0-LTS",
            "v10.0.1-LTS",
            "v10.1.0-ea.1",
            "v10.1.0-stable",
            "v10.1.1-stable",
            "v10.2.0-nightly.20240101",
            "v10.2.0-nightly.20240102",
            "v10.2.0-rc.1",
            "v10.2.0-stable",
            "v10.10.0-stable",
        ],
    ),
    (
        "words of the name",
        &[
            "beta/2.0",
            "nightly-2026-11-01",
            "nightly-2026-11-02",
            "release-2026-11-02",
            "nightly-2026-11-03",
            "release-2026-11-03",
            "rc-2027-01-01",
            "release-2027-01-01",
            "canary-2027-02-01",
            "release-2027-02-01",
        ],
    ),
];

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
