//! Prints medians and ratios.

use std::fmt::Write as _;
use std::time::Duration;

use super::cost::Cost;
use super::ways::Way;

/// A column: its name, and the figure that it shows.
type Column = (&'static str, fn(&Cost) -> Duration);

const COLUMNS: [Column; 3] =
    [("wall", |cost| cost.wall), ("client CPU", |cost| cost.client), ("hosts' CPU", |cost| cost.hosts)];

/// Gives a line a way; of each but coalmine's, what coalmine takes as a part of what that takes.
pub(crate) fn table(costs: &[(Way, Vec<Cost>)]) -> Option<String> {
    let medians: Vec<(Way, [Duration; 3], usize)> = costs
        .iter()
        .map(|(way, costs)| {
            let mut connections: Vec<usize> = costs.iter().map(|cost| cost.connections).collect();
            let times = COLUMNS.map(|(_, read)| median(&mut costs.iter().map(read).collect::<Vec<_>>()));
            let [wall, client, hosts] = times;
            Some((*way, [wall?, client?, hosts?], median(&mut connections)?))
        })
        .collect::<Option<_>>()?;
    let (_, own, _) = medians.iter().find(|(way, ..)| *way == Way::Coalmine)?;
    let mut text = format!("{:58}", "");
    for (name, _) in COLUMNS {
        write!(text, " {name:>11} {:>8}", "coalmine").ok()?;
    }
    writeln!(text, " {:>11}", "connections").ok()?;
    for (way, times, connections) in &medians {
        write!(text, "{:58}", way.to_string()).ok()?;
        for (time, own) in times.iter().zip(own) {
            write!(text, " {:>9.2} s", time.as_secs_f64()).ok()?;
            if *way == Way::Coalmine {
                write!(text, " {:>8}", "").ok()?;
            } else {
                write!(text, " {:>7.2}×", own.as_secs_f64() / time.as_secs_f64()).ok()?;
            }
        }
        writeln!(text, " {connections:>11}").ok()?;
    }
    Some(text)
}

fn median<T: Ord + Copy>(values: &mut [T]) -> Option<T> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}
