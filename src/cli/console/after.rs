//! What follows a rollout that is over: what differs, a report, and what stays in the scrollback of the terminal.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;

use super::{Backend, output};
use crate::cli::Globals;
use crate::deploy::{Error, FleetDifference, Making, Selection};
use crate::journal::Rollouts;
use crate::model::{RolloutId, Version};
use crate::report::{DiffReport, Look, Style, Timings, markdown, summary_text};
use crate::rollout::Record;
use crate::tui::messages::{Message, Ticket};

pub(super) async fn compare(
    backend: Arc<Backend>,
    ticket: Ticket,
    from: Option<Version>,
    to: Version,
    limit: Option<String>,
) {
    let title = match &from {
        Some(from) => format!("what differs between {from} and {to}"),
        None => format!("what {to} changes"),
    };
    let text = difference(&backend, from.as_ref(), &to, limit).await.map_err(|failed| output::own(&failed));
    backend.send(Message::Told { ticket, title, text }).await;
}

async fn difference(
    backend: &Backend,
    from: Option<&Version>,
    to: &Version,
    limit: Option<String>,
) -> Result<Vec<String>, Error> {
    let deployment = backend.deployment().await?;
    let (workspace, fleet) = (&backend.workspace, &deployment.fleet);
    let environment = fleet.name.clone();
    let making = Making { no_fetch: true, rebuild: false, only_looks: true };
    let wanted = workspace.make(fleet.wanted(Some(to.as_str()), None), making).await?;
    let found = match from {
        Some(from) => {
            let first = workspace.make(fleet.wanted(Some(from.as_str()), None), making).await?;
            FleetDifference { differences: vec![workspace.difference(&first, &wanted).await?], silent: Vec::new() }
        }
        None => deployment.difference(&Selection { limit, ..Selection::default() }, &wanted).await?,
    };
    // Colours are the screen's own.
    let look = Look { color: false, ..output::look(backend.globals.color) };
    Ok(DiffReport::new(environment, &wanted, found).text(look, true))
}

pub(super) async fn report(backend: Arc<Backend>, ticket: Ticket, rollout: RolloutId) {
    let writer = Arc::clone(&backend);
    let written = tokio::task::spawn_blocking(move || write(&writer, &rollout)).await;
    let (result, told) = match written.unwrap_or_else(|error| Err(Error::before(error))) {
        Ok(name) => (Ok(()), Some(format!("wrote {name}"))),
        Err(failed) => (Err(failed), None),
    };
    backend.reply(ticket, result).await;
    if let Some(told) = told {
        backend.send(Message::Notice(told)).await;
    }
}

fn write(backend: &Backend, rollout: &RolloutId) -> Result<String, Error> {
    let records: Vec<Record> = backend.rollouts().read(rollout)?.collect::<Result<_, _>>()?;
    let look = Look { color: false, unicode: true };
    let (_, text) = markdown(&records, &Style { look, ..output::style(backend.globals.color, false) });
    // One of a rollout that went on since has another time.
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let name = format!("coalmine-report-{rollout}-{now}.md");
    let failed = |error: std::io::Error| Error::before(format!("{name} could not be written: {error}"));
    File::create_new(&name).and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)?;
    Ok(name)
}

/// Says on the terminal that is left what became of the rollout that was followed on it.
pub(super) fn farewell(globals: &Globals, rollouts: &Rollouts, rollout: &RolloutId) -> Result<(), Error> {
    let records: Vec<Record> = rollouts.read(rollout)?.collect::<Result<_, _>>()?;
    let (state, timings) = Timings::fold(&records);
    let lines = summary_text(&state, None, &timings, &output::style(globals.color, false));
    output::print_for_people(lines.join("\n").trim_start())
}
