use std::cmp::Ordering;
use std::sync::Arc;

use super::{Field, Rows, Sort, Table, Values};
use crate::model::HostId;

struct Names {
    hosts: Vec<HostId>,
    states: Vec<&'static str>,
}

impl Names {
    fn new(count: usize) -> Self {
        let hosts = (0..count).map(|i| HostId::new(&format!("mw{i:02}")).unwrap()).collect();
        Self { hosts, states: vec!["pending"; count] }
    }
}

impl Table for Names {
    fn hosts(&self) -> &[HostId] {
        &self.hosts
    }

    fn widest(&self) -> u16 {
        super::widest(&self.hosts)
    }

    fn has(&self, row: usize, field: Field, value: &str) -> bool {
        field == Field::State && self.states[row] == value
    }

    fn values(&self, field: Field) -> Values {
        match field {
            Field::State => Values::These(vec!["pending".to_owned(), "failed".to_owned(), "rolled back".to_owned()]),
            Field::Stage => Values::Nowhere("there are no stages"),
            Field::Site | Field::Version | Field::Group => Values::Any,
        }
    }

    fn mentions(&self, row: usize, text: &str) -> bool {
        self.hosts[row].as_str().contains(text)
    }

    fn compare(&self, sort: Sort, one: usize, other: usize) -> Ordering {
        if sort == Sort::State { self.states[one].cmp(self.states[other]) } else { one.cmp(&other) }
    }

    fn group(&self, name: &str) -> Option<&[HostId]> {
        (name == "first").then(|| &self.hosts[..2])
    }

    fn groups(&self) -> Vec<Arc<str>> {
        vec!["first".into()]
    }
}

fn settled(count: usize, height: usize) -> (Names, Rows) {
    let table = Names::new(count);
    let mut rows = Rows::default();
    rows.replaced();
    rows.fit(&table, height);
    (table, rows)
}

#[test]
fn the_window_follows_the_selection_by_as_little_as_it_can() {
    let (table, mut rows) = settled(100, 10);
    rows.cursor().down(12);
    rows.fit(&table, 10);
    assert_eq!(rows.window_range(), 3..13);
    rows.cursor().up(3);
    rows.fit(&table, 10);
    assert_eq!(rows.window_range(), 3..13, "still inside");
    rows.cursor().last();
    rows.fit(&table, 10);
    assert_eq!(rows.window_range(), 90..100);
    rows.fit(&table, 40);
    assert_eq!(rows.window_range(), 60..100, "a higher window is filled");
}

#[test]
fn the_selection_stays_on_its_host_when_the_order_changes() {
    let (mut table, mut rows) = settled(20, 10);
    rows.cursor().go(7);
    rows.fit(&table, 10);
    rows.next_sort(&[Sort::Given, Sort::State]);
    table.states[7] = "zzz";
    rows.fit(&table, 10);
    assert_eq!(rows.selected(), Some(7));
    assert_eq!(rows.shown().last(), Some(&7));
    table.states[7] = "aaa";
    rows.touched();
    rows.fit(&table, 10);
    assert_eq!((rows.selected(), rows.shown().first()), (Some(7), Some(&7)));
}

#[test]
fn a_filter_takes_text_fields_expressions_and_their_inversions() {
    let (mut table, mut rows) = settled(20, 10);
    table.states[3] = "failed";
    table.states[13] = "failed";
    for (filter, shown) in [
        ("mw1", (10..20).collect::<Vec<_>>()),
        ("state:failed", vec![3, 13]),
        ("state:failed mw1", vec![13]),
        ("state:failed !mw1", vec![3]),
        ("mw[02-04]", vec![2, 3, 4]),
        ("!mw[02-19]", vec![0, 1]),
        ("@first", vec![0, 1]),
        ("mw*!mw[01-19]", vec![0]),
        ("", (0..20).collect()),
    ] {
        rows.set_filter(filter);
        rows.fit(&table, 10);
        assert_eq!(rows.shown(), shown, "{filter}");
        assert_eq!(rows.filter().error(), None, "{filter}");
    }
}

#[test]
fn an_expression_that_matches_nothing_shows_nobody_and_says_so() {
    let (table, mut rows) = settled(20, 10);
    rows.set_filter("db[01-02]");
    rows.fit(&table, 10);
    assert!(rows.shown().is_empty());
    assert!(rows.filter().error().is_some());
    rows.set_filter("mw[01-");
    rows.fit(&table, 10);
    assert_eq!(rows.shown().len(), 20, "half an expression does not empty the list while it is typed");
    assert!(rows.filter().error().is_some());
}

#[test]
fn a_range_marks_from_its_start_to_the_selection_in_the_order_that_is_shown() {
    let (table, mut rows) = settled(20, 10);
    rows.cursor().go(8);
    rows.fit(&table, 10);
    rows.mark_range();
    rows.cursor().go(5);
    rows.fit(&table, 10);
    assert_eq!(rows.range(), 5..9);
    rows.mark_range();
    assert_eq!(rows.marks().iter().copied().collect::<Vec<_>>(), [5, 6, 7, 8]);
    assert_eq!(rows.meant(), [5, 6, 7, 8]);
    rows.unmark();
    assert_eq!(rows.meant(), [5]);
}

#[test]
fn events_rebuild_the_list_only_where_they_matter_to_it() {
    let (table, mut rows) = settled(20, 10);
    rows.touched();
    assert!(!rows.stale, "in the given order and unfiltered, no event changes the list");
    rows.set_filter("state:failed");
    rows.fit(&table, 10);
    rows.touched();
    assert!(rows.stale);
}

#[test]
fn an_empty_table_has_an_empty_window_at_any_height() {
    let (table, mut rows) = settled(0, 0);
    for height in [0, 1, 50] {
        rows.cursor().down(3);
        rows.mark();
        rows.mark_range();
        rows.fit(&table, height);
        assert_eq!(rows.window().count(), 0);
        assert_eq!(rows.selected(), None);
    }
}
