use crate::model::Operator;
use crate::process::user_name;

/// Names who runs coalmine, as others are told: `user@machine`; under sudo, the one who called it.
#[must_use]
pub fn operator() -> Operator {
    let id = rustix::process::getuid().as_raw();
    let user = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
        // Under cron and systemd no variable may say it.
        .or_else(|| user_name(id))
        .unwrap_or_else(|| format!("uid {id}"));
    let machine = machine();
    let name: String = format!("{user}@{machine}").chars().filter(|c| !c.is_control()).collect();
    Operator(name.into())
}

/// Names this machine.
fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
