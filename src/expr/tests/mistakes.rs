//! What is refused, where the finger points, and what is proposed.

use std::path::Path;

use super::{Fleet, hosts_of};
use crate::expr::{ExpandError, Expression, ResolveError};

#[test]
fn a_mistake_is_shown_at_its_place() {
    for (expression, place, message) in [
        ("", 0..0, "expected a host"),
        ("  ", 2..2, "expected a host"),
        (",a", 0..1, "before `,`"),
        ("a,", 2..2, "after `,`"),
        ("a,,b", 2..3, "before `,`"),
        ("a&", 2..2, "after `&`"),
        ("!", 1..1, "after `!`"),
        ("a b", 2..3, "operators"),
        ("a(b)", 1..2, "operators"),
        ("(a)b", 3..4, "operators"),
        ("a~b", 1..2, "operators"),
        ("(a,b", 0..1, "never closed"),
        ("a)", 1..2, "never opened"),
        ("()", 1..2, "before `)`"),
        ("a]", 1..2, "never opened"),
        ("mw[01-", 2..3, "never closed"),
        ("mw[", 2..3, "never closed"),
        ("mw[1", 2..3, "never closed"),
        ("mw[]", 3..4, "a number or a letter"),
        ("mw[1-]", 5..6, "a number or a letter"),
        ("mw[1,]", 5..6, "a number or a letter"),
        ("mw[1 2]", 5..6, "`,` or `]`"),
        ("mw[1x]", 4..5, "`,` or `]`"),
        ("mw[ab]", 4..5, "one letter or a number"),
        ("mw[9-1]", 3..6, "write `1-9`"),
        ("mw[d:a]", 3..6, "write `a-d`"),
        ("mw[a:C]", 3..6, "no range"),
        ("mw[a:3]", 3..6, "no range"),
        ("mw[001-10]", 3..9, "padded to different widths"),
        ("mw[1-010]", 3..8, "padded to different widths"),
        ("mw[01-100]", 3..9, "padded to different widths"),
        ("mw[01-002]", 3..9, "padded to different widths"),
        ("mw[1-9/0]", 7..8, "step of 1 or more"),
        ("mw[1-9/]", 7..8, "step of 1 or more"),
        ("mw[1-9/x]", 7..8, "step of 1 or more"),
        ("mw[1-1234567890123456789]", 5..24, "at most 18 digits"),
        ("user@mw01", 4..5, "target.user"),
        ("mw01;reboot", 4..5, "';'"),
        ("mw$(id)", 2..3, "'$'"),
        ("'mw01'", 0..1, "'\\''"),
        ("mw01/x", 4..5, "'/'"),
        ("-oProxyCommand=id", 0..1, "begins with"),
        ("mw01,-x", 5..6, "begins with"),
        (".hidden", 0..1, "begins with"),
        ("mwü", 2..4, "'ü'"),
        ("@", 0..1, "a group's name"),
        ("@,a", 0..1, "a group's name"),
        ("@a:b:c", 1..6, "':'"),
        ("@we$b", 1..5, "'$'"),
        ("~", 1..1, "a regular expression"),
        ("~,a", 1..2, "a regular expression"),
        ("a,~mw(", 3..6, "unclosed group"),
        ("~mw{3,1}", 1..8, "invalid repetition"),
        ("~(?=x)", 1..6, "look-around"),
        ("a,!b", 1..3, "leave the comma out"),
        ("a , !b", 2..5, "leave the comma out"),
        ("a,[2001:db8::1]", 2..15, "without brackets"),
    ] {
        let error = Expression::new(expression).unwrap_err();
        assert!(error.message().contains(message), "{expression:?}: {error}");
        assert_eq!(error.span(), place, "{expression:?}: {error}");
    }
}

#[test]
fn what_other_tools_write_is_answered_by_how_it_is_written_here() {
    for (expression, message) in [
        ("web*:!db", "Ansible's `:!` is `!` here, as in `web*!…`"),
        ("web:&db", "Ansible's `:&` is `&` here, as in `web&…`"),
        ("@web:!@db", "Ansible's `:!` is `!` here, as in `web!…`"),
        ("web:,db", "Ansible's `:` between patterns is `,` here"),
        ("a or b", "`or` is written `,` here"),
        ("a and b", "`and` is written `&` here"),
        ("a and not b", "`and not` is written `!` here"),
        ("a xor b", "`xor` is written `^` here"),
        ("a not b", "`not` is written `!` here"),
        ("^file", "the hosts that a file lists are `@/path/to/it`"),
        ("a,-b", "what pdsh writes `a,-b` is `a!b` here"),
        ("P{a}", "cumin's `P{…}`"),
    ] {
        let error = Expression::new(expression).unwrap_err();
        assert!(error.message().contains(message), "{expression}: {error}");
    }
    let fleet = Fleet::new("web1.x web2.x db1.x").group("web", "web1.x web2.x").group("db", "db1.x");
    let told = |expression: &str| fleet.resolve(expression).unwrap_err().to_string();
    assert!(told("all").ends_with("; every host is `*` here"), "{}", told("all"));
    assert!(told("A:web").ends_with("; cumin's alias `A:web` is the group `@web` here"), "{}", told("A:web"));
    assert!(told("web:db").ends_with("its groups have an `@`: `@web,@db`"), "{}", told("web:db"));
    assert!(fleet.resolve("2001:db8::1").unwrap_err().to_string().ends_with("hosts"), "an address joins nothing");
}

#[test]
fn a_range_that_spares_names_hosts_alone() {
    let fleet = Fleet::new("mw01 mw02 mw03 mw10 db1");
    for (expression, message) in [
        ("*!mw[1-10]", "`mw[1-10]` spares by name, and 9 of its 10 names are no host"),
        ("*!mw[1-3,10]", "did you mean `mw[01-03,10]`?"),
        ("!mw[01-04]", "1 of its 4 names is no host: mw04"),
        ("*!(db1,mw[9-10])", "mw9"),
        ("*!mw[1-3,10]*", "spares by name"),
    ] {
        let told = fleet.resolve(expression).unwrap_err().to_string();
        assert!(told.contains(message), "{expression}: {told}");
    }
    assert_eq!(fleet.resolve("*!mw[01-03]").unwrap(), "mw10 db1");
    assert_eq!(fleet.resolve("mw[01-05]").unwrap(), "mw01 mw02 mw03", "where hosts are chosen one is enough");
    let told = fleet.resolve("mw[1-3]").unwrap_err().to_string();
    assert!(told.ends_with("; did you mean `mw[01-03]`?"), "{told}");
}

#[test]
fn the_caret_stands_below_what_is_wrong() {
    let shown = |expression: &str| Expression::new(expression).unwrap_err().to_string();
    let message = "this range counts down; write `1-9`";
    assert_eq!(shown("mw[9-1]"), format!("{message}\n  mw[9-1]\n     ^^^"));
    assert_eq!(shown("a,"), "expected a term after `,`\n  a,\n    ^");
    // A wide letter takes two columns, and a newline none that would break the line.
    assert_eq!(shown("a,漢"), "no host's name has '漢' in it\n  a,漢\n    ^^");
    assert_eq!(shown("a\n,b;"), "no host's name has ';' in it\n  a�,b;\n      ^");
}

#[test]
fn only_the_neighbourhood_of_a_mistake_is_shown() {
    let many: Vec<String> = (0..1000).map(|number| format!("mw{number}")).collect();
    let expression = format!("{},x;y,{}", many.join(","), many.join(","));
    let shown = Expression::new(&expression).unwrap_err().to_string();
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[1].chars().count() < 130, "{shown}");
    let column = lines[2].chars().position(|c| c == '^').unwrap();
    assert_eq!(lines[1].chars().nth(column), Some(';'), "{shown}");
}

#[test]
fn nesting_has_an_end_that_is_not_the_stacks() {
    for deep in ["(".repeat(100_000), "!".repeat(100_000), "!(".repeat(100_000)] {
        assert!(Expression::new(&deep).unwrap_err().message().contains("inside each other"));
    }
    let fine = format!("{}a{}", "(".repeat(60), ")".repeat(60));
    assert_eq!(Fleet::new("a b").resolve(&fine).unwrap(), "a");
    assert!(Expression::new(&"[1]".repeat(100_000)).unwrap_err().message().contains("ranges"));
    assert!(Expression::new(&"a*".repeat(100_000)).unwrap_err().message().contains("longer"));
}

#[test]
fn more_than_a_million_names_are_refused_before_they_are_made() {
    for expression in ["h[1-1000001]", "h[1-1000]x[1-1001]", "h[0-999999999999999999]", "h[1-600000],g[1-600000]"] {
        assert!(Expression::new(expression).unwrap_err().message().contains("1000000 names"), "{expression}");
    }
    assert!(Expression::new("h[1-1000000]").is_ok());
    assert!(Expression::new("h[0-9][0-9][0-9][0-9][0-9][0-9]").is_ok());
    assert!(Expression::new(&"h[0-999999999999999999]".repeat(16)).is_err(), "and counting does not overflow");
}

#[test]
fn a_term_that_matches_nothing_is_named_wherever_it_stands() {
    let fleet = Fleet::new("mw01 mw02 db1.eqiad.wmnet").group("web", "mw01").group("far", "x1 x2").group("none", "");
    for (expression, term) in [
        ("mw99", "`mw99`"),
        ("mw01,mw99", "`mw99`"),
        ("mw01!mw99", "`mw99`"),
        ("mw01&zz*", "`zz*`"),
        ("?w[1-9]", "`?w[1-9]`"),
        ("?w[001-009]", "`?w[001-009]`"),
        ("mw01^~zz", "`~zz`"),
        ("mw[50-99]", "`mw[50-99]`"),
        ("mw01,(mw02&mw01)", "`(mw02&mw01)`"),
        ("!*", "`!*`"),
        ("!zz*", "`zz*`"),
        ("mw0", "`mw0`"),
        ("mw01&mw02", "`mw01&mw02`"),
        ("mw01!mw*", "`mw01!mw*`"),
        // It takes away all but mw02, and with it mw01.
        ("mw01!!mw02", "`mw01!!mw02`"),
        ("@none,mw01", "`@none`"),
        ("@far", "`@far`"),
        ("mw01!@far", "`@far`"),
        ("@broken", "`@broken`"),
        ("@./nowhere", "`@./nowhere`"),
    ] {
        let refusal = fleet.refusal(expression);
        assert!(refusal.starts_with(term) || refusal.contains(&format!(" {term}")), "{expression}: {refusal}");
    }
}

#[test]
fn a_refusal_says_why_and_what_was_meant() {
    let fleet = Fleet::new("mw01 mw02 db1.eqiad.wmnet").group("web", "mw01").group("far", "x1 x2").group("none", "");
    for (expression, reason) in [
        ("@wbe", "did you mean `@web`?"),
        ("@canaries", "there are @far, @none, @web"),
        ("@zz*", "there are"),
        ("web", "did you mean `@web`?"),
        ("db1", "did you mean `db1.eqiad.wmnet`?"),
        ("mw10", "did you mean `mw01`?"),
        ("@far", "none of the 2 hosts of `@far` is among the 3"),
        ("@none", "has no host in it"),
        ("@./strange", "lists zz[1-2], which are not among the 3 hosts"),
        ("@broken", "the query failed"),
    ] {
        let refusal = fleet.refusal(expression);
        assert!(refusal.contains(reason), "{expression}: {refusal}");
    }
    assert!(Fleet::new("a").refusal("@web").contains("no [groups]"));
    assert!(Fleet::default().refusal("*").contains("none of the 0 hosts"));
}

#[test]
fn what_needs_an_inventory_does_not_expand() {
    for expression in ["@web", "a,@web", "mw*", "a?", "~mw", "!a", "@./file", "a,(b!@web)"] {
        let error = Expression::new(expression).unwrap().expand().unwrap_err();
        assert!(matches!(error, ExpandError::NeedsInventory { .. }), "{expression}: {error}");
    }
    assert!(matches!(Expression::new("a!a").unwrap().expand(), Err(ExpandError::Nothing { .. })));
}

#[test]
fn a_port_behind_a_name_is_not_read_as_part_of_it() {
    for expression in ["mw01:22", "2001:db8::x", "a:b", "mw[1-2]:22", "127.0.0.1:22"] {
        let error = Expression::new(expression).unwrap().expand().unwrap_err();
        assert!(matches!(&error, ExpandError::Name { term, .. } if term == expression), "{expression}: {error}");
    }
    let long = "a".repeat(254);
    assert!(matches!(Expression::new(&long).unwrap().expand(), Err(ExpandError::Name { .. })));
}

#[test]
fn a_list_has_commas_only_and_keeps_what_is_said_twice() {
    let list = |expression: &str| Expression::new(expression).unwrap().list();
    assert_eq!(list("b[1-2],a,b1").unwrap(), hosts_of("b1 b2 a b1"));
    for expression in ["a!b", "a&b", "a^b", "(a)", "a,(b,c)"] {
        assert!(matches!(list(expression), Err(ExpandError::NotAList { .. })), "{expression}");
    }
}

#[test]
fn an_expression_tells_which_groups_it_needs() {
    let needs = |expression: &str| {
        let expression = Expression::new(expression).unwrap();
        let groups = expression.groups().map(|groups| groups.iter().map(ToString::to_string).collect::<Vec<_>>());
        (groups.map(|groups| groups.join(" ")), expression.names_hosts())
    };
    assert_eq!(needs("@web,@db!(@lab:x)"), (Some("web db lab:x".into()), false));
    assert_eq!(needs("@web!mw01"), (Some("web".into()), true));
    assert_eq!(needs("mw01"), (Some(String::new()), true));
    assert_eq!(needs("@./file"), (Some(String::new()), true));
    for everything in ["*", "mw*", "~mw", "!@web", "@*", "@web,(@db!*)"] {
        assert_eq!(needs(everything).0, None, "{everything}");
    }
}

#[test]
fn names_define_hosts_only_where_they_add() {
    let named = |expression: &str| {
        let expression = Expression::new(expression).unwrap().relative_to(Path::new("/etc/x"));
        let mut read = |path: &Path| {
            assert_eq!(path, Path::new("/etc/x/sub/list"));
            Ok(hosts_of("f1"))
        };
        expression.named(&mut read).map(|hosts| hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(named("a,b!c&d^e,(f!g)").unwrap(), "a b e f");
    assert_eq!(named("@web,mw*,~x").unwrap(), "");
    assert_eq!(named("!z").unwrap(), "");
    assert_eq!(named("@sub/list,a!(@other/list)").unwrap(), "f1 a");
    assert!(matches!(named("a:b"), Err(ResolveError::Expand(_))));
}

#[test]
fn an_expression_is_kept_as_it_was_written() {
    let expression: Expression = serde_json::from_str("\" mw[1-3] , @web \"").unwrap();
    assert_eq!(expression.to_string(), " mw[1-3] , @web ");
    assert_eq!(serde_json::to_string(&expression).unwrap(), "\" mw[1-3] , @web \"");
    assert!(serde_json::from_str::<Expression>("\"mw[\"").is_err());
}
