use std::io;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::engine::Handle;
use crate::model::{Command, Operator, Phase};
use crate::rollout::State;

/// Takes the signals that a conductor gets.
///
/// SIGINT and SIGTERM stop it, the more often the harder. SIGHUP changes nothing: a rollout outlives its terminal.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Takes the signals from here on; needs a runtime.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn take() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for a signal that means something, and gives its name; may be dropped without losing one.
    async fn next(&mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return INTERRUPTED,
                _ = self.terminate.recv() => return TERMINATED,
                _ = self.hang_up.recv() => tracing::info!("SIGHUP: the terminal is gone, the rollout goes on"),
            }
        }
    }
}

/// Names who stopped a conductor from its keyboard.
pub(super) const INTERRUPTED: &str = "SIGINT";
/// Names who stopped a conductor by kill(1) or by shutting the machine down.
pub(super) const TERMINATED: &str = "SIGTERM";

/// Tells people what a signal led to.
pub type Notify = Arc<dyn Fn(&str) + Send + Sync>;

/// Obeys signals; returns at the third, when nothing more is to be waited for.
///
/// What a signal leads to is told before it is done: the process may end before there is an answer.
pub(super) async fn obey(mut signals: Signals, handle: Handle, notify: Notify) {
    let first = signals.next().await;
    notify(&format!(
        "{first}: no new host is started, those under way finish, then this stops and can be resumed; \
         the second signal cancels transfers, the third ends at once"
    ));
    if let Some(waiting) = stop(&handle, first).await {
        notify(&format!("{first}: {waiting}"));
    }
    let second = signals.next().await;
    notify(&format!(
        "{second}, the second signal: transfers are cancelled, hosts that are being switched are waited for; \
         the third ends at once"
    ));
    if let Some(waiting) = stop(&handle, second).await {
        notify(&format!("{second}: {waiting}"));
    }
    let third = signals.next().await;
    notify(&format!("{third}, the third signal: ending at once; hosts are asked what they really have on resume"));
}

/// Stops the rollout, and says what is waited for; nothing when it is over.
async fn stop(handle: &Handle, name: &str) -> Option<String> {
    if let Err(why) = handle.command(Command::Stop, Operator(name.into())).await {
        return Some(why.to_string());
    }
    let state = handle.state().await?;
    if let Some(by) = state.aborted() {
        return Some(format!("{by} is aborting the rollout already; it ends by itself"));
    }
    waiting(state.count(Phase::Priming), switching(&state))
}

/// Says which hosts are waited for, when any are.
fn waiting(priming: usize, switching: usize) -> Option<String> {
    let hosts = |count: usize, what: &str, are: &str| match count {
        0 => None,
        1 => Some(format!("1 host that {what}")),
        _ => Some(format!("{count} hosts that {are}")),
    };
    let parts: Vec<String> = [
        hosts(priming, "gets the release", "get the release"),
        hosts(switching, "is being switched", "are being switched"),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| format!("waiting for {}", parts.join(" and ")))
}

fn switching(state: &State) -> usize {
    [Phase::Activating, Phase::Active, Phase::Checking, Phase::RollingBack]
        .into_iter()
        .map(|phase| state.count(phase))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::waiting;

    #[test]
    fn what_is_waited_for_is_counted_in_words() {
        let said = |priming, switching| waiting(priming, switching).unwrap_or_default();
        assert_eq!(said(0, 0), "");
        assert_eq!(said(1, 0), "waiting for 1 host that gets the release");
        assert_eq!(said(0, 2), "waiting for 2 hosts that are being switched");
        assert_eq!(said(3, 1), "waiting for 3 hosts that get the release and 1 host that is being switched");
    }
}
