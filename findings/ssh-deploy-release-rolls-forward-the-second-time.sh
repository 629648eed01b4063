#!/bin/sh
# GUESS     rollbackToPreviousRelease goes one release back. 3 is bad: back to 2. 2 is bad as well: back to 1, by the same call; or it
#           says that it goes no further.
# HAPPENS   The second call makes 3 live again, exit 0 and all lines green, the third 2 once more, and 1 is never reached. What is gone
#           back to gets a new name, …_rollback-to_2, which is the newest of all, and the release before is the second in the list
#           by name: that is the one which was left. The list is to leave out what was rolled back, by the word
#           "rollbacked", which no folder is ever called. So who hits the button once more, as the site is still broken, has
#           the first of the broken releases. By its new name the release also lies in another place than it was built for.
# VERSIONS  ssh-deploy-release 4.0.1 (npm); OpenSSH 9.2p1 (Debian 12)
# SOURCE    dist/Remote.js: getPenultimateRelease; dist/ssh-deploy-release.js: renamePenultimateReleaseTask. Seen by running
#           against sshd -i
# NEEDS     Debian 12's packages, node, npm, a user sshd and /run/sshd where run as root. Exits 0: as told; 1: it behaves
#           otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in openssh-client openssh-server; do
    apt-get -qq -o APT::Sandbox::User=root download "$package=1:9.2p1-2+deb12u10" \
        || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
npm install --silent --no-audit --no-fund --omit=optional --ignore-scripts --prefix . ssh-deploy-release@4.0.1 \
    || { echo "not to be installed here" >&2; exit 77; }
echo "ssh-deploy-release 4.0.1"

# A server that lets in whoever runs this, by a key, and is started by the client itself on a pipe.
root/usr/bin/ssh-keygen -q -t ed25519 -N '' -C '' -f host
root/usr/bin/ssh-keygen -q -t ed25519 -N '' -C '' -f own
printf '%s\n' "HostKey $work/host" "AuthorizedKeysFile $work/own.pub" 'StrictModes no' 'PidFile none' 'UsePAM no' \
    'PasswordAuthentication no' 'KbdInteractiveAuthentication no' 'Subsystem sftp internal-sftp' >server
"$work/root/usr/sbin/sshd" -t -f "$work/server" || { echo "sshd is not to be run here" >&2; exit 77; }

cat >deploy.js <<'JS'
const { spawn } = require('child_process');
const { readFileSync } = require('fs');
const { userInfo } = require('os');
const { join } = require('path');
const { Duplex } = require('stream');
const Application = require('ssh-deploy-release');

const [what, tag] = process.argv.slice(2);
const work = process.cwd();
const server = spawn(join(work, 'root/usr/sbin/sshd'), ['-i', '-f', join(work, 'server')], { stdio: ['pipe', 'pipe', 'ignore'] });
const application = new Application({
  sock: Duplex.from({ readable: server.stdout, writable: server.stdin }),
  host: 'web1',
  username: userInfo().username,
  privateKey: readFileSync('own', 'utf8'),
  localPath: 'local',
  deployPath: join(work, 'srv'),
  tag,
});
application[what](() => process.exit(0));
JS
mkdir local srv

# Deploys or rolls back under the tag given, as the times would make them, and prints what is live.
calls() {
    status=0
    node deploy.js "$1" "$2" >words 2>&1 || status=$?
    echo "$1 $2: exit $status, live $(cat srv/www/version)"
}
{
    for release in 1 2 3; do
        echo "$release" >local/version
        calls deployRelease "2026-01-0$release"
    done
    for day in 1 2 3; do
        calls rollbackToPreviousRelease "2026-02-0$day"
    done
} >seen
cat seen
diff - seen <<'TOLD' || { cat words; exit 1; }
deployRelease 2026-01-01: exit 0, live 1
deployRelease 2026-01-02: exit 0, live 2
deployRelease 2026-01-03: exit 0, live 3
rollbackToPreviousRelease 2026-02-01: exit 0, live 2
rollbackToPreviousRelease 2026-02-02: exit 0, live 3
rollbackToPreviousRelease 2026-02-03: exit 0, live 2
TOLD
