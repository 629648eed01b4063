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
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// Obeys signals; returns at the third, when nothing more is to be waited for.
pub(super) async fn obey(mut signals: Signals, handle: Handle, tell: Tell) {
    let first = signals.next().await;
    tell(&stop(&handle, first, false).await);
    let second = signals.next().await;
    tell(&stop(&handle, second, true).await);
    let third = signals.next().await;
    tell(&format!("{third}, the third signal: ending at once; hosts are asked what they really have on resume"));
}

/// Stops the rollout and says what happens now.
async fn stop(handle: &Handle, name: &str, again: bool) -> String {
    if let Err(why) = handle.command(Command::Stop, Operator(name.into())).await {
        return format!("{name}: {why}");
    }
    let Some(state) = handle.state().await else {
        return format!("{name}: the rollout is over");
    };
    if let Some(by) = state.aborted() {
        return format!("{name}: {by} is aborting the rollout already; it ends by itself");
    }
    let switching = switching(&state);
    if again {
        return format!(
            "{name}, the second signal: transfers are cancelled, {switching} being switched {} waited for; \
             the third ends at once",
            if switching == 1 { "is" } else { "are" }
        );
    }
    let priming = state.count(Phase::Priming);
    format!(
        "{name}: no new host is started; waiting for {priming} under way to get the release and for {switching} being \
         switched, then this stops and can be resumed; the second signal cancels transfers, the third ends at once"
    )
}

fn switching(state: &State) -> usize {
    [Phase::Activating, Phase::Active, Phase::Checking, Phase::RollingBack]
        .into_iter()
        .map(|phase| state.count(phase))
        .sum()
}
