//! The manual page: what the flags say of themselves, and what no flag says.

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::deploy::Error;
use crate::rollout::Exit;

/// The variables that no flag names.
const VARIABLES: [(&str, &str); 8] = [
    (
        "COALMINE_SECTION_KEY",
        "Sets section.key of the configuration, stronger than every file and weaker than a flag; \
         COALMINE_ENVIRONMENTS_NAME_KEY a key of an environment.",
    ),
    ("COALMINE_LOG", "What is logged on standard error, as tracing's filters have it; stronger than -v."),
    ("NO_COLOR", "No colours, unless --color always."),
    ("TERM", "No colours where it is dumb or empty."),
    ("LC_ALL, LC_CTYPE, LANG", "ASCII signs only, where they do not name UTF-8."),
    ("XDG_CONFIG_HOME", "Where the user's configuration is looked for; ~/.config without it."),
    ("XDG_STATE_HOME", "Where the user's own state folder lies; ~/.local/state without it."),
    ("SSH_AUTH_SOCK", "The agent whose keys ssh uses, as everywhere."),
];

/// What lies where.
const FILES: [(&str, &str); 8] = [
    ("coalmine.toml", "The project's configuration: in the current folder or the nearest one above it."),
    ("~/.config/coalmine/coalmine.toml", "The user's, weaker than the project's."),
    ("/etc/coalmine/coalmine.toml", "The system's, the weakest."),
    ("/var/lib/coalmine", "The state folder that deployers share, where this user may write it."),
    ("~/.local/state/coalmine", "The state folder of who may not."),
    ("STATE/rollouts/ID/journal.jsonl", "The journal of a rollout: an event a line."),
    ("ROOT/releases/VERSION-DIGEST8", "On a host: a release, with its MANIFEST."),
    ("ROOT/.coalmine", "On a host: what is current and good there, who holds it, and what was done."),
];

/// What can be written where hosts are named.
const EXPRESSIONS: [(&str, &str); 10] = [
    ("mw01.eqiad.wmnet, 2001:db8::1", "A host. Names have neither case nor a final dot."),
    (
        "mw[01-40], r[1-4]n[1-3,7], [0-10/2], [a-d]",
        "Ranges; zeros in front are kept. [01:10], [1:9:2] and [a:d] mean the same.",
    ),
    ("mw*, mw?1", "Every host whose whole name matches."),
    ("~mw0[1-3]", "Every host whose name matches a regular expression from its start."),
    ("@group, @web*, @*", "The hosts of a group, of all groups whose name matches, of every group."),
    ("@inventory:web", "The hosts of one group of an Ansible inventory."),
    ("@./file, @/path/to/file", "The hosts that a file lists."),
    (
        "A,B  A!B  A&B  A^B",
        "Either; A without B; both; one of them and not the other. All equally strong, from left to right; (...) groups.",
    ),
    ("!A", "Every host but A."),
    (
        "-x EXPR, and behind !",
        "Every name of a range must be a host's there, since whoever is mistyped is not spared; where hosts are chosen the others are counted.",
    ),
];

/// Lists the exit codes for `--help`.
pub(super) fn exit_codes() -> String {
    let lines = Exit::ALL.into_iter().map(|exit| format!("\n  {:>3}  {exit}", exit.code()));
    format!("Exit codes:{}", lines.collect::<String>())
}

/// Writes the page of every command.
pub(super) fn page(command: Command) -> Result<String, Error> {
    render(command).map_err(|error| Error::before(format!("the manual cannot be written: {error}")))
}

fn render(command: Command) -> std::io::Result<String> {
    let command = command.disable_help_flag(true).disable_version_flag(true);
    let man = Man::new(command.clone().after_help(None));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut page = vec![String::from_utf8_lossy(&page).into_owned(), heading("SH", "COMMANDS")?];
    for command in visible(&command) {
        describe(command, "coalmine", &mut page)?;
    }
    page.push(heading("SH", "HOST EXPRESSIONS")?);
    page.push(list(&EXPRESSIONS)?);
    page.push(text(
        "Every term must match a host, or the command fails with 2. The result is always in the order of the inventory.",
    )?);
    page.push(heading("SH", "EXIT STATUS")?);
    for exit in Exit::ALL {
        page.push(list(&[(&exit.code().to_string(), &exit.to_string())])?);
    }
    page.push(heading("SH", "ENVIRONMENT")?);
    for argument in command.get_arguments() {
        if let (Some(variable), Some(flag)) = (argument.get_env(), argument.get_long()) {
            let meaning = format!("As --{flag}, which is stronger.");
            page.push(list(&[(&variable.to_string_lossy(), &meaning)])?);
        }
    }
    page.push(list(&VARIABLES)?);
    page.push(heading("SH", "FILES")?);
    page.push(list(&FILES)?);
    page.push(heading("SH", "SEE ALSO")?);
    page.push(text("ssh(1), ssh_config(5), rsync(1), git(1)")?);
    Ok(without_preambles(&page.concat()))
}

/// Describes a command and those below it; what every command takes is told once, above them all.
fn describe(command: &Command, above: &str, page: &mut Vec<String>) -> std::io::Result<()> {
    let name = format!("{above} {}", command.get_name());
    let aliases: Vec<&str> = command.get_visible_aliases().collect();
    let title = if aliases.is_empty() { name.clone() } else { format!("{name} (alias {})", aliases.join(", ")) };
    page.push(heading("SS", &title)?);
    let man = Man::new(command.clone().bin_name(&name).disable_help_flag(true).disable_help_subcommand(true));
    let mut sections = Vec::new();
    man.render_synopsis_section(&mut sections)?;
    sections.extend_from_slice(b".PP\n");
    man.render_description_section(&mut sections)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(&mut sections)?;
    }
    if let Some(more) = command.get_after_long_help().or(command.get_after_help()) {
        sections.extend_from_slice(b".PP\n");
        sections.extend_from_slice(text(&more.to_string())?.as_bytes());
    }
    let sections = String::from_utf8_lossy(&sections);
    // The command is the section; its parts follow one another as everywhere.
    page.extend(sections.lines().filter(|line| !line.starts_with(".SH ")).map(|line| format!("{line}\n")));
    for command in visible(command) {
        describe(command, &name, page)?;
    }
    Ok(())
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| !command.is_hide_set())
}

fn heading(control: &str, title: &str) -> std::io::Result<String> {
    written(Roff::default().control(control, [title]))
}

fn text(text: &str) -> std::io::Result<String> {
    written(Roff::default().text([roman(text)]))
}

fn list(rows: &[(&str, &str)]) -> std::io::Result<String> {
    let mut roff = Roff::default();
    for (term, meaning) in rows {
        roff.control("TP", []).text([bold(*term)]).text([roman(*meaning)]);
    }
    written(&roff)
}

fn written(roff: &Roff) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    roff.to_writer(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Keeps the first of the preambles that every part of a page begins with.
fn without_preambles(page: &str) -> String {
    let mut seen = 0;
    let is_first = |line: &&str| {
        let is_preamble = line.starts_with(".ie ") || line.starts_with(".el ");
        seen += usize::from(is_preamble);
        !is_preamble || seen <= 2
    };
    page.lines().filter(is_first).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{page, visible};
    use crate::cli::command::Cli;
    use crate::rollout::Exit;

    #[test]
    fn the_manual_page_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/coalmine.1");
        let page = page(Cli::command()).unwrap();
        if std::env::var_os("COALMINE_REGENERATE").is_some() {
            std::fs::write(&path, &page).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == page, "the page is stale: run this test with COALMINE_REGENERATE=1, or `coalmine man`");
    }

    #[test]
    fn every_command_and_every_long_flag_is_in_the_manual() {
        fn check(command: &clap::Command, above: &str, page: &str) {
            let name = format!("{above} {}", command.get_name());
            assert!(page.contains(&format!(".SS \"{name}")), "{name}");
            let (_, section) = page.split_once(&format!(".SS \"{name}")).unwrap();
            let section = section.split("\n.S").next().unwrap();
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                if let Some(long) = argument.get_long() {
                    assert!(section.contains(&format!("\\-\\-{}", long.replace('-', "\\-"))), "{name} --{long}");
                }
                assert!(argument.get_help().is_some(), "{name} says nothing of {}", argument.get_id());
            }
            for command in visible(command) {
                check(command, &name, page);
            }
        }
        let page = page(Cli::command()).unwrap();
        for command in visible(&Cli::command()) {
            check(command, "coalmine", &page);
        }
    }

    #[test]
    fn the_readme_has_the_table_of_exit_codes() {
        let rows = Exit::ALL.map(|exit| format!("| {} | {exit} |\n", exit.code())).concat();
        let table = format!("| code | meaning |\n|---|---|\n{rows}");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        let readme = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = readme.split_once("## Exit codes\n\n").unwrap();
        let (written, after) = rest.split_once("\n\n").unwrap();
        if std::env::var_os("COALMINE_REGENERATE").is_some() {
            std::fs::write(&path, format!("{before}## Exit codes\n\n{table}\n{after}")).unwrap();
        }
        assert!(format!("{written}\n") == table, "the table is stale: run this test with COALMINE_REGENERATE=1");
    }

    #[test]
    fn help_and_the_manual_tell_the_same_exit_codes() {
        let (help, page) = (Cli::command().render_long_help().to_string(), page(Cli::command()).unwrap());
        for code in Exit::ALL.map(Exit::code) {
            assert!(help.lines().any(|line| line.trim_start().starts_with(&format!("{code}  "))), "{code}: {help}");
            assert!(page.contains(&format!(".TP\n\\fB{code}\\fR\n")), "{code}");
        }
    }
}
