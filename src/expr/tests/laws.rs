//! Properties: the algebra against plain sets, folding against expanding, and the parser against anything.

use std::collections::HashSet;

use proptest::prelude::*;

use super::Fleet;
use crate::expr::{Expression, ResolveError, fold};
use crate::model::HostId;

fn host() -> impl Strategy<Value = HostId> {
    // Few letters and short numbers, so that shapes meet, paddings mix and runs form.
    let part = prop_oneof![
        "[ab]".prop_map(String::from),
        "[0-2]{1,3}".prop_map(String::from),
        (0..30_u32).prop_map(|number| number.to_string()),
        (0..12_u32).prop_map(|number| format!("{number:02}")),
        Just("-".to_owned()),
        Just(".".to_owned()),
    ];
    prop::collection::vec(part, 1..6).prop_map(|parts| HostId::new(&format!("h{}", parts.concat())).unwrap())
}

/// A term over the hosts h0 … h9, with what it means to plain sets.
#[derive(Debug, Clone)]
enum Tree {
    Term(String, HashSet<usize>),
    AllBut(Box<Tree>),
    Chain(Box<Tree>, Vec<(char, Tree)>),
}

const HOSTS: usize = 10;

fn term() -> impl Strategy<Value = Tree> {
    prop_oneof![
        (0..HOSTS).prop_map(|host| Tree::Term(format!("h{host}"), HashSet::from([host]))),
        (0..HOSTS, 0..HOSTS).prop_map(|(a, b)| {
            let (low, high) = (a.min(b), a.max(b));
            Tree::Term(format!("h[{low}-{high}]"), (low..=high).collect())
        }),
        (1..4_usize).prop_map(|step| Tree::Term(format!("h[0:9:{step}]"), (0..HOSTS).step_by(step).collect())),
        Just(Tree::Term("~h[2,4,6]".to_owned(), HashSet::from([2, 4, 6]))),
        Just(Tree::Term("@odd".to_owned(), HashSet::from([1, 3, 5, 7, 9]))),
        Just(Tree::Term("h*".to_owned(), (0..HOSTS).collect())),
    ]
}

fn tree() -> impl Strategy<Value = Tree> {
    term().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|tree| Tree::AllBut(Box::new(tree))),
            (inner.clone(), prop::collection::vec((prop::sample::select(vec![',', '!', '&', '^']), inner), 1..4))
                .prop_map(|(first, rest)| Tree::Chain(Box::new(first), rest)),
        ]
    })
}

impl Tree {
    fn write(&self, top: bool) -> String {
        match self {
            Self::Term(text, _) => text.clone(),
            Self::AllBut(tree) => {
                let text = format!("!{}", tree.write(false));
                if top { text } else { format!("({text})") }
            }
            Self::Chain(first, rest) => {
                let mut text = first.write(false);
                for (operator, tree) in rest {
                    text.push(*operator);
                    text.push_str(&tree.write(false));
                }
                if top { text } else { format!("({text})") }
            }
        }
    }

    /// Gives the set, or nothing when a term on the way is empty.
    fn set(&self) -> Option<HashSet<usize>> {
        let set = match self {
            Self::Term(_, set) => set.clone(),
            Self::AllBut(tree) => {
                let spared = tree.set()?;
                (0..HOSTS).filter(|host| !spared.contains(host)).collect()
            }
            Self::Chain(first, rest) => {
                let mut set = first.set()?;
                for (operator, tree) in rest {
                    let other = tree.set()?;
                    set = match operator {
                        ',' => &set | &other,
                        '!' => &set - &other,
                        '&' => &set & &other,
                        _ => &set ^ &other,
                    };
                }
                set
            }
        };
        (!set.is_empty()).then_some(set)
    }
}

proptest! {
    #[test]
    fn folding_and_expanding_gives_the_same_hosts(hosts in prop::collection::vec(host(), 1..60)) {
        let folded = fold(&hosts);
        let back = Expression::new(&folded).unwrap().list().unwrap();
        let distinct: HashSet<&HostId> = hosts.iter().collect();
        prop_assert_eq!(back.len(), distinct.len(), "{} names a host twice", folded);
        prop_assert_eq!(back.iter().collect::<HashSet<_>>(), distinct, "{}", folded);
    }

    #[test]
    fn folding_does_not_depend_on_how_often_it_is_done(hosts in prop::collection::vec(host(), 1..40)) {
        let folded = fold(&hosts);
        let again = fold(&Expression::new(&folded).unwrap().expand().unwrap());
        prop_assert_eq!(again, folded);
    }

    #[test]
    fn operators_mean_what_they_mean_to_sets(tree in tree()) {
        let fleet = Fleet::new("h5 h4 h3 h2 h1 h0 h9 h8 h7 h6").group("odd", "h1 h3 h5 h7 h9");
        let text = tree.write(true);
        let resolved = Expression::new(&text).unwrap().resolve(&fleet);
        match tree.set() {
            None => prop_assert!(resolved.is_err(), "{} gave {:?}", text, resolved),
            Some(set) => {
                // In the fleet's order, each once.
                let wanted: Vec<HostId> = fleet
                    .hosts
                    .iter()
                    .filter(|host| set.contains(&host.as_str().trim_start_matches('h').parse().unwrap()))
                    .cloned()
                    .collect();
                prop_assert_eq!(resolved.unwrap(), wanted, "{}", text);
            }
        }
    }

    #[test]
    fn expanding_agrees_with_resolving(tree in tree()) {
        let fleet = Fleet::new("h5 h4 h3 h2 h1 h0 h9 h8 h7 h6").group("odd", "h1 h3 h5 h7 h9");
        let expression = Expression::new(&tree.write(true)).unwrap();
        if let (Ok(expanded), Ok(resolved)) = (expression.expand(), expression.resolve(&fleet)) {
            let expanded: HashSet<HostId> = expanded.into_iter().collect();
            prop_assert_eq!(expanded, resolved.into_iter().collect::<HashSet<_>>(), "{}", expression);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*") {
        if let Err(error) = Expression::new(&text) {
            prop_assert!(text.get(error.span()).is_some(), "{:?} is not a place in {:?}", error.span(), text);
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn no_likely_text_makes_anything_panic(text in r"[a-c0-2\[\]\-:/,!&^~@*?(){}|\\. ü]{0,24}") {
        match Expression::new(&text) {
            Ok(expression) => {
                let fleet = Fleet::new("a b c a1 b2 a-1 a.b 0").group("a", "a b");
                match expression.resolve(&fleet) {
                    Ok(hosts) => {
                        prop_assert!(!hosts.is_empty());
                        let mut places = hosts.iter().map(|host| fleet.hosts.iter().position(|other| other == host));
                        prop_assert!(places.clone().is_sorted() && places.all(|place| place.is_some()));
                    }
                    Err(ResolveError::NothingTogether { expression }) => prop_assert_eq!(expression, text),
                    Err(_) => {}
                }
                let expanded = expression.expand();
                prop_assert!(expanded.is_err() || expanded.is_ok_and(|hosts| !hosts.is_empty()));
            }
            Err(error) => prop_assert!(text.get(error.span()).is_some(), "{:?} in {:?}", error.span(), text),
        }
    }
}
