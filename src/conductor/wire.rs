use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Command, Operator, RolloutId};
use crate::rollout::{Record, Rejection};

/// The version of the protocol.
pub(super) const VERSION: u32 = 1;

/// How long a line of a client may be; a command is a few hundred bytes.
pub(super) const MOST_FROM_CLIENT: usize = 64 * 1024;

/// How long a line of the server may be: the plan of the largest fleet is a few megabytes.
pub(super) const MOST_FROM_SERVER: usize = 256 * 1024 * 1024;

/// Says what a client is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It gets records and may give commands.
    Operate,
    /// It gets records; its commands are refused.
    Watch,
    /// It gives commands and gets no records.
    Command,
}

/// Tells a client whom it talks to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// Which coalmine serves.
    pub coalmine: String,
    /// The rollout.
    pub rollout: RolloutId,
    /// The conductor's process.
    pub pid: u32,
}

/// Says why a conductor ends its conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Farewell {
    /// The rollout is over; `rollout_finished` was the last record.
    Finished,
    /// The conductor was stopped; the rollout can be resumed.
    Suspended,
    /// The conductor could not go on, and its log says why; the rollout can be resumed.
    Failed,
}

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FromClient {
    Hello { role: Role, after: u64 },
    Command { id: u64, command: Command, by: Operator },
}

/// What is wrong with a line of a client; `id` is that of the command, as far as it can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) id: Option<u64>,
    pub(super) why: String,
}

/// What the server says; whatever is none is not there.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct FromServer {
    pub(super) v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hello: Option<Greeting>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reply: Option<Reply>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bye: Option<Farewell>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    Accepted,
    Rejected,
}

impl FromServer {
    pub(super) fn hello(greeting: Greeting) -> Self {
        Self { v: VERSION, hello: Some(greeting), ..Self::default() }
    }

    pub(super) fn reply(id: u64, answer: Result<(), Rejection>) -> Self {
        let (reply, reason) = match answer {
            Ok(()) => (Reply::Accepted, None),
            Err(Rejection(why)) => (Reply::Rejected, Some(why)),
        };
        Self { v: VERSION, id: Some(id), reply: Some(reply), reason, ..Self::default() }
    }

    pub(super) fn mistake(mistake: Mistake) -> Self {
        match mistake.id {
            Some(id) => Self::reply(id, Err(Rejection(mistake.why))),
            None => Self::error(mistake.why),
        }
    }

    pub(super) fn error(why: String) -> Self {
        Self { v: VERSION, error: Some(why), ..Self::default() }
    }

    pub(super) fn bye(why: Farewell) -> Self {
        Self { v: VERSION, bye: Some(why), ..Self::default() }
    }

    /// Gives the line, with its newline.
    pub(super) fn to_line(&self) -> Vec<u8> {
        line(self)
    }
}

#[derive(Serialize, Deserialize)]
struct HelloLine {
    v: u32,
    hello: HelloWords,
}

#[derive(Serialize, Deserialize)]
struct HelloWords {
    role: Role,
    #[serde(default)]
    after: u64,
}

#[derive(Serialize, Deserialize)]
struct CommandLine {
    v: u32,
    id: u64,
    command: Command,
    by: Operator,
}

impl FromClient {
    /// Gives the line, with its newline.
    pub(super) fn to_line(&self) -> Vec<u8> {
        match self.clone() {
            Self::Hello { role, after } => line(&HelloLine { v: VERSION, hello: HelloWords { role, after } }),
            Self::Command { id, command, by } => line(&CommandLine { v: VERSION, id, command, by }),
        }
    }

    /// Reads a line.
    pub(super) fn read(line: &[u8]) -> Result<Self, Mistake> {
        let value: Value = serde_json::from_slice(line)
            .map_err(|error| Mistake { id: None, why: format!("not a line of JSON: {error}") })?;
        let id = value.get("id").and_then(Value::as_u64);
        let mistake = |why: String| Mistake { id, why };
        match value.get("v").and_then(Value::as_u64) {
            Some(v) if v == u64::from(VERSION) => {}
            Some(v) => {
                return Err(mistake(format!(
                    "version {v} of the protocol; this coalmine speaks version {VERSION} only"
                )));
            }
            None => {
                return Err(mistake(format!("no version; this coalmine speaks version {VERSION}: \"v\":{VERSION}")));
            }
        }
        if value.get("hello").is_some() {
            let HelloLine { hello, .. } =
                serde_json::from_value(value).map_err(|error| mistake(format!("not a hello: {error}")))?;
            return Ok(Self::Hello { role: hello.role, after: hello.after });
        }
        if value.get("command").is_some() {
            let CommandLine { id, command, by, .. } =
                serde_json::from_value(value).map_err(|error| mistake(format!("not a command: {error}")))?;
            return Ok(Self::Command { id, command, by });
        }
        Err(mistake("neither a hello nor a command".to_owned()))
    }
}

/// What the server said.
#[derive(Debug)]
pub(super) enum Heard {
    Record(Record),
    Other(FromServer),
}

/// Reads a line of the server.
pub(super) fn read_from_server(line: &[u8]) -> Result<Heard, String> {
    let text = std::str::from_utf8(line).map_err(|error| error.to_string())?;
    // Records are nearly all that comes, and are read no more often than necessary.
    if text.starts_with(r#"{"v":1,"seq":"#) {
        return Record::from_line(text).map(Heard::Record).map_err(|error| error.to_string());
    }
    let other: FromServer = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if other.v == VERSION {
        Ok(Heard::Other(other))
    } else {
        Err(format!("it speaks version {} of the protocol, and this coalmine version {VERSION} only", other.v))
    }
}

fn line(message: &impl Serialize) -> Vec<u8> {
    // Nothing of these can fail to be JSON: names, numbers and texts.
    let mut line = serde_json::to_vec(message).unwrap_or_else(|error| {
        tracing::error!(%error, "a message could not be written");
        br#"{"v":1,"error":"a bug in coalmine"}"#.to_vec()
    });
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::{FromClient, FromServer, Heard, Mistake, Reply, Role, read_from_server};
    use crate::model::{Command, HostId, Operator};
    use crate::rollout::Rejection;

    fn text(line: Vec<u8>) -> String {
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn a_command_is_what_the_docs_say() {
        let command = Command::Skip { host: HostId::new("mw01").unwrap() };
        let said = FromClient::Command { id: 7, command, by: Operator("alice@deploy1".into()) };
        let line = text(said.to_line());
        assert_eq!(
            line,
            "{\"v\":1,\"id\":7,\"command\":{\"command\":\"skip\",\"host\":\"mw01\"},\"by\":\"alice@deploy1\"}\n"
        );
        assert_eq!(FromClient::read(line.trim_end().as_bytes()), Ok(said));
    }

    #[test]
    fn a_hello_is_what_the_docs_say() {
        let said = FromClient::Hello { role: Role::Watch, after: 12 };
        let line = text(said.to_line());
        assert_eq!(line, "{\"v\":1,\"hello\":{\"role\":\"watch\",\"after\":12}}\n");
        assert_eq!(FromClient::read(line.trim_end().as_bytes()), Ok(said));
        assert_eq!(
            FromClient::read(br#"{"v":1,"hello":{"role":"operate"}}"#),
            Ok(FromClient::Hello { role: Role::Operate, after: 0 })
        );
    }

    #[test]
    fn a_mistake_is_answered_under_its_number() {
        let Mistake { id, why } =
            FromClient::read(br#"{"v":1,"id":3,"command":{"command":"dance"},"by":"a@b"}"#).unwrap_err();
        assert_eq!(id, Some(3));
        assert!(why.contains("dance"), "{why}");
        let line = text(FromServer::mistake(Mistake { id, why: "no".to_owned() }).to_line());
        assert_eq!(line, "{\"v\":1,\"id\":3,\"reply\":\"rejected\",\"reason\":\"no\"}\n");
    }

    #[test]
    fn another_version_is_refused_by_both_sides() {
        let mistake = FromClient::read(br#"{"v":2,"hello":{"role":"watch"}}"#).unwrap_err();
        assert_eq!(mistake.why, "version 2 of the protocol; this coalmine speaks version 1 only");
        assert!(FromClient::read(br#"{"hello":{"role":"watch"}}"#).unwrap_err().why.starts_with("no version"));
        let why = read_from_server(br#"{"v":2,"bye":"finished"}"#).unwrap_err();
        assert_eq!(why, "it speaks version 2 of the protocol, and this coalmine version 1 only");
    }

    #[test]
    fn a_reply_is_read_as_it_was_written() {
        let line = FromServer::reply(9, Err(Rejection("it is over".to_owned()))).to_line();
        let Heard::Other(reply) = read_from_server(line.trim_ascii_end()).unwrap() else { panic!("no record") };
        assert_eq!(
            (reply.id, reply.reply, reply.reason.as_deref()),
            (Some(9), Some(Reply::Rejected), Some("it is over"))
        );
    }
}
