mod jobs;

use std::collections::HashMap;
use std::fmt;
use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, Id, JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use jobs::Job;

use super::announce;
use super::error::EngineError;
use super::handle::{Handle, Message, Publisher, Subscription};
use super::lease::{Leases, Loss};
use super::parts::Parts;
use super::progress::Board;
use super::settings::Settings;
use super::worker::{Performed, Worker, targets};
use crate::hooks::{GateAnswer, Site, announcement};
use crate::host::{Fleet, LockRequest};
use crate::journal::{Journal, Storage};
use crate::model::{CarrierNews, HostId, Phase};
use crate::rollout::{Event, Input, Machine, Mode, Record, Rejection, State, Step};

/// How many inputs are taken at most before what they led to is written and done.
const BATCH: usize = 256;
/// How often progress is told.
const PROGRESS: Duration = Duration::from_millis(250);
/// How often it is looked at where nobody watches, and hosts wait for a relay that it comes to.
const MOVES: Duration = Duration::from_secs(5);
/// How many lost locks may wait to be heard of; renewals wait then.
const LOSSES: usize = 64;
/// How many announcements may wait for people's own tool.
const ANNOUNCEMENTS: usize = 256;
/// How long the end waits for the last announcements.
const FAREWELL: Duration = Duration::from_secs(30);

/// Holds how a rollout stood when its engine came to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// The rollout: over, or suspended and to be resumed.
    pub state: State,
}

/// Says what the loop waited for.
enum Woken {
    Joined(Joined),
    Message(Message),
    Lost(Loss),
    Carrier(CarrierNews),
    Due(Due),
}

/// Says what is due.
#[derive(Debug, Clone, Copy)]
enum Due {
    /// The machine wants to be asked.
    Tick,
    /// Who keeps everybody waiting is named.
    Stragglers,
    /// Progress is told.
    Progress,
    /// The clock is looked at.
    Pulse,
}

enum Answer {
    Host(Performed),
    Gate(GateAnswer),
    Hook(Option<String>),
}

type Reply = Result<(), Rejection>;
type Joined = Result<(Id, Answer), JoinError>;

/// Holds what one turn of the loop has to write, answer and do.
#[derive(Default)]
struct Turn {
    step: Step,
    replies: Vec<(oneshot::Sender<Reply>, Reply)>,
    snapshots: Vec<oneshot::Sender<State>>,
}

/// Runs one rollout.
pub struct Engine<F: Fleet, S: Site, J: Storage> {
    machine: Machine,
    journal: Journal<J>,
    worker: Arc<Worker<F, S>>,
    jobs: JoinSet<Answer>,
    running: HashMap<Id, Job>,
    by_host: HashMap<HostId, AbortHandle>,
    inbox: mpsc::Receiver<Message>,
    losses: mpsc::Receiver<Loss>,
    news: Option<mpsc::Receiver<CarrierNews>>,
    /// Keeps the inbox open when every handle is gone: a paused rollout waits, whoever looks.
    _handle: Handle,
    subscribers: Vec<Publisher>,
    turn: Turn,
    /// When those are named next who are waited for.
    tell_stragglers: Instant,
    /// When progress is told next.
    tell_progress: Instant,
    /// Whether the last tick found nothing to do.
    idle: bool,
    /// How far apart two looks at the clock are at most while this conductor runs.
    pulse: Duration,
    /// What the clock showed at the last one.
    alive: Duration,
}

impl<F: Fleet, S: Site, J: Storage> fmt::Debug for Engine<F, S, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("running", &self.running).finish_non_exhaustive()
    }
}

impl<F: Fleet, S: Site, J: Storage> Engine<F, S, J> {
    /// Makes an engine of a machine whose records so far are in the journal.
    pub fn new(machine: Machine, journal: Journal<J>, parts: Parts<F, S>, settings: Settings) -> (Self, Handle) {
        let (sender, inbox) = mpsc::channel(64);
        let handle = Handle(sender);
        let plan = Arc::clone(machine.plan_of());
        let lease = settings.lease_for(plan.hosts.len());
        let alive = parts.clock.elapsed();
        let request = LockRequest {
            owner: settings.operator.clone(),
            rollout: plan.rollout.clone(),
            reason: plan.reason.clone(),
            // Whoever goes on with a rollout finds more records than the one before, once that did anything.
            term: machine.state().seq(),
            over: None,
            lease,
        };
        let (lost, losses) = mpsc::channel(LOSSES);
        let leases = Arc::new(Leases::new(
            Arc::clone(&parts.fleet),
            request,
            lost,
            settings.deadlines.control,
            settings.renewals_per_second,
        ));
        let targets = targets(&plan);
        let news = parts.fleet.carry(plan.carriage());
        let found = std::sync::Mutex::default();
        let worker = Worker { plan, parts, settings, leases, board: Board::default(), found, targets };
        let engine = Self {
            machine,
            journal,
            worker: Arc::new(worker),
            jobs: JoinSet::new(),
            running: HashMap::new(),
            by_host: HashMap::new(),
            inbox,
            losses,
            news,
            _handle: handle.clone(),
            subscribers: Vec::new(),
            turn: Turn::default(),
            tell_stragglers: Instant::now(),
            tell_progress: Instant::now(),
            idle: false,
            pulse: lease / 6,
            alive,
        };
        (engine, handle)
    }

    /// Runs the rollout until it is over, or suspended and drained.
    ///
    /// Dropping the future ends every task at once, as the death of the process would: the rollout can be resumed.
    ///
    /// # Errors
    ///
    /// When the journal cannot be written: nothing more is started then, and switches under way are waited for.
    pub async fn run(mut self) -> Result<Finished, EngineError> {
        let mut company = JoinSet::new();
        company.spawn(Arc::clone(&self.worker.leases).run());
        let (lines, to_announce) = mpsc::channel(ANNOUNCEMENTS);
        let announcer = tokio::spawn(announce::announce(Arc::clone(&self.worker.parts.site), to_announce));
        let mut announcer = OnDrop(announcer);
        let served = self.serve(&lines).await;
        match &served {
            Err(_) => self.drain().await,
            Ok(()) if self.machine.state().mode() != Mode::Finished => self.leave().await,
            Ok(()) => {}
        }
        self.jobs.shutdown().await;
        company.shutdown().await;
        drop(lines);
        if timeout(FAREWELL, &mut announcer.0).await.is_err() {
            tracing::warn!("the last announcements were not taken within {} s", FAREWELL.as_secs());
        }
        served.map(|()| Finished { state: self.machine.state().clone() })
    }

    async fn serve(&mut self, lines: &mpsc::Sender<String>) -> Result<(), EngineError> {
        let by = self.worker.settings.operator.clone();
        self.feed(Input::Begin { by });
        // One timer for all that is due: to set it later costs next to nothing, and every answer does.
        let mut alarm = pin!(sleep_until(Instant::now()));
        loop {
            for _ in 0..BATCH {
                let joined = self.jobs.try_join_next_with_id().map(|joined| self.joined(joined));
                let received = self.inbox.try_recv().ok().map(|message| self.received(message));
                if joined.is_none() && received.is_none() {
                    break;
                }
            }
            self.commit(lines)?;
            if self.machine.is_done() {
                return Ok(());
            }
            self.wait(alarm.as_mut()).await;
        }
    }

    /// Waits for the next thing to happen and takes it in.
    async fn wait(&mut self, mut alarm: Pin<&mut Sleep>) {
        let dues = self.dues();
        let next = dues.iter().filter_map(|(at, _)| *at).min();
        if let Some(next) = next.filter(|next| *next != alarm.deadline()) {
            alarm.as_mut().reset(next);
        }
        let woken = tokio::select! {
            biased;
            Some(joined) = self.jobs.join_next_with_id() => Woken::Joined(joined),
            Some(message) = self.inbox.recv() => Woken::Message(message),
            Some(loss) = self.losses.recv() => Woken::Lost(loss),
            Some(news) = heard(&mut self.news) => Woken::Carrier(news),
            () = alarm => Woken::Due(first_due(&dues)),
        };
        self.heed_losses().await;
        for squeeze in self.worker.parts.fleet.squeezes() {
            self.feed(Input::Squeezed(squeeze));
        }
        match woken {
            Woken::Joined(joined) => self.joined(joined),
            Woken::Message(message) => self.received(message),
            Woken::Lost((host, holder)) => {
                self.feed(Input::Lost { host, holder });
            }
            Woken::Carrier(news) => {
                self.feed(Input::Carrier(news));
            }
            Woken::Due(Due::Tick) => {
                let before = self.turn.step.records.len() + self.turn.step.effects.len();
                self.feed(Input::Tick);
                self.idle = before == self.turn.step.records.len() + self.turn.step.effects.len();
            }
            Woken::Due(Due::Stragglers) => self.name_stragglers(),
            Woken::Due(Due::Progress) => {
                self.tell_progress = Instant::now() + if self.subscribers.is_empty() { MOVES } else { PROGRESS };
                self.publish_progress();
            }
            Woken::Due(Due::Pulse) => {}
        }
    }

    /// Finds out, where this conductor stood still for so long that leases may have run out, whose locks are another's now.
    ///
    /// Before anything else is decided or written: who lost a lease writes nothing. A closed lid, a stopped process and a
    /// machine without a processor to spare are the same here.
    async fn heed_losses(&mut self) {
        let now = self.worker.parts.clock.elapsed();
        let still = now.saturating_sub(std::mem::replace(&mut self.alive, now));
        if still <= self.pulse * 2 {
            return;
        }
        tracing::warn!(
            "this conductor stood still for {} s: hosts are asked whether they are still locked",
            still.as_secs()
        );
        let mut losses = self.worker.leases.confirm().await;
        while let Ok(loss) = self.losses.try_recv() {
            losses.push(loss);
        }
        for (host, holder) in losses {
            self.feed(Input::Lost { host, holder });
        }
        self.alive = self.worker.parts.clock.elapsed();
    }

    /// Says when what is due where nothing else happens; of all that is due at once, the first goes before the others.
    fn dues(&self) -> [(Option<Instant>, Due); 4] {
        let now = Instant::now();
        let is_watched = !self.subscribers.is_empty() && self.machine.state().count(Phase::Priming) > 0;
        let tells_progress = is_watched || self.machine.awaits_relays();
        [
            (self.nap().and_then(|nap| now.checked_add(nap)), Due::Tick),
            ((!self.by_host.is_empty()).then_some(self.tell_stragglers), Due::Stragglers),
            (tells_progress.then_some(self.tell_progress), Due::Progress),
            (Some(now + self.pulse), Due::Pulse),
        ]
    }

    /// Gives how long to sleep until the machine wants to be asked again.
    fn nap(&self) -> Option<Duration> {
        let nap = self.worker.parts.clock.nap(self.machine.next_deadline()?);
        // A deadline that is due and finds nothing to do is a mistake; it costs a second and not a processor.
        let least = if self.idle && nap.is_zero() { Duration::from_secs(1) } else { Duration::ZERO };
        Some(nap.max(least))
    }

    fn feed(&mut self, input: Input) -> Option<Reply> {
        self.idle = false;
        self.machine.step_onto(input, self.worker.parts.clock.now(), &mut self.turn.step);
        self.turn.step.reply.take()
    }

    fn received(&mut self, message: Message) {
        match message {
            Message::Command { command, by, reply } => {
                if let Some(answer) = self.feed(Input::Command { command, by }) {
                    self.turn.replies.push((reply, answer));
                }
            }
            // Records of this turn are published at its end: who joins now gets them.
            Message::Subscribe { reply } => {
                let written = self.turn.step.records.first().map_or(self.machine.state().seq(), |first| first.seq - 1);
                let (subscription, publisher) = Subscription::new(written);
                if reply.send(subscription).is_ok() {
                    self.subscribers.push(publisher);
                }
            }
            Message::State { reply } => self.turn.snapshots.push(reply),
        }
    }

    /// Writes what has happened, and only then tells it and does what follows from it.
    fn commit(&mut self, lines: &mpsc::Sender<String>) -> Result<(), EngineError> {
        let Turn { mut step, replies, snapshots } = std::mem::take(&mut self.turn);
        self.journal.append(&step.records)?;
        for (reply, answer) in replies {
            // Whoever asked may have gone without waiting for the answer.
            drop(reply.send(answer));
        }
        for record in step.records.drain(..) {
            if let Some(line) = announcement(&self.worker.settings.product, &record, self.machine.state()) {
                announce(lines, line);
            }
            if !self.subscribers.is_empty() {
                self.publish(&Arc::new(record));
            }
        }
        for snapshot in snapshots {
            drop(snapshot.send(self.machine.state().clone()));
        }
        for effect in step.effects.drain(..) {
            self.perform(effect);
        }
        // The next turn writes where this one did; a turn that had much to say is no reason to keep that much room.
        step.records.shrink_to(BATCH);
        step.effects.shrink_to(BATCH);
        self.turn.step = step;
        Ok(())
    }

    fn publish(&mut self, record: &Arc<Record>) {
        self.subscribers.retain(|subscriber| subscriber.publish(record));
    }

    fn publish_progress(&mut self) {
        for event in self.worker.board.take() {
            if let Event::HostProgress { host, .. } = &event
                && self.machine.awaits(host)
            {
                self.feed(Input::Moved { host: host.clone() });
            }
            self.publish_live(event);
        }
    }

    /// Tells watchers what no journal needs to know.
    fn publish_live(&mut self, event: Event) {
        let (seq, at) = (self.machine.state().seq(), self.worker.parts.clock.now());
        let rollout = self.worker.plan.rollout.clone();
        self.publish(&Arc::new(Record { seq, at, rollout, event }));
    }
}

/// Gives what is due by now: whoever slept too long finds more than what it slept for.
fn first_due(dues: &[(Option<Instant>, Due)]) -> Due {
    let now = Instant::now();
    dues.iter().find(|(at, _)| at.is_some_and(|at| at <= now)).map_or(Due::Pulse, |(_, due)| *due)
}

/// Waits for what becomes of carriers; for ever where nothing can.
async fn heard(news: &mut Option<mpsc::Receiver<CarrierNews>>) -> Option<CarrierNews> {
    match news {
        Some(news) => news.recv().await,
        None => pending().await,
    }
}

fn announce(lines: &mpsc::Sender<String>, line: String) {
    if let Err(error) = lines.try_send(line) {
        tracing::warn!(%error, "an announcement was left out");
    }
}

/// Ends a task when its owner goes without having joined it.
struct OnDrop(JoinHandle<()>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
