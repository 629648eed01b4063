//! The page that is written.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Replaces a part of `assets/builds.md`, between its two comments.
pub(crate) fn write(part: &str, text: &str) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/builds.md");
    let page = fs::read_to_string(&path)?;
    let (begin, end) = (format!("<!-- {part} -->\n"), format!("<!-- end of {part} -->\n"));
    let (before, rest) = page.split_once(&begin).with_context(|| format!("no {begin:?} in {}", path.display()))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("no {end:?} in {}", path.display()))?;
    fs::write(path, format!("{before}{begin}{text}{end}{after}"))?;
    Ok(())
}

/// Gives the rows of a table that are on the page, by their first cell: what is built alone leaves the others as they are.
pub(crate) fn rows(part: &str) -> Result<BTreeMap<String, String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/builds.md");
    let page = fs::read_to_string(&path)?;
    let part = page.split_once(&format!("<!-- {part} -->\n")).map(|(_, rest)| rest).unwrap_or_default();
    let part = part.split("<!-- end of").next().unwrap_or_default();
    let rows = part.lines().filter(|line| line.starts_with("| ")).skip(1);
    let named = rows.filter_map(|row| Some((row.split('|').nth(1)?.trim().to_owned(), row.to_owned())));
    Ok(named.collect())
}

/// Gives one line about this machine, and the day.
pub(crate) fn machine() -> String {
    let say = |program: &str, arguments: &[&str]| {
        let output = std::process::Command::new(program).args(arguments).output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        text.lines().next().unwrap_or_default().trim().to_owned()
    };
    let python = if Path::new("/usr/bin/python3").exists() { "/usr/bin/python3" } else { "python3" };
    let day = jiff::Zoned::now().date();
    format!("{day}: {}, {}, {}", say(python, &["--version"]), say("cc", &["--version"]), say("rustc", &["--version"]))
}
