//! The process that runs one rollout: its engine, its control socket, its signals, and the locks of its environment.
//!
//! To start a rollout and to resume one are the same: whoever planned it leaves a journal with one record, and a conductor
//! goes on with that journal ([`Opened`]). It runs in the foreground, or as a process of its own session ([`Start`]) which no
//! terminal takes with it. Everybody else is a client of its socket, in the same process or in another. Nothing here knows
//! how a host is reached, what a configuration is, or what people see.
//!
//! # The control socket
//!
//! `STATE/rollouts/ROLLOUT/control.sock` is a Unix stream socket of mode 0600, or 0660 for the group that `control.group`
//! names. Both sides send JSON, an object a line, with the version of the protocol in each: `"v":1`. What has another version
//! is refused. Names and fields that are not known are to be passed over.
//!
//! 1. The server greets: `{"v":1,"hello":{"coalmine":"0.1.0","rollout":"20260101T120000-ab3f","pid":4711}}`.
//! 2. The client says what it is for: `{"v":1,"hello":{"role":"operate","after":0}}`. `operate` gets records and may give
//!    commands, `watch` gets records and may not, `command` gives commands and gets no records. `after` is the number of the
//!    last record that it has; without it, it gets all.
//! 3. The server sends the records of the journal, as they stand there (`{"v":1,"seq":…,"at":…,"rollout":…,"kind":…}`), then
//!    each new one once it is on disk, none missing and none twice; and `host_progress` between them, which is never
//!    journaled, has the `seq` of the record before it and may be left out where a client is slow.
//! 4. A client gives a command under a number of its own: `{"v":1,"id":7,"command":{"command":"skip","host":"mw01"},
//!    "by":"alice@deploy1"}`. The server answers in order, each when the command is in the journal:
//!    `{"v":1,"id":7,"reply":"accepted"}` or `{"v":1,"id":7,"reply":"rejected","reason":"it is paused already"}`. Commands are
//!    `pause`, `continue`, `abort`, `rollback`, `retry` (of one `host`, or of all that failed), `skip` (of a `host`),
//!    `soak` (for `left_s` more seconds), `promote`, `hold` (each with its `reason`), `depool` (of a `host`, with a `reason`), `repool` (of a `host`) and `stop`.
//!    What the journal says of who gave it is `by`; where the connection is another user's than the rollout's, with that
//!    user beside it.
//! 5. What cannot be understood is answered, `{"v":1,"error":"…"}` or a rejection under its number, and changes nothing; a
//!    line of more than 64 KiB counts as that.
//! 6. At its end the server says `{"v":1,"bye":"finished"}`, `"suspended"` (somebody stopped the conductor) or `"failed"` (its
//!    log says why) and closes. A connection that ends without it was lost: the conductor is there as long as the journal is
//!    locked, and a client that comes back with `after` misses nothing.
//!
//! # Who is trusted, and by whom
//!
//! What another user may write decides nothing: not what runs, not where it goes, not what counts as proven.
//!
//! - *The state folder* holds journals, releases and what rollouts were started with. It is made without write for others,
//!   whatever the umask, and refused when others may write it ([`trust_state`]). Its group is trusted with what stands in it, but
//!   not with commands: a launch record that is another user's, or that others may change, is not obeyed; that rollout is
//!   gone on with by one's own configuration, named for it, or not at all ([`Launch::stranger`]).
//! - *The environment's lock* is for owner and group: who may read a file may lock it. A holder that is no coalmine is told as such.
//! - *The control socket* is the owner's, or that of the group that `control.group` names; the kernel says who is at its other end.
//! - *A host* is believed in what it says of itself, and its root, `releases` and `.coalmine` must belong to the user there
//!   or to root and be writable by nobody else; otherwise it is refused. Names in its files are plain names. Who only asks
//!   (`status`, `plan`) changes nothing there and lets no dead man's switch fire.
//! - *A lease* is believed by its token, and neither by time nor by name. Every lease of a host has a greater one than all before;
//!   renewing never takes, and what is written is written under the token or not at all. So who slept, was cut off or was
//!   killed and comes back late writes nothing once another was there: the rollout stops, says who came, and leaves the hosts.
//!
//! A client that reads slowly never holds up the engine or another client. It is served from the journal until it has caught
//! up, and given up after it took nothing for five minutes. The end of what a client sends ends its connection. A client to which nothing came
//! for a while finds out by another connection whether a conductor stands still: one that does not greets at once, whatever it waits for.

mod access;
mod address;
mod client;
mod error;
mod find;
mod freeze;
mod launch;
mod lines;
mod lock;
mod peer;
mod run;
mod server;
mod service;
mod session;
mod signals;
mod tail;
#[cfg(test)]
pub(crate) mod tests;
mod wire;

pub use access::{Access, trust_state};
pub use client::{ClientError, News, Watcher, command};
pub use error::ConductorError;
pub use find::{Due, Waiting, due, overtaker, replay, running, running_among, waiting, waiting_among};
pub use freeze::{Freeze, Freezing, Ran, Started, freeze, frozen, note_broken, seen_frozen, unfreeze};
pub use launch::{Launch, Readiness, Ready, Start, StartError, log_says};
pub use lock::{EnvironmentLock, Holder, LockError, Standing, standing};
pub use run::{Conductor, Ending, Opened};
pub use service::{ByHand, ServiceNote, ServiceStep, by_hand, by_hand_changed, note_service};
pub use signals::{Notify, Signals};
pub use wire::{Farewell, Greeting, Role};
