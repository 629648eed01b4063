use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use super::{World, hear, host, listen, operator, run};
use crate::conductor::{ClientError, Farewell, News, address};
use crate::model::Command;
use crate::plan::Promote;
use crate::rollout::{Event, Outcome, PauseReason, Rejection};

/// Talks with a conductor as a stranger's program would.
struct Stranger {
    reader: BufReader<tokio::net::unix::OwnedReadHalf>,
    writer: tokio::net::unix::OwnedWriteHalf,
}

impl Stranger {
    async fn connect(world: &World) -> Self {
        let path = address::socket_in(&world.rollouts.folder(&world.rollout));
        let (read, writer) = UnixStream::connect(path).await.unwrap().into_split();
        Self { reader: BufReader::new(read), writer }
    }

    async fn say(&mut self, line: &str) {
        self.writer.write_all(line.as_bytes()).await.unwrap();
        self.writer.write_all(b"\n").await.unwrap();
    }

    async fn hear(&mut self) -> serde_json::Value {
        let mut line = String::new();
        timeout(Duration::from_secs(3600), self.reader.read_line(&mut line)).await.unwrap().unwrap();
        if line.is_empty() { serde_json::Value::Null } else { serde_json::from_str(&line).unwrap() }
    }
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_was_removed_is_made_again() {
    let world = World::new(2, Promote::Manual);
    let conductor = world.conductor().unwrap();
    let path = conductor.socket().to_owned();
    let running = run(conductor);
    let mut first = world.watch(0).await;
    hear(&mut first, |record| matches!(record.event, Event::PromotionNeeded { .. })).await;
    for _ in 0..2 {
        std::fs::remove_file(&path).unwrap();
        let mut late = world.watch(0).await;
        hear(&mut late, |record| matches!(record.event, Event::PromotionNeeded { .. })).await;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    world.command(Command::Abort, "bob").await.unwrap();
    assert_eq!(running.await.unwrap().unwrap().exit_code, 5);
    assert!(!path.exists());
}

#[tokio::test(start_paused = true)]
async fn everybody_hears_the_same_whenever_they_come() {
    let world = World::new(8, Promote::Manual);
    let conductor = world.conductor().unwrap();
    let mode = conductor.socket().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let running = run(conductor);
    let mut first = world.watch(0).await;
    assert_eq!(first.greeting().pid, std::process::id());
    let asked = hear(&mut first, |record| matches!(record.event, Event::PromotionNeeded { .. })).await;
    let mut late = world.watch(0).await;
    let mut back = world.watch(asked.seq - 3).await;
    world.command(Command::Continue, "bob").await.unwrap();
    let ending = running.await.unwrap().unwrap();
    assert_eq!(ending.exit_code, 0);
    let journal = world.records();
    let (heard, last) = listen(&mut late).await;
    assert_eq!(heard, journal);
    assert_eq!(last, Some(News::Bye(Farewell::Finished)));
    let (heard, _) = listen(&mut first).await;
    assert_eq!(heard, journal.split_at(usize::try_from(asked.seq).unwrap()).1);
    let (heard, _) = listen(&mut back).await;
    assert_eq!(heard, journal.split_at(usize::try_from(asked.seq).unwrap() - 3).1);
    assert!(
        journal
            .iter()
            .any(|record| matches!(&record.event, Event::Promoted { by: Some(by), .. } if *by == operator("bob")))
    );
    assert!(!address::socket_in(&world.rollouts.folder(&world.rollout)).exists(), "nothing is left behind");
}

#[tokio::test(start_paused = true)]
async fn whoever_reads_nothing_holds_nobody_up_and_misses_nothing() {
    let world = World::new(2000, Promote::Manual);
    let running = world.conduct();
    // Nothing comes back by itself here, as a watcher would.
    let mut stalled = Stranger::connect(&world).await;
    stalled.hear().await;
    stalled.say(r#"{"v":1,"hello":{"role":"watch"}}"#).await;
    let mut reading = world.watch(0).await;
    hear(&mut reading, |record| matches!(&record.event, Event::PromotionNeeded { .. })).await;
    let behind = world.records().len();
    assert!(behind > 6000, "more than a subscriber may be behind and a socket holds: {behind}");
    let heard = tokio::spawn(async move { listen(&mut reading).await });
    let caught_up = tokio::spawn(async move {
        let mut lines = Vec::new();
        loop {
            let line = stalled.hear().await;
            if line["bye"] == "finished" {
                return lines;
            }
            assert_ne!(line, serde_json::Value::Null, "the connection ended after {} lines", lines.len());
            if line["kind"] != "host_progress" {
                lines.push(line);
            }
        }
    });
    world.command(Command::Abort, "bob").await.unwrap();
    assert_eq!(running.await.unwrap().unwrap().exit_code, 5);
    let journal = world.records();
    assert_eq!(heard.await.unwrap().1, Some(News::Bye(Farewell::Finished)));
    let lines = caught_up.await.unwrap();
    assert_eq!(lines.len(), journal.len());
    for (line, record) in lines.iter().zip(&journal) {
        assert_eq!(line["seq"], record.seq);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollout_ends_although_nobody_reads_its_end() {
    let world = World::new(1000, Promote::Auto);
    let running = world.conduct();
    let mut stalled = world.watch(0).await;
    assert_eq!(running.await.unwrap().unwrap().exit_code, 0);
    // It reads on where it was, however much later, and hears the end.
    let (heard, last) = listen(&mut stalled).await;
    assert_eq!(heard.len(), world.records().len());
    assert_eq!(last, Some(News::Bye(Farewell::Finished)));
}

#[tokio::test(start_paused = true)]
async fn whoever_hears_that_a_rollout_is_over_finds_its_environment_free_whoever_else_is_still_to_hear_it() {
    let world = World::new(1000, Promote::Auto);
    let running = world.conduct();
    let (_stalled, mut watcher) = (world.watch(0).await, world.watch(0).await);
    assert_eq!(listen(&mut watcher).await.1, Some(News::Bye(Farewell::Finished)));
    drop(world.lock());
    assert_eq!(running.await.unwrap().unwrap().exit_code, 0);
}

#[tokio::test(start_paused = true)]
async fn commands_are_accepted_or_refused_and_journaled_with_who_gave_them() {
    let world = World::new(4, Promote::Manual);
    let running = world.conduct();
    let mut watcher = world.watch(0).await;
    hear(&mut watcher, |record| matches!(record.event, Event::PromotionNeeded { .. })).await;
    world.command(Command::Pause, "bob").await.unwrap();
    let paused = hear(&mut watcher, |record| matches!(record.event, Event::Paused { .. })).await;
    assert_eq!(paused.event, Event::Paused { why: PauseReason::Operator { by: operator("bob") } });
    let Err(ClientError::Rejected(Rejection(why))) = world.command(Command::Pause, "eve").await else {
        panic!("it was paused twice");
    };
    assert_eq!(why, "it is paused already");
    world.command(Command::Skip { host: host(3) }, "bob").await.unwrap();
    world.command(Command::Abort, "carol").await.unwrap();
    let ending = running.await.unwrap().unwrap();
    assert_eq!((ending.state.outcome(), ending.exit_code), (Some(Outcome::Stopped), 5));
    assert!(world.records().iter().all(|record| record.to_line().is_ok_and(|line| !line.contains("eve"))));
    let gone = world.command(Command::Abort, "carol").await;
    assert!(matches!(gone, Err(ClientError::NotRunning(_))), "{gone:?}");
}

#[tokio::test(start_paused = true)]
async fn strangers_are_answered_whatever_they_say() {
    let world = World::new(2, Promote::Manual);
    let running = world.conduct();
    let mut stranger = Stranger::connect(&world).await;
    let hello = stranger.hear().await;
    assert_eq!((&hello["v"], &hello["hello"]["rollout"]), (&1.into(), &"20260101T000000-abcd".into()));
    stranger.say(r#"{"v":1,"id":1,"command":{"command":"abort"},"by":"eve@x"}"#).await;
    assert!(stranger.hear().await["reason"].as_str().unwrap().starts_with("say hello first"));
    stranger.say(r#"{"v":2,"hello":{"role":"operate"}}"#).await;
    let error = stranger.hear().await;
    assert_eq!(error["error"], "version 2 of the protocol; this coalmine speaks version 1 only");
    stranger.say(r#"{"v":1,"hello":{"role":"command"}}"#).await;
    stranger.say("what?").await;
    assert!(stranger.hear().await["error"].as_str().unwrap().starts_with("not a line of JSON"));
    stranger.say(&format!(r#"{{"v":1,"{}":0}}"#, "x".repeat(100_000))).await;
    assert_eq!(stranger.hear().await["error"], "a line of more than 65536 bytes");
    stranger.say(r#"{"v":1,"id":5,"command":{"command":"dance"},"by":"eve@x"}"#).await;
    let rejected = stranger.hear().await;
    assert_eq!((&rejected["id"], &rejected["reply"]), (&5.into(), &"rejected".into()));
    stranger.say(r#"{"v":1,"id":6,"command":{"command":"abort"},"by":"eve@x","more":[]}"#).await;
    assert_eq!(stranger.hear().await, serde_json::json!({"v": 1, "id": 6, "reply": "accepted"}));
    assert_eq!(stranger.hear().await, serde_json::json!({"v": 1, "bye": "finished"}));
    running.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_only_watches_commands_nothing() {
    let world = World::new(2, Promote::Manual);
    let running = world.conduct();
    let mut stranger = Stranger::connect(&world).await;
    stranger.hear().await;
    stranger.say(r#"{"v":1,"hello":{"role":"watch","after":999}}"#).await;
    stranger.say(r#"{"v":1,"id":1,"command":{"command":"abort"},"by":"eve@x"}"#).await;
    let answer = loop {
        let line = stranger.hear().await;
        if line["id"] == 1 {
            break line;
        }
    };
    assert_eq!(answer["reason"], "this connection is for watching only");
    world.command(Command::Abort, "bob").await.unwrap();
    assert_eq!(running.await.unwrap().unwrap().state.aborted(), Some(&operator("bob")));
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_not_waited_for() {
    let world = World::new(2, Promote::Manual);
    let running = world.conduct();
    let mut stranger = Stranger::connect(&world).await;
    stranger.hear().await;
    assert_eq!(stranger.hear().await["error"], "no hello within 10 s");
    let mut rest = Vec::new();
    assert_eq!(stranger.reader.read_to_end(&mut rest).await.unwrap(), 0);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn there_is_room_for_many_and_not_for_all() {
    let world = World::new(2, Promote::Manual);
    let running = world.conduct();
    let mut company = Vec::new();
    for _ in 0..64 {
        company.push(world.watch(0).await);
    }
    let Err(refused) = crate::conductor::Watcher::connect(&world.rollouts, &world.rollout, 0).await else {
        panic!("one too many");
    };
    assert!(refused.to_string().ends_with("64 clients are here already"), "{refused}");
    company.pop();
    sleep(Duration::from_secs(1)).await;
    world.command(Command::Abort, "bob").await.unwrap();
    running.await.unwrap().unwrap();
    for mut watcher in company {
        assert_eq!(listen(&mut watcher).await.1, Some(News::Bye(Farewell::Finished)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stopped_conductor_says_so_and_another_goes_on() {
    let world = World::new(4, Promote::Manual);
    let running = world.conduct();
    let mut watcher = world.watch(0).await;
    hear(&mut watcher, |record| matches!(record.event, Event::PromotionNeeded { .. })).await;
    world.command(Command::Stop, "bob").await.unwrap();
    let ending = running.await.unwrap().unwrap();
    assert_eq!(ending.exit_code, 5, "the canary was switched");
    assert_eq!(ending.hint.unwrap(), "`coalmine resume 20260101T000000-abcd` goes on with it");
    assert_eq!(listen(&mut watcher).await.1, Some(News::Bye(Farewell::Suspended)));
    let running = world.conduct();
    let mut watcher = world.watch(0).await;
    hear(&mut watcher, |record| matches!(record.event, Event::Resumed { .. })).await;
    world.command(Command::Continue, "bob").await.unwrap();
    assert_eq!(running.await.unwrap().unwrap().exit_code, 0);
    assert!(matches!(world.conductor(), Err(crate::conductor::ConductorError::Over(_))));
}

#[tokio::test(start_paused = true)]
async fn a_dead_conductor_is_noticed_and_replaced() {
    let world = World::new(4, Promote::Manual);
    let running = world.conduct();
    let mut watcher = world.watch(0).await;
    let asked = hear(&mut watcher, |record| matches!(record.event, Event::PromotionNeeded { .. })).await;
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    assert_eq!(watcher.next().await.unwrap(), Some(News::Lost));
    assert!(address::socket_in(&world.rollouts.folder(&world.rollout)).exists(), "it had no time to clean up");
    let running = world.conduct();
    let mut watcher = world.watch(asked.seq).await;
    world.command(Command::Continue, "bob").await.unwrap();
    assert_eq!(running.await.unwrap().unwrap().exit_code, 0);
    assert_eq!(listen(&mut watcher).await.0, world.records().split_at(usize::try_from(asked.seq).unwrap()).1);
}

#[tokio::test(start_paused = true)]
async fn a_state_folder_may_be_deep_down() {
    let state = tempfile::tempdir().unwrap();
    let world = World::within(state, &"a-folder-with-a-long-name/".repeat(8), 2, Promote::Auto);
    assert!(address::socket_in(&world.rollouts.folder(&world.rollout)).as_os_str().len() > 200);
    let running = world.conduct();
    let mut watcher = world.watch(0).await;
    assert_eq!(listen(&mut watcher).await.1, Some(News::Bye(Farewell::Finished)));
    assert_eq!(running.await.unwrap().unwrap().exit_code, 0);
}
