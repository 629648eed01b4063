use std::collections::{BTreeMap, HashSet};

use super::{Action, BINDINGS, Context, Key, Keymap, KeysError, PLACES, configured, names, readme_table};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

const SCREENS: [Context; 4] = [Context::Fleet, Context::Plan, Context::Rollout, Context::History];

#[test]
fn no_key_means_two_things_in_one_place_and_no_name_two_bindings() {
    assert!(Keymap::with([]).is_ok());
    let mut seen = HashSet::new();
    for binding in BINDINGS {
        let name = configured::name(binding);
        assert!(seen.insert(name.clone()), "{name} is the name of two");
    }
}

#[test]
fn a_footer_has_at_most_six_keys_and_always_the_way_to_help() {
    for contexts in PLACES {
        let keymap = Keymap::default();
        let shown = keymap.footer(contexts, |_| true);
        assert!(shown.len() <= 6);
        assert!(shown.iter().any(|binding| binding.action == Action::Help), "{contexts:?}");
        let none = keymap.footer(contexts, |action| matches!(action, Action::Help | Action::Report));
        let none: Vec<Action> = none.iter().map(|binding| binding.action).collect();
        assert!(none.iter().all(|action| matches!(action, Action::Help | Action::Report)), "{none:?}");
    }
}

#[test]
fn the_keys_of_the_contract_do_what_it_says() {
    let keymap = Keymap::default();
    let rollout = [Context::Rollout, Context::List, Context::Moves, Context::Everywhere];
    for (pressed, action) in [
        ('c', Action::Continue),
        ('p', Action::Pause),
        ('x', Action::Abort),
        ('R', Action::Rollback),
        ('t', Action::Retry),
        ('n', Action::Skip),
        ('q', Action::Quit),
        (' ', Action::Mark),
        ('/', Action::Filter),
    ] {
        let event = KeyEvent::new(KeyCode::Char(pressed), KeyModifiers::NONE);
        assert_eq!(keymap.lookup(event, &rollout), Some(action), "{pressed:?}");
    }
    let half = KeyEvent::new(KeyCode::Char('d'), KeyModifiers::CONTROL);
    assert_eq!(keymap.lookup(half, &rollout), Some(Action::HalfDown));
}

#[test]
fn every_binding_has_words_ascii_names_and_keys_that_can_be_configured() {
    for binding in BINDINGS {
        assert!(!binding.help.is_empty() && !binding.word.is_empty());
        assert!(names(binding, true).is_ascii(), "{:?}", binding.action);
        for key in binding.keys.iter() {
            assert_eq!(Key::read(&key.to_string()), Some(*key), "{key}");
            assert_eq!(Key::read(&key.ascii()), Some(*key), "{key}");
        }
    }
}

fn with(changes: &[(&str, &[&str])]) -> Result<Keymap, KeysError> {
    let owned: BTreeMap<&str, Vec<String>> =
        changes.iter().map(|(name, keys)| (*name, keys.iter().map(|&key| key.to_owned()).collect())).collect();
    Keymap::with(owned.iter().map(|(name, keys)| (*name, keys.as_slice())))
}

#[test]
fn a_configured_key_takes_the_place_of_the_usual_one() {
    let keymap = with(&[("rollout.pause", &["F5", "Ctrl-p"]), ("rollout.abort", &[])]).unwrap();
    let contexts = [Context::Rollout, Context::List, Context::Moves, Context::Everywhere];
    let press = |code, modifiers| keymap.lookup(KeyEvent::new(code, modifiers), &contexts);
    assert_eq!(press(KeyCode::F(5), KeyModifiers::NONE), Some(Action::Pause));
    assert_eq!(press(KeyCode::Char('p'), KeyModifiers::CONTROL), Some(Action::Pause));
    assert_eq!(press(KeyCode::Char('p'), KeyModifiers::NONE), None);
    assert_eq!(press(KeyCode::Char('x'), KeyModifiers::NONE), None);
    assert_eq!(keymap.name(Action::Pause, &contexts), "F5");
    assert_eq!(keymap.name(Action::Abort, &contexts), ":abort", "what has no key has its command");
    assert!(keymap.footer(&contexts, |_| true).iter().all(|binding| binding.action != Action::Abort));
}

#[test]
fn conflicts_unknown_names_and_a_missing_way_out_are_refused_by_name() {
    for (changes, said) in [
        (&[("rollout.pause", &["x"] as &[&str])][..], "x would mean both rollout.pause and rollout.abort"),
        // Each alone means what it says; together they are in one place.
        (&[("everywhere.log", &["j"])], "j would mean both everywhere.log and move.down"),
        (&[("host.shell", &["j"])], "j would mean both move.down and host.shell"),
        (&[("rollout.paus", &["F5"])], r#"nothing is called "rollout.paus"; "rollout.pause" is"#),
        (&[("rollout.pause", &["F13"])], r#"rollout.pause has "F13", which is no key"#),
        (&[("rollout.pause", &["Ctrl-PgUp"])], r#"has "Ctrl-PgUp", which is no key"#),
        (&[("everywhere.quit", &[])], "everywhere.quit needs a key"),
    ] {
        let error = with(changes).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    // One that gives its key away may be given another's.
    assert!(with(&[("rollout.pause", &["x"]), ("rollout.abort", &["p"])]).is_ok());
    // Two screens are two places.
    assert!(with(&[("fleet.install", &["F5"]), ("history.reload", &["F5"])]).is_ok());
}

#[test]
fn every_screen_has_keys_of_its_own() {
    for screen in SCREENS {
        assert!(Keymap::default().of(screen).count() > 2, "{screen:?}");
    }
}

#[test]
fn the_readme_has_every_key() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once("<!-- keys:").unwrap();
    let (comment, rest) = rest.split_once("-->\n").unwrap();
    let (written, after) = rest.split_once("<!-- end of keys -->").unwrap();
    let table = readme_table();
    if std::env::var_os("COALMINE_REGENERATE").is_some() {
        std::fs::write(&path, format!("{before}<!-- keys:{comment}-->\n{table}<!-- end of keys -->{after}")).unwrap();
        return;
    }
    assert_eq!(written, table, "run this test with COALMINE_REGENERATE=1");
}
