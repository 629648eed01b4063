//! Dry words, in lists of arguments and in texts for a real shell.

use std::process::{Command, Stdio};

use proptest::prelude::*;

use crate::config::{CommandTemplate, DryWord, DryWords, Template};
use crate::model::{Environment, HostId, StageName, Version};

fn values() -> DryWords {
    DryWords {
        host: Some(HostId::new("mw01").unwrap()),
        hosts: ["mw01", "mw02"].map(|host| HostId::new(host).unwrap()).to_vec(),
        version: Some(Version::new("4.283.0").unwrap()),
        prefix: Some("/srv/it's $(touch x) \"here\"; `id`\\".into()),
        stage: Some(StageName::new("canary").unwrap()),
        environment: Some(Environment::new("production").unwrap()),
        ..DryWords::default()
    }
}

fn error(text: &str) -> String {
    CommandTemplate::shell(text).unwrap_err().to_string()
}

#[test]
fn words_are_replaced_within_their_argument() {
    let argv = |text: &str| {
        let table: toml::Table = format!("x = {text}").parse().unwrap();
        table["x"].clone().try_into::<CommandTemplate>().unwrap().argv(&values())
    };
    assert_eq!(argv(r#"["confctl", "name={host}", "{hosts}"]"#), ["confctl", "name=mw01", "mw01,mw02"]);
    // What has no value is nothing, and still an argument.
    assert_eq!(argv(r#"["x", "{previous}", "{rollout}"]"#), ["x", "", ""]);
    assert_eq!(argv(r#"["x", "{{host}}", "a}}b{{"]"#), ["x", "{host}", "a}b{"]);
    assert_eq!(argv(r#"["x", "{prefix}"]"#), ["x", "/srv/it's $(touch x) \"here\"; `id`\\"]);
}

#[test]
fn unknown_words_and_lonely_braces_are_refused() {
    assert_eq!(
        error("x {hots}"),
        "there is no dry word `{hots}`, did you mean `{hosts}`; a literal brace is written twice, as `{{`"
    );
    assert_eq!(
        error("awk '{print $1}'"),
        "there is no dry word `{print $1}`; a literal brace is written twice, as `{{`"
    );
    assert_eq!(error("x {host"), "a `{` stands alone; a literal brace is written twice, as `{{`");
    assert_eq!(error("x } y"), "a `}` stands alone; a literal brace is written twice, as `}}`");
    assert_eq!(error("  "), "it is empty");
    assert_eq!(error("a\0"), "no command can have a NUL in it");
    assert!(CommandTemplate::shell("awk '{{print $1}}' {host}").is_ok());
}

#[test]
fn words_where_quotes_would_not_hold_are_refused() {
    for (text, place) in [
        ("x '{host}'", "inside quotes"),
        ("x \"{host}\"", "inside quotes"),
        ("x \"$(y {host})\"", "after `$(` in double quotes"),
        ("x \"$(echo \"{host}\")\"", "after `$(` in double quotes"),
        ("x `y {host}`", "after a backquote"),
        ("x \\{host}", "behind a backslash"),
        ("x ${host}", "behind `$`"),
        ("x ${{y}}{host} ${{z:-{host}", "after `${…}` with an operator in it"),
        ("x ${{{host}}}", "inside `${…}`"),
        ("x $'a\\'{host}'", "after `$'…'`"),
        ("cat <<E\n{host}\nE", "after `<<`, which starts a here-document"),
        ("x # for {host}", "in a comment"),
    ] {
        assert!(error(text).contains(&format!("stands {place}, where no value is safe")), "{text}: {}", error(text));
    }
    assert_eq!(
        error("x '{host}'"),
        "`{host}` stands inside quotes, where no value is safe from the shell; write `{host}` bare, since it is quoted by itself, or \
         `\"$COALMINE_HOST\"`"
    );
}

#[test]
fn words_behind_quotes_and_hashes_that_are_over_are_taken() {
    for text in [
        "x 'a b' {host}",
        "x \"a\\\"b\" {host}",
        "# note\nx {host}",
        "x a#b {host}",
        "x $# {host}",
        "x --host={host}",
        "x ${{HOME}}/{host}",
        "x <in {host}",
        "(x {host}) && y",
        "x \"${{HOME}}\" {host}",
        "x \\' {host}",
    ] {
        assert!(CommandTemplate::shell(text).is_ok(), "{text}: {}", error(text));
    }
}

#[test]
fn a_real_shell_gives_the_value_back() {
    for shell in ["sh", "dash"] {
        let command = CommandTemplate::shell("printf '%s|' {prefix} --at={prefix}/bin '{{}}' {host}").unwrap();
        let output = Command::new(shell).arg("-c").arg(command.script(&values())).output().unwrap();
        let prefix = "/srv/it's $(touch x) \"here\"; `id`\\";
        assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{prefix}|--at={prefix}/bin|{{}}|mw01|"));
    }
}

#[test]
fn the_environment_has_the_same_values() {
    let environment = values().environment();
    assert!(environment.contains(&("COALMINE_HOSTS", "mw01,mw02".to_owned())));
    assert!(environment.contains(&("COALMINE_STAGE", "canary".to_owned())));
    assert!(!environment.iter().any(|(name, _)| *name == "COALMINE_PREVIOUS"));
    for word in DryWord::all() {
        assert_eq!(word.variable(), format!("COALMINE_{}", word.name().to_uppercase()));
    }
}

/// Pieces of shell that open and close every kind of quoting.
fn script() -> impl Strategy<Value = String> {
    let pieces = [
        "'", "\"", "\\", "`", "$", "$(", ")", "${{", "}}", "#", " ", "\n", "<", "<<", "E", "a", ":-", "{prefix}",
        "{prefix}", ";", "'\"'", "$'",
    ];
    proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 1..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_template_writes_back_what_it_read(text in "(\\PC|[{}]|\\{host\\}){0,20}") {
        if let Ok(template) = Template::parse(&text) {
            prop_assert_eq!(Template::parse(&template.to_string()).unwrap(), template);
        }
    }

    #[test]
    fn no_text_that_is_taken_lets_a_shell_run_a_value(text in script()) {
        let folder = tempfile::TempDir::new().unwrap();
        let Ok(command) = CommandTemplate::shell(&text) else { return Ok(()) };
        if command.words().count() == 0 {
            return Ok(());
        }
        let proof = folder.path().join("ran");
        let run = format!("touch {}", proof.display());
        let attacks = [format!("$({run})`{run}`';{run};'\";{run};\"\n{run}\n#"), format!("\\';{run};\\"), format!("}};{run};")];
        for attack in attacks {
            let values = DryWords { prefix: Some(attack.into()), ..DryWords::default() };
            for shell in ["dash", "bash"] {
                let output = Command::new(shell)
                    .arg("-c")
                    .arg(command.script(&values))
                    .current_dir(folder.path())
                    .stdin(Stdio::null())
                    .output();
                prop_assert!(output.is_ok());
                prop_assert!(!proof.exists(), "{} ran the value of {:?}", shell, text);
            }
        }
    }
}
