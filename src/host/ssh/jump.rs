use std::process::Stdio;
use std::time::Duration;

use super::master::common;
use super::pool::Pool;
use crate::host::process::quiet;
use crate::model::HostId;

/// How long ssh may take to read its configuration.
const QUICK: Duration = Duration::from_secs(5);

/// Says what stands on the way to a host, as ssh's configuration has it: `jump host bastion`.
///
/// Asked where ssh's configuration has a word of such things, and when something failed there.
pub(super) async fn on_the_way(pool: &Pool, host: &HostId) -> Option<String> {
    let mut command = quiet("ssh");
    command.arg("-G").args(common(pool, host)).arg("--").arg(host.as_str()).stdout(Stdio::piped()).kill_on_drop(true);
    let output = tokio::time::timeout(QUICK, command.output()).await.ok()?.ok()?;
    name(&String::from_utf8_lossy(&output.stdout))
}

fn name(configuration: &str) -> Option<String> {
    let value = |key: &str| {
        let mut values = configuration.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        values.next().map(str::trim).filter(|value| *value != "none" && !value.is_empty())
    };
    value("proxyjump").map(by_jump).or_else(|| value("proxycommand").map(by_command))
}

pub(super) fn by_jump(jump: &str) -> String {
    let hosts = if jump.contains(',') { "jump hosts" } else { "jump host" };
    format!("{hosts} {jump}")
}

/// The first word says which program; the rest names the host and would keep equal failures apart.
pub(super) fn by_command(command: &str) -> String {
    format!("the proxy ({})", command.split_whitespace().find(|word| *word != "exec").unwrap_or(command))
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn the_way_is_read_from_what_ssh_would_do() {
        assert_eq!(name("user x\nproxyjump bastion\n").as_deref(), Some("jump host bastion"));
        assert_eq!(name("proxyjump a,b:2\n").as_deref(), Some("jump hosts a,b:2"));
        assert_eq!(name("proxycommand exec nc -X 5 box 22\n").as_deref(), Some("the proxy (nc)"));
        assert_eq!(name("proxyjump none\nproxycommand none\n"), None);
        assert_eq!(name("hostname box\n"), None);
    }
}
