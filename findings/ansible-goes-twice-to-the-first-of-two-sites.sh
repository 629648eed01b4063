#!/bin/sh
# GUESS     Two sites, each behind a bastion of its own, number their hosts alike: 10.0.0.5 is the first web server here and there. In the
#           inventory they are two hosts, each with its ProxyCommand and its HostKeyAlias, and with StrictHostKeyChecking=yes no other
#           host can answer for them. By Ansible's docs a connection is kept by "a unique hash".
# HAPPENS   The hash is of address, port and user, and 60 seconds long whoever has the same three goes over the connection that is there:
#           all that is for site B is done a second time at site A, rc=0, "CHANGED" for both, and which site it is depends on who was
#           first. No host key is looked at, as nobody connects. ssh's own ControlPath with %C, of which ssh_config(5) says that
#           "shared connections are uniquely identified", does so as well, with ProxyJump too. A control_path with
#           inventory_hostname in it, or %k for ssh, keeps them apart.
# VERSIONS  ansible-core 2.19.14 (PyPI, 2026), OpenSSH 9.2p1 (Debian 12). The code of ansible-core 2.21.5 is the same.
# SOURCE    ansible/plugins/connection/ssh.py: _create_control_path, and the docs of control_path there; ansible issue 76956;
#           ssh_config(5), ControlPath and TOKENS. Seen by running against two of sshd -i
# NEEDS     Debian 12's packages, python3 with venv, 3.11 or newer, PyPI, a user sshd where run as root. Exits 0: as told; 1: it behaves
#           otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
# Ends the connections that are kept.
end() {
    for control in "$work"/control/*; do
        [ ! -S "$control" ] || ssh -F none -O exit -o ControlPath="$control" any 2>/dev/null || :
    done
}
trap 'end; rm -rf "$work"' EXIT
cd "$work"
for package in openssh-client=1:9.2p1-2+deb12u10 openssh-server=1:9.2p1-2+deb12u10; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
python3 -m venv desk
desk/bin/pip install --quiet --disable-pip-version-check ansible-core==2.19.14 || { echo "not to be installed here" >&2; exit 77; }
PATH=$work/root/usr/bin:$work/desk/bin:$PATH
sshd=$work/root/usr/sbin/sshd
ssh -V 2>&1
ansible --version >version
head -n 1 version

# The web server of each site, which says where it is, behind what stands for the way over a bastion.
ssh-keygen -q -t ed25519 -N '' -C '' -f own
echo '[web]' >hosts
for site in a b; do
    ssh-keygen -q -t ed25519 -N '' -C '' -f "host-$site"
    printf '%s\n' "HostKey $work/host-$site" "AuthorizedKeysFile $work/own.pub" 'StrictModes no' 'PidFile none' 'UsePAM no' \
        'PasswordAuthentication no' 'KbdInteractiveAuthentication no' "SetEnv SITE=$site" >"server-$site"
    "$sshd" -t -f "$work/server-$site" || { echo "sshd is not to be run here" >&2; exit 77; }
    echo "web1-$site $(cat "host-$site.pub")" >>known
    cat >"config-$site" <<CONFIG
Host *
    HostName 10.0.0.5
    HostKeyAlias web1-$site
    User $(id -un)
    ProxyCommand $sshd -i -f $work/server-$site
    UserKnownHostsFile $work/known
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    BatchMode yes
    IdentityFile $work/own
    IdentityAgent none
CONFIG
    echo "web1-$site ansible_host=10.0.0.5 ansible_ssh_common_args='-F $work/config-$site'" >>hosts
done
mkdir home control
export HOME="$work/home" ANSIBLE_HOME="$work/home" ANSIBLE_SSH_CONTROL_PATH_DIR="$work/control" ANSIBLE_NOCOLOR=1 LC_ALL=C.UTF-8

# Has Ansible ask hosts where they are, one after the other.
asks() {
    # shellcheck disable=SC2016 # The variable is the one over there.
    ansible -i hosts -f 1 -m raw -a 'echo "at site $SITE"' "$@" 2>/dev/null \
        | sed -n 's/ | \(.*\) >>/: \1/p; s/^\(at site .*\)/    \1/p' | tr -d '\r'
}
# The same with ssh alone.
asks_ssh() {
    for site in a b; do
        # shellcheck disable=SC2016
        told=$(ssh -F "config-$site" -o ControlMaster=auto -o ControlPersist=60 -o ControlPath="$1" any 'echo "at site $SITE"')
        echo "web1-$site: $told"
    done
}
{
    echo 'Ansible, both:'
    asks web
    end
    echo 'Ansible, web1-b first:'
    asks web1-b
    asks web1-a
    end
    echo 'Ansible, control_path with inventory_hostname:'
    asks web -e "ansible_control_path='%(directory)s/{{ inventory_hostname }}'"
    end
    echo 'ssh, %C:'
    asks_ssh "$work/control/%C"
    end
    echo 'ssh, %C-%k:'
    asks_ssh "$work/control/%C-%k"
    end
    for jump in bastion-a bastion-b; do
        ssh -F none -T -G -J "$jump" -o ControlPath=/%C 10.0.0.5 | grep -i '^controlpath'
    done >paths
    echo "ways of ssh -J bastion-a and -J bastion-b to 10.0.0.5 by %C: $(sort -u paths | wc -l)"
} >seen
cat seen
diff - seen <<'TOLD'
Ansible, both:
web1-a: CHANGED | rc=0
    at site a
web1-b: CHANGED | rc=0
    at site a
Ansible, web1-b first:
web1-b: CHANGED | rc=0
    at site b
web1-a: CHANGED | rc=0
    at site b
Ansible, control_path with inventory_hostname:
web1-a: CHANGED | rc=0
    at site a
web1-b: CHANGED | rc=0
    at site b
ssh, %C:
web1-a: at site a
web1-b: at site a
ssh, %C-%k:
web1-a: at site a
web1-b: at site b
ways of ssh -J bastion-a and -J bastion-b to 10.0.0.5 by %C: 1
TOLD
