//! Opens the console and answers what it asks: it shows, and here is the world that it shows.

mod after;
mod facts;
mod freezing;
mod kept;
mod page;
mod planning;
mod survey;
mod watch;

use crate::deploy::{Debts, Deployment, Detached, Error, Kind, OutOfService, ServiceMark, Workspace, operator, reach};
use std::collections::HashMap;
use std::fs::OpenOptions;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use super::interrupt::runtime;
use super::{Globals, output};
use crate::conductor::{EnvironmentLock, command};
use crate::config::{self, ConsoleSettings};
use crate::files;
use crate::host::RealFleet;
use crate::journal::Rollouts;
use crate::model::{Digest, Environment, RolloutId, Version};
use crate::release::{Records, StoredRelease};
use crate::tui::keymap::Keymap;
use crate::tui::messages::{Message, NotDone, Request, Settings, Ticket};
use crate::tui::terminal::{Ended, channels, run};
use crate::tui::theme::{Ground, Palette, Theme};

/// How long a console that is left may take to end its connections: whoever closed its window waits for nothing.
const ENDS_WITHIN: Duration = Duration::from_millis(500);

/// Says how the console is opened.
#[derive(Debug, Clone, Default)]
pub(super) struct Opening {
    /// The rollout that is shown first; the fleet otherwise.
    pub(super) rollout: Option<RolloutId>,
    /// Whether nothing may be changed from it.
    pub(super) read_only: bool,
}

/// Opens the console, and returns when it is left; what it watched goes on.
pub(super) fn open(globals: &Globals, workspace: Workspace, opening: Opening) -> Result<u8, Error> {
    let (environment, _) = workspace.policy()?;
    let settings = Settings {
        invocation: globals.typed(),
        environment: environment.clone(),
        environments: workspace.config().environments.keys().cloned().collect(),
        zone: jiff::tz::TimeZone::system(),
        theme: theme(globals, &workspace.config().console),
        keys: Arc::new(keymap(&workspace)?),
        hidden: kept::read(),
        read_only: opening.read_only,
        mouse: workspace.config().console.mouse,
        now: jiff::Timestamp::now(),
        open: opening.rollout,
    };
    let log = log_file(&workspace.state_dir)?;
    let aside = log.try_clone().map_err(|error| Error::before(format!("the log cannot be opened twice: {error}")))?;
    output::redirect_errors(aside);
    let runtime = runtime()?;
    let (messages, requests, ends) = channels();
    let backend = Arc::new(Backend::new(globals, workspace, messages, opening.read_only)?);
    let (rollouts, followed) = (backend.rollouts(), Arc::clone(&backend.followed));
    runtime.spawn(serve(backend, requests));
    let ended = run(settings, ends, Some(log)).map_err(Error::before);
    // What is still being asked is not waited for: nothing of it changes anything. Its connections are ended, and their folder goes.
    runtime.shutdown_timeout(ENDS_WITHIN);
    let followed = followed.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let (Ended::Left, Some(rollout)) = (ended?, followed) {
        after::farewell(globals, &rollouts, &rollout)?;
    }
    Ok(0)
}

/// Gives the keys as the configuration has them, or says what is wrong with that.
pub(super) fn keymap(workspace: &Workspace) -> Result<Keymap, Error> {
    let keys = Keymap::with(workspace.config().console.keys.iter());
    keys.map_err(|error| Error::usage(workspace.placed("console.keys", &error)))
}

fn theme(globals: &Globals, console: &ConsoleSettings) -> Theme {
    let look = output::look(globals.color);
    // rxvt and its heirs say by COLORFGBG what they draw on: `15;0` is dark, `0;15` is light.
    let light = std::env::var("COLORFGBG").ok().and_then(|colors| {
        let ground = colors.rsplit(';').next()?.parse::<u8>().ok()?;
        Some(matches!(ground, 7 | 9..=15))
    });
    let ground = match console.ground {
        config::Ground::Auto if light == Some(true) => Ground::Light,
        config::Ground::Light => Ground::Light,
        config::Ground::Auto | config::Ground::Dark => Ground::Dark,
    };
    let mut palette = Palette::default();
    for (tone, color) in console.colors.iter() {
        palette.set(tone, color);
    }
    Theme { color: look.color, ascii: globals.ascii || !look.unicode, ground, palette }
}

/// Opens the file that takes what is logged while the screen is the console's; where there can be none, as another user's or on a full disk,
/// that is told and nothing is kept.
fn log_file(state: &Path) -> Result<std::fs::File, Error> {
    let folder = state.join("logs");
    let path = folder.join("console.log");
    let opened = std::fs::create_dir_all(&folder)
        .and_then(|()| files::open_with(OpenOptions::new().create(true).append(true), &path));
    opened.or_else(|error| {
        output::notify(&format!("what the console logs is not kept: {}: {error}", path.display()));
        let nowhere = OpenOptions::new().append(true).open("/dev/null");
        nowhere.map_err(|error| Error::before(format!("/dev/null: {error}")))
    })
}

/// Answers the console's requests.
struct Backend {
    globals: Globals,
    workspace: Workspace,
    hosts: Arc<RealFleet>,
    messages: mpsc::Sender<Message>,
    read_only: bool,
    memory: Mutex<Memory>,
    /// The rollout that was followed last while it ran, for what is said when the console is left.
    followed: Arc<Mutex<Option<RolloutId>>>,
}

/// Holds what one request found out and another needs.
#[derive(Default)]
struct Memory {
    /// The plans that were shown, with their releases, for who starts them; a way back may need none.
    plans: HashMap<RolloutId, Option<Arc<StoredRelease>>>,
    /// What hosts should have, as the last survey asked for it.
    release: Option<(Version, Option<Digest>)>,
    /// How many hosts the last survey found on each version.
    versions: HashMap<Version, usize>,
    /// What deploy servers that share a branch wrote down.
    records: Records,
    /// Who is in debt, and by what.
    debts: Option<(Indebting, Debts)>,
    /// Who is out of service, and by what.
    service: Option<(ServiceMark, Vec<OutOfService>)>,
    /// Who follows the rollout that is shown.
    follower: Option<AbortHandle>,
    /// Whose turn it is to follow: who began before waits for nobody to go on with his.
    turn: u64,
    survey: Option<AbortHandle>,
    /// Who asks the host whose page is open.
    page: Option<AbortHandle>,
}

impl Memory {
    fn take_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }
}

/// By what debts were summed up: how many rollouts, which was the last of them, and what was on record.
type Indebting = (usize, Option<RolloutId>, Records);

impl Backend {
    fn new(
        globals: &Globals,
        workspace: Workspace,
        messages: mpsc::Sender<Message>,
        read_only: bool,
    ) -> Result<Self, Error> {
        let hosts = reach(&workspace)?;
        Ok(Self {
            globals: globals.clone(),
            workspace,
            hosts,
            messages,
            read_only,
            memory: Mutex::default(),
            followed: Arc::default(),
        })
    }

    /// Opens another environment of the same configuration.
    fn another(&self, environment: &Environment) -> Result<Self, Error> {
        let globals = Globals { environment: Some(environment.clone()), ..self.globals.clone() };
        let workspace = globals.workspace()?;
        let followed = Arc::clone(&self.followed);
        Ok(Self { followed, ..Self::new(&globals, workspace, self.messages.clone(), self.read_only)? })
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rollouts(&self) -> Rollouts {
        self.workspace.rollouts()
    }

    /// Reaches the environment over the connections that are open.
    async fn deployment(&self) -> Result<Deployment<'_, RealFleet>, Error> {
        Ok(Deployment::new(&self.workspace, self.workspace.fleet().await?, Arc::clone(&self.hosts)))
    }

    /// Lets a process of its own conduct a rollout.
    async fn detach(&self, rollout: &RolloutId, lock: EnvironmentLock) -> Result<(), Error> {
        let rollouts = self.rollouts();
        let config = self.globals.config.as_ref().map(std::path::absolute).transpose().map_err(Error::before)?;
        let config = config.as_deref();
        Detached { rollouts: &rollouts, verbose: self.globals.verbose, config, unattended: false }
            .start(rollout, lock)
            .await
    }

    /// Tells the console something; when it is gone, there is nobody to tell.
    async fn send(&self, message: Message) {
        drop(self.messages.send(message).await);
    }

    async fn reply(&self, ticket: Ticket, result: Result<(), Error>) {
        self.send(Message::Reply { ticket, result: result.map_err(|failed| not_done(&failed)) }).await;
    }
}

/// Says why what was asked is not done, or not known to be.
fn not_done(failed: &Error) -> NotDone {
    let why = output::own(failed);
    if failed.kind() == Kind::Unanswered { NotDone::Unanswered(why) } else { NotDone::Refused(why) }
}

/// Begins to tell what is known of an environment without being asked.
fn begin(backend: &Arc<Backend>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(facts::keep_sending(Arc::clone(backend)));
    tasks.spawn(facts::keep_records(Arc::clone(backend)));
    tasks.spawn(facts::groups(Arc::clone(backend)));
    tasks
}

/// Answers requests until the console is gone.
async fn serve(mut environment: Arc<Backend>, mut requests: mpsc::UnboundedReceiver<Request>) {
    let mut tasks = begin(&environment);
    while let Some(request) = requests.recv().await {
        while tasks.try_join_next().is_some() {}
        let backend = Arc::clone(&environment);
        match request {
            Request::Survey => {
                let survey = tasks.spawn(survey::survey(Arc::clone(&backend)));
                if let Some(before) = backend.memory().survey.replace(survey) {
                    before.abort();
                }
            }
            Request::LoadVersions => drop(tasks.spawn(planning::versions(backend))),
            Request::LoadPlan { ticket, wanted } => drop(tasks.spawn(planning::plan(backend, ticket, wanted))),
            Request::StartRollout { ticket, plan } => drop(tasks.spawn(planning::start(backend, ticket, plan))),
            Request::Resume { ticket, rollout } => drop(tasks.spawn(planning::resume(backend, ticket, rollout))),
            Request::Command { ticket, rollout, command: asked } => {
                tasks.spawn(async move {
                    let answer = command(&backend.rollouts(), &rollout, asked, operator()).await;
                    backend.reply(ticket, answer.map_err(Error::from)).await;
                });
            }
            Request::OpenRollout(rollout) => {
                let follower = tasks.spawn(watch::follow(Arc::clone(&backend), rollout));
                if let Some(before) = backend.memory().follower.replace(follower) {
                    before.abort();
                }
            }
            Request::OpenLast => {
                tasks.spawn(watch::follow_last(Arc::clone(&backend)));
            }
            Request::Compare { ticket, from, to, limit } => {
                tasks.spawn(after::compare(backend, ticket, from, to, limit));
            }
            Request::Report { ticket, rollout } => drop(tasks.spawn(after::report(backend, ticket, rollout))),
            Request::OpenHost { ticket, host, wanted } => {
                let page = tasks.spawn(page::open(Arc::clone(&backend), ticket, host, wanted));
                if let Some(before) = backend.memory().page.replace(page) {
                    before.abort();
                }
            }
            Request::CloseHost => {
                if let Some(page) = backend.memory().page.take() {
                    page.abort();
                }
            }
            Request::Shell { host } => {
                let argv = backend.hosts.login(&host);
                backend.send(Message::Login(argv)).await;
            }
            Request::Pool { ticket, host, which, reason } => {
                drop(tasks.spawn(page::pool(backend, ticket, host, which, reason)));
            }
            Request::Lock { ticket, reason } => drop(tasks.spawn(freezing::change(backend, ticket, Some(reason)))),
            Request::Unlock { ticket } => drop(tasks.spawn(freezing::change(backend, ticket, None))),
            Request::KeepColumns(hidden) => {
                if let Err(why) = kept::write(hidden) {
                    backend.send(Message::Notice(why)).await;
                }
            }
            Request::LoadHistory => drop(tasks.spawn(facts::history(backend))),
            Request::SwitchEnvironment { ticket, environment: wanted } => match backend.another(&wanted) {
                Ok(other) => {
                    // Nothing that is told of the one before may come after it has gone.
                    tasks.shutdown().await;
                    environment = Arc::new(other);
                    let invocation = environment.globals.typed();
                    environment.send(Message::Switched { environment: wanted, invocation }).await;
                    tasks = begin(&environment);
                }
                Err(failed) => backend.reply(ticket, Err(failed)).await,
            },
            // These are the screen's own.
            Request::CopyToClipboard(_)
            | Request::Lend(_)
            | Request::WriteFile { .. }
            | Request::Suspend
            | Request::Redraw
            | Request::Quit => {}
        }
    }
    tasks.shutdown().await;
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::time::Duration;

    use super::{log_file, not_done};
    use crate::conductor::ClientError;
    use crate::model::RolloutId;
    use crate::rollout::Rejection;
    use crate::tui::messages::NotDone;

    #[test]
    fn only_what_a_conductor_refuses_is_told_as_refused() {
        let rollout = || RolloutId::new("r1").unwrap();
        let told = |error: ClientError| not_done(&error.into());
        let refused = told(ClientError::Rejected(Rejection("it is over".to_owned())));
        assert_eq!(refused, NotDone::Refused("it is over".to_owned()));
        for unanswered in [
            ClientError::Silent { rollout: rollout(), within: Duration::from_secs(35) },
            ClientError::NotRunning(rollout()),
        ] {
            let why = unanswered.to_string();
            assert_eq!(told(unanswered), NotDone::Unanswered(why));
        }
    }

    #[test]
    fn a_console_opens_also_where_its_log_cannot_be_written() {
        let state = tempfile::tempdir().unwrap();
        std::fs::write(state.path().join("logs"), "no folder").unwrap();
        log_file(state.path()).unwrap().write_all(b"kept nowhere").unwrap();
    }
}
