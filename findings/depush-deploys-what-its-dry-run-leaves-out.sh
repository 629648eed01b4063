#!/bin/sh
# GUESS     depush takes a folder to {prefix}/{version}/ on a host, and --dry-run shows what it would take. What is not to go is in
#           .depushignore, "using the same syntax as .gitignore". One release is the same, whichever machine it is deployed from.
# HAPPENS   Where rsync is installed, depush runs it, and gives it that file as --exclude-from: !conf/keep.conf does nothing there, so the
#           one file that was to be kept is left out, and .git, which the dry run leaves out as it is never to go, is taken along with
#           its whole history. Where rsync is not installed, or a password is given, it is as in the dry run, but nothing is executable
#           and a link to a folder is left out. So the image of a CI that has rsync or has none makes the difference, each deploys
#           over the other, and takes away what it does not know. Exit 0 each time.
# VERSIONS  depush 0.4.3 (PyPI, 2026), OpenSSH 9.2p1 (Debian 12), rsync of the machine
# SOURCE    depush.py: _deploy_ssh_rsync, _deploy_ssh_paramiko, collect_files; its README on .depushignore, and nothing in it of rsync;
#           rsync(1), FILTER RULES: "!" alone clears a list
# NEEDS     Debian 12's packages, python3 with venv, PyPI, rsync, a user sshd where run as root. Exits 0: as told; 1: it behaves
#           otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :; rm -rf "$work"' EXIT
cd "$work"
rsync=$(command -v rsync) || { echo "no rsync here" >&2; exit 77; }
for package in openssh-client=1:9.2p1-2+deb12u10 openssh-server=1:9.2p1-2+deb12u10 openssh-sftp-server=1:9.2p1-2+deb12u10; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
python3 -m venv desk
desk/bin/pip install --quiet --disable-pip-version-check depush==0.4.3 || { echo "not to be installed here" >&2; exit 77; }
sshd=$work/root/usr/sbin/sshd
root/usr/bin/ssh -V 2>&1
echo "depush 0.4.3, $("$rsync" --version | sed -n '1s/ *protocol.*//p')"

# A server on loopback that lets in whoever runs this, by a key.
root/usr/bin/ssh-keygen -q -t ed25519 -N '' -C '' -f host
root/usr/bin/ssh-keygen -q -t ed25519 -N '' -C '' -f own
port=$(python3 -c 'import socket
print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
printf '%s\n' "HostKey $work/host" "AuthorizedKeysFile $work/own.pub" 'StrictModes no' 'PidFile none' 'UsePAM no' 'LogLevel QUIET' \
    "Port $port" 'ListenAddress 127.0.0.1' 'Subsystem sftp internal-sftp' >server
"$sshd" -t -f server || { echo "sshd is not to be run here" >&2; exit 77; }
"$sshd" -D -f "$work/server" &
server=$!

# Two desks: one has rsync, and one has none.
mkdir with without
cat >with/ssh <<SSH
#!/bin/sh
exec $work/root/usr/bin/ssh -F none -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o LogLevel=ERROR "\$@"
SSH
chmod +x with/ssh
ln -s "$rsync" with/rsync

mkdir -p app/.git app/conf app/shared there/app
echo 42 >app/version
printf '#!/bin/sh\n' >app/tool
chmod +x app/tool
echo 'all that ever was' >app/.git/history
echo 1 >app/conf/keep.conf
echo 2 >app/conf/desk.conf
echo 3 >app/shared/data
ln -s shared app/link
printf '%s\n' 'conf/*' '!conf/keep.conf' >.depushignore

# Deploys from a desk, and prints what is at the host.
deploys() {
    name=$1
    shift
    status=0
    PATH=$work/$1 desk/bin/depush --target ssh --prefix app --codebase-dir app --ssh-host 127.0.0.1 --ssh-port "$port" \
        --ssh-user "$(id -un)" --ssh-key-file "$work/own" --ssh-deploy-root "$work/there" ${2:+"$2"} >said 2>&1 || status=$?
    echo "$name: exit $status"
    if [ "${2:-}" ]; then
        sed -n 's|^ *\[dry-run\] .*there/app/42/\(.\)|    \1|p' said
    else
        find there/app/42 ! -type d -printf '    %P %y\n' | sed 's/ f$//; s/ l$/, a link/' | sort
        echo "    the tool is $([ -x there/app/42/tool ] && echo executable || echo 'not executable')"
    fi
}
{
    deploys 'a dry run' with --dry-run
    deploys 'with rsync' with
    deploys 'over it without rsync' without
    rm -r there/app/42
    deploys 'without rsync alone' without
} >seen
cat seen
diff - seen <<'TOLD'
a dry run: exit 0
    conf/keep.conf
    shared/data
    tool
    version
with rsync: exit 0
    .git/history
    link, a link
    shared/data
    tool
    version
    the tool is executable
over it without rsync: exit 0
    conf/keep.conf
    link, a link
    shared/data
    tool
    version
    the tool is executable
without rsync alone: exit 0
    conf/keep.conf
    shared/data
    tool
    version
    the tool is not executable
TOLD
