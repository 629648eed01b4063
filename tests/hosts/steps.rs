//! Steps of one session, one after the other in one shell: what one of them leaves to the next, and what becomes of those that are cut off.

use std::time::Duration;

use coalmine::host::{GateCheck, Host as _, Survey};

use crate::over_ssh::{failed, quick};
use crate::programs::simple;
use crate::sshd::{Sshd, descendants};
use crate::stage::{eventually, fleet, host, processes_with, target, temporary};

fn gate(run: &str) -> GateCheck {
    GateCheck {
        name: "works".into(),
        run: run.to_owned(),
        environment: Vec::new(),
        timeout: Duration::from_secs(600),
        retries: 0,
        dry: false,
    }
}

/// Where it would be heard of when its time is over only, a gate that was killed with its step would hold up a rollout for that long.
#[tokio::test]
async fn a_step_that_is_killed_is_told_at_once_and_nothing_of_it_goes_on() {
    let sshd = Sshd::start("");
    let (state, root) = (temporary(), sshd.folder.path().join("root"));
    let fleet = fleet(sshd.ssh(), quick(), target(&root), state.path());
    let host = host(&fleet, "box");
    crate::over_ssh::settled(&host, &simple(state.path(), "1.0")).await;
    let sleep = format!("sleep 4{}", std::process::id());
    let gate = gate(&sleep);
    for signal in ["-KILL", "-TERM"] {
        let kill = async {
            let gate = loop {
                let seen = processes_with(&sleep).into_iter().find(|(_, line)| line.starts_with("sleep "));
                match seen {
                    Some((gate, _)) => break gate,
                    None => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            };
            // The shell itself, and below it the one that does the steps.
            let sshds = sshd.sessions();
            let mut above: Vec<(usize, u32)> = sshd
                .descendants()
                .into_iter()
                .filter(|pid| !sshds.contains(pid))
                .map(|pid| (descendants(pid), pid))
                .filter(|(below, _)| below.contains(&gate))
                .map(|(below, pid)| (below.len(), pid))
                .collect();
            above.sort_unstable();
            sshd.signal(&[above[above.len() - 2].1], signal);
        };
        let checked = tokio::time::timeout(Duration::from_secs(60), host.check(std::slice::from_ref(&gate)));
        let (checked, ()) = tokio::join!(checked, kill);
        let failure = failed(checked.expect("it is told long before the gate's time is over").unwrap_err());
        assert!(failure.message.contains("was cut off while running gates"), "{signal}: {failure:?}");
        eventually("the gate ends", || processes_with(&sleep).is_empty());
        host.probe(&Survey::Shallow, None).await.unwrap();
    }
    assert_eq!(sshd.accepted(), 1);
}
