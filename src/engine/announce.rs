use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::hooks::Site;

/// How long people's own tool may take for one line.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tells people, one line after the other, until nothing more is to be told.
pub(super) async fn announce<S: Site>(site: Arc<S>, mut lines: mpsc::Receiver<String>) {
    while let Some(line) = lines.recv().await {
        match timeout(PATIENCE, site.announce(&line)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "could not announce {line:?}"),
            Err(_) => tracing::warn!("could not announce {line:?} within {} s", PATIENCE.as_secs()),
        }
    }
}
