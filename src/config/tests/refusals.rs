use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{LEAST, Place, line_of, with};

/// Loads lines in a section of the least configuration, and gives the refusal without file and line, which are checked.
fn refused(section: &str, lines: &str) -> String {
    let text = with(section, lines);
    let refusal = Place::project(&text).refusal();
    let prefix = format!("project/coalmine.toml:{}: ", line_of(&text, lines.lines().last().unwrap()));
    refusal.strip_prefix(&prefix).unwrap_or_else(|| panic!("not at {prefix}\n{refusal}")).to_owned()
}

#[test]
fn unknown_keys_are_told_with_file_line_and_the_nearest_key_at_every_depth() {
    const STAGE: &str = "[[environments.production.stages]]";
    for (section, line, message) in [
        ("[target]", "rooot = 1", "unknown key `target.rooot`\n    the nearest known key is `target.root`"),
        (
            "[target]",
            "connects = 3",
            "unknown key `target.connects`\n    there is a key of that name elsewhere: `ssh.connects`",
        ),
        ("[lock]", "zzz = 3", "unknown key `lock.zzz`\n    the keys here are wait, lease"),
        (
            "[environments.production]",
            "prefech = \"all\"",
            "unknown key `environments.production.prefech`\n    the nearest known key is `environments.production.prefetch`",
        ),
        (
            STAGE,
            "promot = \"auto\"",
            "unknown key `environments.production.stages[0].promot`\n    the nearest known key is `environments.production.stages[0].promote`",
        ),
        (
            STAGE,
            "budget = { unhealty = 1 }",
            "unknown key `environments.production.stages[0].budget.unhealty`\n    the nearest known key is `environments.production.stages[0].budget.unhealthy`",
        ),
        (
            "[groups]",
            "web = { hots = [] , file = \"x\" }",
            "unknown key `groups.web.hots`\n    the nearest known key is `groups.web.hosts`",
        ),
        (
            "[[gates]]",
            "name = \"a\"\nrun = \"true\"\nretrys = 1",
            "unknown key `gates[0].retrys`\n    the nearest known key is `gates[0].retries`",
        ),
    ] {
        assert_eq!(refused(section, line), message);
    }
    let refusal = Place::project(&format!("{LEAST}[taget]\n\"a\\nb\" = 1\n")).refusal();
    assert!(refusal.ends_with("unknown key `taget`\n    the nearest known key is `target`"), "{refusal}");
}

#[test]
fn wrong_values_are_told_with_what_they_are_and_what_they_may_be() {
    const STAGE: &str = "[[environments.production.stages]]";
    for (section, line, message) in [
        (
            "[target]",
            "keep = \"five\"",
            "`target.keep` is \"five\", but must be a whole number of 2 or more: the current release, and at least the one to go back to",
        ),
        (
            "[target]",
            "keep = 1",
            "`target.keep` is 1, but must be a whole number of 2 or more: the current release, and at least the one to go back to",
        ),
        (
            "[target]",
            "current = \"releases\"",
            "`target.current` is \"releases\": that is the folder of the releases: choose another name, such as \"current\"",
        ),
        (
            "[target]",
            "current = \".x\"",
            "`target.current` is \".x\": names that start with a dot are coalmine's own: choose another, such as \"current\"",
        ),
        (
            "[target]",
            "become = \"sudo\"",
            "`target.become` is \"sudo\", but must be a list of arguments, such as [\"sudo\", \"-n\", \"-u\", \"deploy\"]",
        ),
        ("[target]", "user = \"a\\nb\"", "`target.user` is \"a\\nb\": it has '\\n' in it, a control character"),
        (
            "[target]",
            "confirm = 60",
            "`target.confirm` is 60, but must be a duration with its unit, such as \"10s\", \"90m\", \"1h 30m\" or \"1d\"",
        ),
        (
            "[ssh]",
            "host_keys = \"no\"",
            "`ssh.host_keys` is \"no\": whoever answers in a host's place would get the release and the session; write \"strict\", or \"accept-new\" to take a key at its first sight only",
        ),
        ("[ssh]", "host_keys = \"yes\"", "`ssh.host_keys` is \"yes\", but must be \"strict\" or \"accept-new\""),
        ("[ssh]", "connects = 0", "`ssh.connects` is 0, but must be a whole number of 1 or more"),
        (
            "[ssh]",
            "alive = \"0s\"",
            "`ssh.alive` is \"0s\", but must be a duration longer than nothing, such as \"10s\", \"90m\" or \"1h 30m\"",
        ),
        (
            "[ssh]",
            "kex = \"a b\"",
            "`ssh.kex` is \"a b\", but must be what ssh's KexAlgorithms takes, such as \"curve25519-sha256\", or \"\" for ssh's own choice",
        ),
        (
            "[ssh]",
            "persist = \"2d\"",
            "`ssh.persist` is \"2d\", but must be a duration of a day at most, such as \"60s\" or \"10m\", or \"0s\" for none",
        ),
        (
            "[transfer]",
            "bandwidth = \"fast\"",
            "`transfer.bandwidth` is \"fast\", but must be a rate as rsync's --bwlimit takes it, such as \"10M\" (MiB a second), or \"0\" for no limit",
        ),
        ("[product]", "verify_tags = \"yes\"", "`product.verify_tags` is \"yes\", but must be true or false"),
        (
            "[build]",
            "before = \"make\"",
            "`build.before` is \"make\": a list is needed here, as in `[\"make\"]`, each item a command: a list of arguments such as [\"check\", \"{host}\"], or a text for the shell such as \"check {host}\"",
        ),
        (
            "[build]",
            "before = [\"a\", 1]",
            "`build.before` is [\"a\", 1]: item 2 of the list is 1, but must be a command: a list of arguments such as [\"check\", \"{host}\"], or a text for the shell such as \"check {host}\"",
        ),
        (
            "[hooks]",
            "depool = \"x {hots}\"",
            "`hooks.depool` is \"x {hots}\": there is no dry word `{hots}`, did you mean `{hosts}`; a literal brace is written twice, as `{{`",
        ),
        (
            "[environments.production]",
            "site = '['",
            "`environments.production.site` is \"[\": as a regular expression it is wrong: unclosed character class",
        ),
        (
            "[[environments.production.freezes]]",
            "name = \"a\"\nfrom = \"Fri\"\nuntil = \"Mon 8:00pm\"",
            "`environments.production.freezes[0].until` is \"Mon 8:00pm\", but must be \"16:00\", \"Fri 16:00\", \"12-20\" or \"2026-12-20 18:00\"",
        ),
        (
            "[[environments.production.freezes]]",
            "name = \"a\"\nfrom = \"Fri\"\nuntil = \"Mon\"\nzone = \"CET-2\"",
            "`environments.production.freezes[0].zone` is \"CET-2\", but must be a time zone that this machine knows, \"UTC\" or such as \"Europe/Berlin\"",
        ),
        (
            STAGE,
            "waves = []",
            "`environments.production.stages[0].waves` is []: a stage has at least one wave: write [\"100%\"] for one with all of its hosts",
        ),
        (
            STAGE,
            "waves = [1, \"0%\"]",
            "`environments.production.stages[0].waves` is [1, \"0%\"]: item 2 of the list is \"0%\", but must be a number of hosts of 1 or more, or a share such as \"10%\"",
        ),
        (
            STAGE,
            "budget = { transfer = \"200%\" }",
            "`environments.production.stages[0].budget.transfer` is \"200%\", but must be how many hosts may fail: a number such as 3, or a share from \"0%\" to \"100%\"",
        ),
        (
            STAGE,
            "budget = 3",
            "`environments.production.stages[0].budget` is 3, but must be a table, such as [environments.production.stages[0].budget]",
        ),
        (
            "[[gates]]",
            "name = \"a\"\nrun = \"true\"\non = \"stage\"\nevery = \"0s\"",
            "`gates[0].every` is \"0s\", but must be a duration longer than nothing, such as \"10s\", \"90m\" or \"1h 30m\"",
        ),
    ] {
        assert_eq!(refused(section, line), message);
    }
}

#[test]
fn rules_between_keys_are_told_where_they_are_broken() {
    const GATE: &str = "name = \"a\"\nrun = \"true\"\n";
    for (section, lines, message) in [
        ("[ssh]", "share = false\npersist = \"60s\"", "`ssh.persist` keeps connections that nobody would use, since `ssh.share` is false\n    write `share = true`, or leave persist out".to_owned()),
        ("[build]", "kind = \"command\"", "`build.kind` is \"command\", and `build.commands` has none\n    write `commands = [\"make install DESTDIR={prefix}\"]` under [build]".to_owned()),
        ("[build]", "commands = [\"make\"]", "`build.commands` would never run, since `build.kind` is \"python-venv\"\n    write `kind = \"command\"`, or what is to run before pip as `before`".to_owned()),
        ("[build]", "before = [\"make {host}\"]", "`build.before` has `{host}` in it, which has no value there: a release is built once, for every host and rollout\n    it may have `{version}`, `{prefix}`".to_owned()),
        ("[hooks]", "announce = [\"log\", \"{host}\"]", "`hooks.announce` has `{host}` in it, which has no value there: a message is about a rollout\n    it may have `{hosts}`, `{version}`, `{prefix}`, `{previous}`, `{stage}`, `{rollout}`, `{environment}`".to_owned()),
        ("[[gates]]", &format!("{GATE}max = 1"), "`gates[0].max` is for gates of a stage, and this one is of a host\n    write `on = \"stage\"`, or leave max out: a host's gate passes with exit 0".to_owned()),
        ("[[gates]]", &format!("{GATE}baseline = 1.2"), "`gates[0].baseline` is for gates of a stage, and this one is of a host\n    write `on = \"stage\"`, or leave baseline out: a host's gate passes with exit 0".to_owned()),
        ("[[gates]]", &format!("{GATE}[[gates]]\nrun = \"false\"\nname = \"a\" # again"), "`gates[1].name` is \"a\", as `gates[0].name` is\n    give each gate a name of its own".to_owned()),
        ("[groups]", "web = { hosts = [\"a\"], file = \"b\" }", "`groups.web` has file and hosts: a group comes from one of them\n    make groups of their own, and one with `any = [\"@one\", \"@other\"]`".to_owned()),
        ("[groups]", "web = {}", "`groups.web` does not say where its hosts come from\n    write one of file, hosts, command, ansible, any".to_owned()),
        ("[groups]", "web = { hosts = [\"a\"], timeout = \"1s\" }", "`groups.web.timeout` has nothing to time\n    it belongs to `command`; leave it out".to_owned()),
        ("[groups]", "web = { hosts = [\"a\"] }\nall = { any = [\"@wbe\"] }", "`groups.all.any` names the group `@wbe`, which does not exist\n    the nearest group is `@web`".to_owned()),
        ("[groups]", "web = { hosts = [\"@api\"] }", "`groups.web.hosts` is [\"@api\"]: item 1 of the list is \"@api\": `@api` is not a host's name or a range of names, which is all that can stand here".to_owned()),
        ("[groups]", "web = { any = [\"api\"] }", "`groups.web.any` is [\"api\"]: item 1 of the list is \"api\", but must be a group, such as \"@web\"".to_owned()),
        ("[environments.production]", "masters = \"a,,b\"", "`environments.production.masters` is \"a,,b\": expected a term before `,`\n  a,,b\n    ^".to_owned()),
        ("[[environments.production.freezes]]", "name = \"a\"\nfrom = \"Fri\"\nuntil = \"08:00\"", "`environments.production.freezes[0]` is no window: from = \"Fri\" and until = \"08:00\" are of two forms: both have a weekday, a date, or neither\n    such as from = \"Fri 16:00\" and until = \"Mon 08:00\", or from = \"12-20\" and until = \"01-03\"".to_owned()),
        ("[environments.production]", "masters = \"@nope\"", "`environments.production.masters` names the group `@nope`, which does not exist\n    there are no groups: write them under [groups]".to_owned()),
    ] {
        assert_eq!(refused(section, lines), message);
    }
}

#[test]
fn stages_have_a_name_of_their_own_and_one_selection() {
    let stages = |stages: &str| {
        let (before, _) = LEAST.split_once("[[").unwrap();
        Place::project(&format!("{before}{}", stages.replace("[[]]", "[[environments.production.stages]]"))).refusal()
    };
    assert_eq!(
        stages("[[]]\nname = \"a\"\ncount = 1\npercent = 2\n"),
        "project/coalmine.toml:11: `environments.production.stages[0]` has count and percent: a stage has one of them\n    \
         decide for one; what each selects is taken from whatever earlier stages left"
    );
    assert_eq!(
        stages("[[]]\nname = \"a\"\n[[]]\nname = \"b\"\n"),
        "project/coalmine.toml:11: `environments.production.stages[0]` says nothing of its hosts, so it would take all and leave \
         none to the stages after it\n    write one of hosts, count, percent, per_site; only the last stage takes whatever is left"
    );
    assert_eq!(
        stages("[[]]\nname = \"a\"\ncount = 1\n[[]]\nname = \"a\"\n"),
        "project/coalmine.toml:15: `environments.production.stages[1].name` is \"a\", as `environments.production.stages[0].name` \
         is\n    give each stage a name of its own"
    );
    assert_eq!(
        stages("[[]]\nname = \"masters\"\n"),
        "project/coalmine.toml:12: `environments.production.stages[0].name` is \"masters\": the stage of the masters has that name \
         already: choose another"
    );
    for text in ["", "stages = []\n"] {
        assert!(
            stages(text).contains(
                "`environments.production.stages` has nothing in it\n    there must be at least one, such as:\n    \
                 [[environments.production.stages]]\n    name = \"fleet\""
            ),
            "{}",
            stages(text)
        );
    }
    assert!(stages("[environments.production.stages]\nname = \"a\"\n").contains(
        "`environments.production.stages` is a list of tables: write [[environments.production.stages]]\n    two brackets"
    ));
}

#[test]
fn missing_essentials_are_told_by_name_with_what_to_write() {
    assert_eq!(
        Place::project("").refusal(),
        "project/coalmine.toml: `build.check` is missing\n    write `check = \"bin/scap version\"` under [build] (run in the finished release; must exit 0)\n\
         project/coalmine.toml: `environments` has nothing in it\n    there must be at least one, such as:\n    [environments.production]\n    hosts = \"@all\"\n\
         project/coalmine.toml: `product.name` is missing\n    write `name = \"scap\"` under [product] (what is installed)\n\
         project/coalmine.toml: `product.repository` is missing\n    write `repository = \"/srv/deployment/scap\"` under [product] (the checkout that holds the tags)\n\
         project/coalmine.toml: `target.root` is missing\n    write `root = \"/var/lib/scap\"` under [target] (the folder of the releases; relative: to the login folder)"
    );
}

#[test]
fn what_is_missing_in_a_list_is_told_at_its_header() {
    let text = with("[[gates]]", "name = \"a\\tb\"");
    let line = line_of(&text, "[[gates]]");
    assert_eq!(
        Place::project(&text).refusal(),
        format!(
            "project/coalmine.toml:{line}: `gates[0].run` is missing\n    write `run = \"bin/scap version\"` there (exit 0: pass, \
             75: inconclusive (the rollout pauses), anything else: fail)\n\
             project/coalmine.toml:{}: `gates[0].name` is \"a\\tb\": it has '\\t' in it, a control character",
            line + 1
        )
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once_in_every_file() {
    let text = with("[target]", "keep = 0\nrooot = 1") + "[ssh]\nconnects = \"x\"\n[groups]\nweb = {}\n";
    let place =
        Place::project(&text).write("etc/coalmine.toml", "[lock]\nlese = 1\n").variable("COALMINE_SSH_CONECTS", "3");
    let refusal = place.refusal();
    for part in [
        "`target.keep` is 0",
        "unknown key `target.rooot`",
        "`ssh.connects` is \"x\"",
        "`groups.web` does not",
        "etc/coalmine.toml:2: unknown key `lock.lese`",
        "variable COALMINE_SSH_CONECTS: ",
    ] {
        assert!(refusal.contains(part), "{part} is not in\n{refusal}");
    }
    assert_eq!(place.load().unwrap_err().problems.len(), 6, "{refusal}");
}

#[test]
fn mistakes_of_syntax_show_their_line() {
    let broken = Place::project("[product]\nname = scap\n[target]\nroot = \"/x\n");
    let refusal = broken.variable("COALMINE_ENVIRONMENTS_PRODUCTION_PREFETCH", "all").refusal();
    assert!(refusal.starts_with("project/coalmine.toml:2: column 8: "), "{refusal}");
    assert!(refusal.contains("\n    name = scap\n           ^\nproject/coalmine.toml:4: column "), "{refusal}");
    assert!(!refusal.contains("missing") && !refusal.contains("variable"), "{refusal}");
    let twice = Place::project("[product]\nname = \"a\"\nname = \"b\"\n").refusal();
    assert!(twice.starts_with("project/coalmine.toml:3: column 1: duplicate key"), "{twice}");
}

#[test]
fn variables_that_are_misspelt_behind_a_known_section_are_refused() {
    for (name, value, message) in [
        (
            "COALMINE_TARGET_ROT",
            "/x",
            "`target` has no key `rot` that a variable can set\n    the nearest known one is COALMINE_TARGET_ROOT",
        ),
        (
            "COALMINE_TARGET_KEEP",
            "x",
            "`target.keep` is \"x\", but must be a whole number of 2 or more: the current release, and at least the one to go back to",
        ),
        ("COALMINE_GROUPS_ALL", "x", "`groups` cannot be set by a variable\n    write it into a file"),
        ("COALMINE_GATES_X", "x", "`gates` cannot be set by a variable\n    write it into a file"),
        (
            "COALMINE_ENVIRONMENTS_PRODUCTION_PREFECH",
            "x",
            "`environments.production` has no key `prefech` that a variable can set\n    the nearest known one is COALMINE_ENVIRONMENTS_PRODUCTION_PREFETCH",
        ),
        (
            "COALMINE_ENVIRONMENTS_PRODUCTION_STAGES",
            "x",
            "`environments.production` has no key `stages` that a variable can set\n    the keys here are hosts, masters, channel, site, prefetch, on_failure, run_from",
        ),
        (
            "COALMINE_ENVIRONMENTS_BETA_PREFETCH",
            "all",
            "it is of no environment that a file has\n    the environments are production; a variable begins with COALMINE_ENVIRONMENTS_PRODUCTION_",
        ),
    ] {
        let refusal = Place::project(LEAST).variable(name, value).refusal();
        assert_eq!(refusal, format!("variable {name}: {message}"));
    }
}

#[test]
fn flags_are_refused_by_their_names() {
    let mut place = Place::project(LEAST);
    place.sources.flag("--soak", &["lock", "wait"], "soon");
    place.sources.flag("--nonsense", &["lock", "waiting"], "1s");
    assert_eq!(
        place.refusal(),
        "flag --nonsense: there is no key `lock.waiting`\nflag --soak: `lock.wait` is \"soon\", but must be a duration with its unit, \
         such as \"10s\", \"90m\", \"1h 30m\" or \"1d\""
    );
}

#[test]
fn no_refusal_carries_a_control_character_to_the_terminal() {
    let text = with("[target]", "\"\\u001b[31m\" = \"\\u001b]0;x\\u0007\"\nuser = \"\\u001b[31m\"")
        + "[environments.\"\\u001b\"]\n";
    let refusal = Place::project(&text).variable("COALMINE_SSH_\u{1b}[31m", "\u{7}").refusal();
    assert!(refusal.contains("variable COALMINE_SSH_"), "{refusal:?}");
    assert!(!refusal.contains(|c: char| c.is_control() && c != '\n'), "{refusal:?}");
}

/// Text that is often nearly a configuration.
fn nearly() -> impl Strategy<Value = String> {
    let words = [
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "=",
        "\n",
        "\"",
        "'",
        ",",
        ".",
        "target",
        "root",
        "stages",
        "environments",
        "production",
        "gates",
        "run",
        "\"{host}\"",
        "waves",
        "[1, \"10%\"]",
        "\"1d\"",
        "0",
        "-1",
        "1e400",
        "99999999999999999999",
        "0x_",
        "true",
        "1979-05-27",
        "name",
        "groups",
        "any",
        "budget",
        "#",
        "\\",
        "\u{1b}",
        "é",
        "\r\n",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..40).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_file_panics_and_every_problem_is_told_once(text in prop_oneof![nearly(), "\\PC{0,80}", nearly().prop_map(|text| format!("{LEAST}{text}"))]) {
        if let Err(errors) = Place::project(&text).load() {
            let told: BTreeSet<String> = errors.problems.iter().map(ToString::to_string).collect();
            prop_assert_eq!(told.len(), errors.problems.len());
            prop_assert!(!told.is_empty());
        }
    }

    #[test]
    fn no_variable_panics(name in "(TARGET|SSH|ENVIRONMENTS|ENVIRONMENTS_PRODUCTION|GATES|X)_?[A-Z_é]{0,12}", value in "\\PC{0,20}") {
        drop(Place::project(LEAST).variable(&format!("COALMINE_{name}"), &value).load());
    }
}
