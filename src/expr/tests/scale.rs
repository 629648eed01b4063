//! 100,000 hosts: results only. What is quadratic shows itself by never ending.

use super::Fleet;
use crate::expr::{Expression, fold};
use crate::model::HostId;

fn fleet() -> Fleet {
    let mut fleet =
        Fleet { hosts: Expression::new("mw[000001-100000]").unwrap().expand().unwrap(), ..Fleet::default() };
    fleet.groups.insert("all".to_owned(), fleet.hosts.clone());
    fleet
}

#[test]
fn a_hundred_thousand_hosts_are_resolved_and_folded() {
    let fleet = fleet();
    let resolve = |expression: &str| Expression::new(expression).unwrap().resolve(&fleet).unwrap();
    for (expression, folded) in [
        ("@all", "mw[000001-100000]"),
        ("mw[000001-099999]", "mw[000001-099999]"),
        ("mw*", "mw[000001-100000]"),
        ("*7", "*7"),
        ("m*00000*", "mw[000001-000009,100000]"),
        ("~mw00000[1-5]", "mw[000001-000005]"),
        ("!mw000001", "mw[000002-100000]"),
        ("*!@all,mw000005", "mw000005"),
        ("@all&mw[000010-000020]", "mw[000010-000020]"),
        ("@all^mw[000003-099999]", "mw[000001-000002,100000]"),
    ] {
        let hosts = resolve(expression);
        if expression == "*7" {
            assert_eq!(hosts.len(), 10_000);
            continue;
        }
        assert_eq!(fold(&hosts), folded, "{expression}");
    }
}

#[test]
fn an_expression_may_have_a_hundred_thousand_terms() {
    let fleet = fleet();
    let names: Vec<&str> = fleet.hosts.iter().map(HostId::as_str).collect();
    for (operator, hosts) in [(",", 100_000), ("^", 100_000)] {
        let expression = Expression::new(&names.join(operator)).unwrap();
        assert_eq!(expression.resolve(&fleet).unwrap().len(), hosts, "{operator}");
        assert_eq!(expression.expand().unwrap().len(), hosts, "{operator}");
    }
    let none_but_one = format!("@all!{}", names[1..].join("!"));
    assert_eq!(fleet.resolve(&none_but_one).unwrap(), names[0]);
    let same = vec![names[0]; 100_000].join("&");
    assert_eq!(fleet.resolve(&same).unwrap(), names[0]);
}

#[test]
fn hosts_of_two_dimensions_fold_to_one_rectangle() {
    let hosts = Expression::new("r[1-400]n[001-250].dc1").unwrap().expand().unwrap();
    assert_eq!(hosts.len(), 100_000);
    assert_eq!(fold(&hosts), "r[1-400]n[001-250].dc1");
}

#[test]
fn numbers_that_never_join_fold_in_good_time() {
    let mut hosts = Expression::new("h[1-100000]").unwrap().expand().unwrap();
    hosts.extend(Expression::new("h[000001-100000/2]").unwrap().expand().unwrap());
    let folded = fold(&hosts);
    assert!(folded.starts_with("h[1-100000,000001,000003,"), "{folded:.40}");
    assert_eq!(Expression::new(&folded).unwrap().expand().unwrap().len(), 150_000);
}
