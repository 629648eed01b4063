//! What an inventory's variables say of how a host is reached: what is obeyed, what is told, and what is refused.

use std::collections::BTreeMap;

use super::words::words;
use crate::model::{Address, HostId, Jump, KeyFile, Login, Proxy, ProxyCommand};

/// Variables of a host or a group: names and what they are set to, where that is a text, a number or a truth value.
pub(super) type Variables = BTreeMap<String, String>;

/// Makes an address of a host's variables, and says of each that is not obeyed what does its work here.
///
/// # Errors
///
/// When one that would have to be obeyed cannot be.
pub(super) fn address(variables: &Variables) -> Result<(Address, Vec<String>), String> {
    let mut address = Address::default();
    let mut passed_over = Vec::new();
    // The longer names of old Ansibles hold where the others are not set.
    let value = |names: [&'static str; 2]| {
        let found = names.into_iter().find_map(|name| Some((name, variables.get(name)?.trim())));
        found.filter(|(_, value)| !value.is_empty())
    };
    if let Some((name, value)) = value(["ansible_host", "ansible_ssh_host"]) {
        address.host = Some(HostId::new(plain(name, value)?).map_err(|error| format!("{name}: {error}"))?);
    }
    if let Some((name, value)) = value(["ansible_port", "ansible_ssh_port"]) {
        address.port = Some(port_of(plain(name, value)?).map_err(|error| format!("{name}: {error}"))?);
    }
    if let Some((name, value)) = value(["ansible_user", "ansible_ssh_user"]) {
        address.user = Some(Login::new(plain(name, value)?).map_err(|error| format!("{name}: {error}"))?);
    }
    if let Some((name, value)) = value(["ansible_private_key_file", "ansible_ssh_private_key_file"]) {
        address.key = Some(KeyFile::new(plain(name, value)?).map_err(|error| format!("{name}: {error}"))?);
    }
    if let Some((name, value)) = value(["ansible_connection", "ansible_connection"]) {
        match plain(name, value)?.rsplit('.').next().unwrap_or_default() {
            "ssh" | "smart" | "paramiko" | "paramiko_ssh" | "openssh" => {}
            "local" => address.local = true,
            _ => {
                return Err(format!(
                    "{name}={value}: coalmine reaches hosts by ssh, and this machine by `local`: leave it out of the group"
                ));
            }
        }
    }
    for name in ["ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"] {
        if let Some(value) = variables.get(name).filter(|value| !value.trim().is_empty()) {
            arguments(name, plain(name, value)?, &mut address, &mut passed_over)?;
        }
    }
    for (name, instead) in [
        ("ansible_become", "target.become says whom commands run as"),
        ("ansible_become_user", "target.become says whom commands run as"),
        ("ansible_become_method", "target.become says whom commands run as"),
        ("ansible_password", "ssh logs in with keys"),
        ("ansible_ssh_pass", "ssh logs in with keys"),
        ("ansible_ssh_executable", "it is `ssh` of the PATH"),
        ("ansible_shell_type", "it is a POSIX sh"),
        ("ansible_shell_executable", "it is a POSIX sh"),
        ("ansible_host_key_checking", "ssh.host_keys says which keys are taken"),
        ("ansible_ssh_host_key_checking", "ssh.host_keys says which keys are taken"),
    ] {
        if variables
            .get(name)
            .is_some_and(|value| !matches!(&*value.to_lowercase(), "" | "false" | "no" | "off" | "0" | "sh"))
        {
            passed_over.push(format!("{name} is not obeyed: {instead}"));
        }
    }
    Ok((address, passed_over))
}

/// Tells whether a variable has a say in where a release goes.
pub(super) fn is_about_reach(name: &str) -> bool {
    matches!(
        name,
        "ansible_host"
            | "ansible_ssh_host"
            | "ansible_port"
            | "ansible_ssh_port"
            | "ansible_user"
            | "ansible_ssh_user"
            | "ansible_connection"
            | "ansible_private_key_file"
            | "ansible_ssh_private_key_file"
            | "ansible_ssh_args"
            | "ansible_ssh_common_args"
            | "ansible_ssh_extra_args"
    )
}

/// Refuses what only Ansible could work out.
fn plain<'a>(name: &str, value: &'a str) -> Result<&'a str, String> {
    if value.contains("{{") || value.contains("{%") {
        return Err(format!(
            "{name}={value:?} is a template, which only Ansible can fill in: make the group of what \
             `ansible-inventory --list` prints, or write it out"
        ));
    }
    Ok(value)
}

pub(super) fn port_of(text: &str) -> Result<u16, String> {
    text.parse().ok().filter(|&port| port > 0).ok_or_else(|| format!("{text:?} is not a port"))
}

/// Obeys the arguments of ssh that say where a host is and what stands between; those that only tune the connection are told.
fn arguments(name: &str, text: &str, address: &mut Address, passed_over: &mut Vec<String>) -> Result<(), String> {
    let words = words(text).map_err(|error| format!("{name}: {error}"))?;
    let mut words = words.iter().map(AsRef::as_ref).peekable();
    while let Some(word) = words.next() {
        let (flag, glued): (&str, &str) = word.split_at_checked(2).unwrap_or((word, ""));
        let mut argument =
            || if glued.is_empty() { words.next().unwrap_or_default().to_owned() } else { glued.to_owned() };
        match flag {
            "-J" => jump(name, &argument(), address)?,
            "-p" => set(name, "port", &argument(), address, passed_over)?,
            "-l" => set(name, "user", &argument(), address, passed_over)?,
            "-i" => set(name, "identityfile", &argument(), address, passed_over)?,
            "-o" => {
                let argument = argument();
                let (option, value) = option(&argument);
                set(name, &option, value, address, passed_over)?;
            }
            // They take an argument, which is no flag of its own.
            "-F" | "-S" | "-W" | "-L" | "-R" | "-D" | "-b" | "-B" | "-c" | "-E" | "-e" | "-I" | "-m" | "-O" | "-P"
            | "-Q" | "-w" => {
                let argument = argument();
                passed_over
                    .push(format!("{flag} {argument} of {name} is not obeyed: ssh.config says how ssh connects"));
            }
            // Compression, quietness and protocol are no matter of where.
            "-C" | "-q" | "-4" | "-6" | "-A" | "-a" | "-T" | "-t" | "-x" | "-X" | "-v" => {}
            _ => passed_over.push(format!("{word:?} of {name} is not obeyed: ssh.config says how ssh connects")),
        }
    }
    Ok(())
}

/// Splits `Name=value`, `Name value` and `Name = "value"`.
fn option(text: &str) -> (String, &str) {
    let text = text.trim();
    let end = text.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(text.len());
    let (name, value) = text.split_at_checked(end).unwrap_or((text, ""));
    let value = value.trim_start();
    let value = value.strip_prefix('=').unwrap_or(value).trim();
    let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    (name.to_ascii_lowercase(), unquoted.unwrap_or(value))
}

fn set(
    name: &str,
    option: &str,
    value: &str,
    address: &mut Address,
    passed_over: &mut Vec<String>,
) -> Result<(), String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{name}: {error}");
    match option {
        "proxyjump" => jump(name, value, address)?,
        "proxycommand" => {
            let proxy = Proxy::Command(ProxyCommand::new(value).map_err(|error| wrong(&error))?);
            address.proxy.get_or_insert(proxy);
        }
        "hostname" => {
            address.host.get_or_insert(HostId::new(value).map_err(|error| wrong(&error))?);
        }
        "port" => {
            address.port.get_or_insert(port_of(value).map_err(|error| wrong(&error))?);
        }
        "user" => {
            address.user.get_or_insert(Login::new(value).map_err(|error| wrong(&error))?);
        }
        "identityfile" => {
            address.key.get_or_insert(KeyFile::new(value).map_err(|error| wrong(&error))?);
        }
        "stricthostkeychecking" | "userknownhostsfile" | "globalknownhostsfile" => {
            passed_over.push(format!("{option} of {name} is not obeyed: ssh.host_keys says which keys are taken"));
        }
        // They tune a connection; coalmine has its own values, and none of them says where a host is.
        "controlmaster"
        | "controlpersist"
        | "controlpath"
        | "serveraliveinterval"
        | "serveralivecountmax"
        | "connecttimeout"
        | "connectionattempts"
        | "compression"
        | "loglevel"
        | "forwardagent"
        | "batchmode"
        | "tcpkeepalive"
        | "preferredauthentications"
        | "gssapiauthentication"
        | "identitiesonly"
        | "passwordauthentication"
        | "pubkeyauthentication"
        | "addkeystoagent" => {}
        _ => passed_over.push(format!("{option} of {name} is not obeyed: write it into ssh.config")),
    }
    Ok(())
}

fn jump(name: &str, value: &str, address: &mut Address) -> Result<(), String> {
    // ssh takes the first of what it finds, and what the variables say stands before it.
    address.proxy.get_or_insert(Proxy::Jump(Jump::new(value).map_err(|error| format!("{name}: {error}"))?));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Variables, address};
    use crate::model::Proxy;

    fn of(variables: &[(&str, &str)]) -> Result<(crate::model::Address, Vec<String>), String> {
        let variables: Variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        address(&variables)
    }

    #[test]
    fn what_says_where_a_host_is_is_obeyed() {
        let (found, told) = of(&[
            ("ansible_host", "192.0.2.7"),
            ("ansible_port", "2222"),
            ("ansible_user", "deploy"),
            ("ansible_ssh_private_key_file", "~/.ssh/id_lab"),
            ("ansible_ssh_common_args", "-o ProxyJump=me@bastion:22 -o ControlPersist=60s"),
            ("ansible_python_interpreter", "/usr/bin/python3"),
        ])
        .unwrap();
        assert_eq!((found.host.unwrap().as_str(), found.port), ("192.0.2.7", Some(2222)));
        assert_eq!((found.user.unwrap().as_str(), found.key.unwrap().as_str()), ("deploy", "~/.ssh/id_lab"));
        assert!(matches!(found.proxy, Some(Proxy::Jump(jump)) if jump.as_str() == "me@bastion:22"));
        assert!(told.is_empty() && !found.local, "{told:?}");
        for (arguments, proxy) in [
            ("-J bastion", "bastion"),
            ("-Jbastion", "bastion"),
            ("-oProxyJump=bastion", "bastion"),
            ("-o 'ProxyJump bastion'", "bastion"),
        ] {
            let (found, _) = of(&[("ansible_ssh_common_args", arguments)]).unwrap();
            assert!(
                matches!(&found.proxy, Some(Proxy::Jump(jump)) if jump.as_str() == proxy),
                "{arguments}: {found:?}"
            );
        }
        let (found, _) = of(&[("ansible_ssh_common_args", r#"-o ProxyCommand="ssh -W %h:%p -q me@bastion""#)]).unwrap();
        assert!(
            matches!(&found.proxy, Some(Proxy::Command(command)) if command.as_str() == "ssh -W %h:%p -q me@bastion"),
            "{found:?}"
        );
        assert!(of(&[("ansible_connection", "local")]).unwrap().0.local);
        assert!(of(&[("ansible_connection", "ansible.builtin.ssh")]).unwrap().0.is_empty());
    }

    #[test]
    fn what_is_not_obeyed_is_told_and_what_would_have_to_be_is_refused() {
        let (_, told) = of(&[
            ("ansible_become", "true"),
            ("ansible_become_method", ""),
            ("ansible_password", "x"),
            ("ansible_ssh_extra_args", "-o StrictHostKeyChecking=no -F /etc/x -o Ciphers=aes"),
        ])
        .unwrap();
        let text = told.join("\n");
        for part in ["ansible_become is", "target.become", "ansible_password", "ssh.host_keys", "-F /etc/x", "ciphers"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(told.len(), 5, "{text}");
        for (name, value, part) in [
            ("ansible_connection", "docker", "leave it out of the group"),
            ("ansible_host", "{{ ip }}", "template"),
            ("ansible_host", "-oProxyCommand=id", "ansible_host"),
            ("ansible_port", "99999", "not a port"),
            ("ansible_user", "a b", "name of a user"),
            ("ansible_ssh_common_args", "-o 'ProxyJump=-x'", "jump over"),
        ] {
            let error = of(&[(name, value)]).unwrap_err();
            assert!(error.contains(part) && error.contains(name), "{error}");
        }
    }
}
