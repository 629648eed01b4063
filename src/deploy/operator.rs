use crate::model::Operator;

/// Names who runs coalmine, as others are told: `user@machine`; under sudo, the one who called it.
#[must_use]
pub fn operator() -> Operator {
    let user = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        .or_else(user)
        .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    let machine = machine();
    let name: String = format!("{user}@{machine}").chars().filter(|c| !c.is_control()).collect();
    Operator(name.into())
}

/// Names the user of this process where no variable does, as under cron.
fn user() -> Option<String> {
    let id = rustix::process::getuid().as_raw().to_string();
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let mut named = fields.filter(|fields| fields.get(2) == Some(&id.as_str()));
    named.next().and_then(|fields| fields.first().map(|name| (*name).to_owned()))
}

/// Names this machine.
fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
