use super::{LEAST, Place};
use crate::config::check;

#[test]
fn every_value_is_shown_with_where_it_came_from() {
    let place = Place::project(LEAST).variable("COALMINE_LOCK_WAIT", "5s");
    let loaded = place.loaded();
    let shown = loaded.show();
    let line = |key: &str| shown.lines().find(|line| line.starts_with(&format!("{key} "))).unwrap().to_owned();
    let words = |key: &str| line(key).split_whitespace().collect::<Vec<_>>().join(" ");
    let file = place.path("project/coalmine.toml");
    assert_eq!(words("product.name"), format!("product.name = \"scap\" # from project {}:3", file.display()));
    assert_eq!(words("lock.wait"), "lock.wait = \"5s\" # from variable COALMINE_LOCK_WAIT");
    assert_eq!(words("ssh.sessions"), "ssh.sessions = 256 # from default");
    assert_eq!(
        words("environments.production.stages[0].budget.activate"),
        "environments.production.stages[0].budget.activate = 0 # from default"
    );
    let columns: Vec<_> = shown.lines().map(|line| line.find(" = ").unwrap()).collect();
    assert!(columns.iter().all(|column| *column == columns[0]), "{shown}");
}

#[test]
fn what_is_shown_as_json_has_a_schema_and_the_same_values() {
    let loaded = Place::project(LEAST).loaded();
    let json: serde_json::Value = serde_json::from_str(&loaded.show_json()).unwrap();
    assert_eq!(json["schema"], 1);
    assert_eq!(json["files"][0]["layer"], "project");
    let values = json["values"].as_array().unwrap();
    assert_eq!(values.len(), loaded.show().lines().count());
    let name = values.iter().find(|value| value["key"] == "product.name").unwrap();
    assert_eq!(
        (&name["value"], &name["origin"]["from"], &name["origin"]["line"]),
        (&"scap".into(), &"project".into(), &3.into())
    );
}

#[test]
fn a_check_names_the_files_and_what_is_in_them() {
    let place = Place::project(LEAST).variable("COALMINE_TARGE_ROOT", "x");
    let file = place.path("project/coalmine.toml");
    assert_eq!(
        check(&place.sources).unwrap(),
        format!(
            "project  {}\nvariable COALMINE_TARGE_ROOT means nothing to coalmine, and was ignored\n\
             environments: production (fleet)\ngroups: 0, gates: 0\nnothing is wrong with it\n",
            file.display()
        )
    );
    assert!(check(&Place::project("x").sources).is_err());
}
