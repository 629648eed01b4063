use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crossterm::event::{self, Event};
use tokio::sync::mpsc;

use super::hangup;
use crate::tui::messages::Message;

/// How long a console that was left may still take a key.
const PATIENCE: Duration = Duration::from_millis(200);

static STOPPED: AtomicBool = AtomicBool::new(false);

/// Whether keys are somebody else's for a while, and whether that is heeded.
static PAUSED: Mutex<(bool, bool)> = Mutex::new((false, false));
static CHANGED: Condvar = Condvar::new();

/// Lets keys be read by somebody else; returns when they are, or soon.
pub(super) fn pause() {
    let mut paused = PAUSED.lock().unwrap_or_else(PoisonError::into_inner);
    *paused = (true, false);
    let heeded = CHANGED.wait_timeout_while(paused, PATIENCE.saturating_mul(5), |(_, heeded)| !*heeded);
    drop(heeded.unwrap_or_else(PoisonError::into_inner));
}

/// Reads keys again.
pub(super) fn resume() {
    *PAUSED.lock().unwrap_or_else(PoisonError::into_inner) = (false, false);
    CHANGED.notify_all();
}

/// Waits while keys are somebody else's.
fn wait_while_paused() {
    let mut paused = PAUSED.lock().unwrap_or_else(PoisonError::into_inner);
    while paused.0 && !STOPPED.load(Ordering::SeqCst) && !hangup::is_gone() {
        paused.1 = true;
        CHANGED.notify_all();
        paused = CHANGED.wait_timeout(paused, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Stops reading keys, so that they reach whoever has the terminal next.
pub(super) fn stop() {
    STOPPED.store(true, Ordering::SeqCst);
}

/// Reads keys, pastes and new sizes until the console ends or the terminal is gone; a full inbox makes it wait.
pub(super) fn read(sender: &mpsc::Sender<Message>) {
    STOPPED.store(false, Ordering::SeqCst);
    while !STOPPED.load(Ordering::SeqCst) && !hangup::is_gone() {
        wait_while_paused();
        let message = match event::poll(PATIENCE) {
            Ok(false) => continue,
            Ok(true) => event::read().map(message_of),
            Err(error) => Err(error),
        };
        let sent = match message {
            Ok(None) => continue,
            Ok(Some(message)) => sender.blocking_send(message),
            Err(_) => {
                sender.blocking_send(Message::HungUp).ok();
                return;
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

fn message_of(event: Event) -> Option<Message> {
    match event {
        Event::Key(key) => Some(Message::Key(key)),
        Event::Paste(text) => Some(Message::Paste(text)),
        Event::Mouse(mouse) => Some(Message::Mouse(mouse)),
        Event::Resize(columns, rows) => Some(Message::Resize(columns, rows)),
        Event::FocusGained | Event::FocusLost => None,
    }
}
