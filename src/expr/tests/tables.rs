use super::{Fleet, expand, hosts_of};
use crate::expr::fold;

fn fleet() -> Fleet {
    Fleet::new("mw03 mw01 mw02 mw10 db1.eqiad.wmnet db2.codfw.wmnet 2001:db8::1 mwmaint")
        .group("web", "mw01 mw02 mw03")
        .group("canaries", "mw02 mw01")
        .group("db", "db1.eqiad.wmnet db2.codfw.wmnet")
        .group("lab:web", "mw10 elsewhere9")
        .group("far", "elsewhere1 elsewhere2")
        .group("none", "")
}

#[test]
fn names_and_ranges_expand_in_the_order_they_are_written() {
    for (expression, hosts) in [
        ("mw01", "mw01"),
        ("mw[01-04].eqiad.wmnet", "mw01.eqiad.wmnet mw02.eqiad.wmnet mw03.eqiad.wmnet mw04.eqiad.wmnet"),
        ("mw[1-3,7]", "mw1 mw2 mw3 mw7"),
        ("mw[01-03,07]", "mw01 mw02 mw03 mw07"),
        ("mw[7,1-3]", "mw7 mw1 mw2 mw3"),
        ("mw[0-10/2]", "mw0 mw2 mw4 mw6 mw8 mw10"),
        ("mw[1-10/4]", "mw1 mw5 mw9"),
        // scap compares these as text and calls 9:10 an error.
        ("h[9:10]", "h9 h10"),
        ("h[01:03]", "h01 h02 h03"),
        ("h[1:9:4]", "h1 h5 h9"),
        ("h[a:d]", "ha hb hc hd"),
        ("h[a-d]", "ha hb hc hd"),
        ("h[A:C]", "ha hb hc"),
        ("h[a:e:2]", "ha hc he"),
        ("h[a,c]", "ha hc"),
        // scap matches nothing with two ranges.
        ("r[1-2]n[01:02]", "r1n01 r1n02 r2n01 r2n02"),
        ("[a-b][1-2]", "a1 a2 b1 b2"),
        // Zeros in front are kept, and a range may grow out of them within its width.
        ("h[08-11]", "h08 h09 h10 h11"),
        ("h[98-101]", "h98 h99 h100 h101"),
        ("h[098-101]", "h098 h099 h100 h101"),
        ("h[0-2]", "h0 h1 h2"),
        ("h[00-02]", "h00 h01 h02"),
        ("h[5]", "h5"),
        ("h[ 1 - 2 , 4 ]", "h1 h2 h4"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:db8::[1-2]", "2001:db8::1 2001:db8::2"),
        ("::1", "::1"),
        ("127.0.0.[1-2]", "127.0.0.1 127.0.0.2"),
        ("_alias-1", "_alias-1"),
        // The operators, without an inventory.
        ("b,a,b", "b a"),
        ("h[1-4]!h2", "h1 h3 h4"),
        ("h[1-4]&h[3-9]", "h3 h4"),
        ("h[1-3]^h[2-4]", "h1 h4"),
        ("h1,h2!h1,h1", "h1 h2"),
        ("h[1-9]!(h[1-9]&h[2-9])", "h1"),
        ("[1,11][1,11]", "11 111 1111"),
    ] {
        assert_eq!(expand(expression), hosts, "{expression}");
    }
}

#[test]
fn every_term_chooses_in_the_order_of_the_inventory() {
    let fleet = fleet();
    for (expression, hosts) in [
        ("mw01", "mw01"),
        ("mw01,mw03", "mw03 mw01"),
        ("mw[01-40]", "mw03 mw01 mw02 mw10"),
        ("mw[000000-000000,01-02]", "mw01 mw02"),
        ("mw[01:03]", "mw03 mw01 mw02"),
        ("mw0?", "mw03 mw01 mw02"),
        ("mw*", "mw03 mw01 mw02 mw10 mwmaint"),
        ("*", "mw03 mw01 mw02 mw10 db1.eqiad.wmnet db2.codfw.wmnet 2001:db8::1 mwmaint"),
        ("*[1-2]*", "mw01 mw02 mw10 db1.eqiad.wmnet db2.codfw.wmnet 2001:db8::1"),
        ("?w[02-05]", "mw03 mw02"),
        ("*.eqiad.*", "db1.eqiad.wmnet"),
        ("2001:*", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("~mw0[12]", "mw01 mw02"),
        ("~.*[.]codfw", "db2.codfw.wmnet"),
        ("~mw$|db1", "db1.eqiad.wmnet"),
        ("@web", "mw03 mw01 mw02"),
        ("@canaries", "mw01 mw02"),
        ("@lab:web", "mw10"),
        ("@*", "mw03 mw01 mw02 mw10 db1.eqiad.wmnet db2.codfw.wmnet"),
        ("@*b", "mw03 mw01 mw02 mw10 db1.eqiad.wmnet db2.codfw.wmnet"),
        ("@ca?aries", "mw01 mw02"),
        ("@./two", "mw03 mw01"),
        ("!mw*", "db1.eqiad.wmnet db2.codfw.wmnet 2001:db8::1"),
        ("!@web", "mw10 db1.eqiad.wmnet db2.codfw.wmnet 2001:db8::1 mwmaint"),
        ("!(mw*,@db)", "2001:db8::1"),
        ("!!mw01", "mw01"),
    ] {
        assert_eq!(fleet.resolve(expression).unwrap(), hosts, "{expression}");
    }
}

#[test]
fn operators_are_equally_strong_and_go_from_left_to_right() {
    let fleet = Fleet::new("a b c d");
    for (expression, hosts) in [
        ("a,b&b", "b"),
        ("a,(b&b)", "a b"),
        ("a&a,b", "a b"),
        ("a,b!a", "b"),
        ("a!a,b", "b"),
        ("a,b^b,c", "a c"),
        ("a,b^b&b,a", "a"),
        ("a,b,c!b!c", "a"),
        ("*!b&(a,b)", "a"),
        ("!a!b", "c d"),
        ("!a&(a,b)", "b"),
        ("!a,a", "a b c d"),
        ("a,(!a!c)", "a b d"),
        ("*!!b", "b"),
        ("a^a,b", "b"),
        ("a,b^(b,b,c)", "a c"),
        ("b!c,b", "b"),
    ] {
        assert_eq!(fleet.resolve(expression).unwrap(), hosts, "{expression}");
    }
}

#[test]
fn blanks_around_operators_mean_nothing() {
    let fleet = Fleet::new("a b c d");
    for spread in [" a , b ! a ", "a,b\n!a", "( a , b )!a", "\ta,b ! ( a )", "! (a , c,d)"] {
        assert_eq!(fleet.resolve(spread).unwrap(), "b", "{spread:?}");
    }
}

#[test]
fn a_regex_runs_to_the_next_operator_that_is_not_its_own() {
    let fleet = Fleet::new("mw1 mw2 mw33 db1 a-b");
    for (expression, hosts) in [
        ("~mw[1,2],db1", "mw1 mw2 db1"),
        (r"~mw\d{1,2}$!mw1", "mw2 mw33"),
        ("~^mw", "mw1 mw2 mw33"),
        ("~^mw1|^db", "mw1 db1"),
        ("~(^mw1|db)^db1", "mw1"),
        ("~mw[^1,&!^)]", "mw2 mw33"),
        ("~mw[]1]", "mw1"),
        ("~mw[^]2]", "mw1 mw33"),
        ("~mw[[:digit:]]$,db1", "mw1 mw2 db1"),
        ("(~mw(1|2))!mw1", "mw2"),
        ("~mw , ~db", "mw1 mw2 mw33 db1"),
        (r"~a\-b", "a-b"),
        (r"~.\w\d{2,}&mw*", "mw33"),
        ("~(?i)MW1", "mw1"),
    ] {
        assert_eq!(fleet.resolve(expression).unwrap(), hosts, "{expression}");
    }
}

#[test]
fn a_regex_matches_from_the_start_of_the_name_and_not_inside_it() {
    let fleet = Fleet::new("xmw1 mw1 mw10");
    assert_eq!(fleet.resolve("~mw1").unwrap(), "mw1 mw10");
    assert_eq!(fleet.resolve("~mw1$").unwrap(), "mw1");
    assert_eq!(fleet.resolve("~nothing|mw10").unwrap(), "mw10", "the anchor holds for each alternative");
    assert!(fleet.refusal("~w1").contains("~w1"));
}

#[test]
fn hosts_fold_back_with_their_padding() {
    for (hosts, folded) in [
        ("", ""),
        ("mw01", "mw01"),
        ("mw01 mw02 mw03", "mw[01-03]"),
        ("mw03 mw01 mw02 mw03", "mw[01-03]"),
        ("mw01 mw02 mw03 mw07", "mw[01-03,07]"),
        ("mw03 mw17 mw18 mw19", "mw[03,17-19]"),
        ("mw8 mw9 mw10 mw11", "mw[8-11]"),
        ("mw08 mw09 mw10 mw11", "mw[08-11]"),
        ("mw099 mw100", "mw[099-100]"),
        ("mw98 mw099 mw99 mw100", "mw[98-100,099]"),
        ("mw09 mw10 mw99 mw100", "mw[09-10,99-100]"),
        ("mw98 mw099", "mw[98,099]"),
        ("mw99 mw100", "mw[99-100]"),
        ("mw099 mw99 mw100", "mw[99-100,099]"),
        ("mw1 mw01 mw2 mw02", "mw[1-2,01-02]"),
        ("mw1.eqiad.wmnet mw2.eqiad.wmnet db1", "mw[1-2].eqiad.wmnet,db1"),
        ("db1 mw2 mw1 db2", "db[1-2],mw[1-2]"),
        ("r1n1 r1n2 r2n1 r2n2", "r[1-2]n[1-2]"),
        ("r1n1 r1n2 r2n1", "r1n[1-2],r2n1"),
        ("r1n1 r2n1 r3n2", "r[1-2]n1,r3n2"),
        ("a1b2c1 a1b2c2 a1b3c1 a1b3c2", "a1b[2-3]c[1-2]"),
        ("mw01.dc1 mw02.dc1 mw03.dc1", "mw[01-03].dc1"),
        ("10.0.0.1 10.0.0.2 10.0.1.1 10.0.1.2", "10.0.[0-1].[1-2]"),
        ("2001:db8::1 2001:db8::2", "2001:db8::[1-2]"),
        ("web webb", "web,webb"),
        ("0 1 00 01", "[0-1,00-01]"),
        ("h1234567890123456789012 h1234567890123456789013", "h1234567890123456789012,h1234567890123456789013"),
    ] {
        assert_eq!(fold(&hosts_of(hosts)), folded, "{hosts}");
    }
}
