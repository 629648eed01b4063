#!/bin/sh
# GUESS     putDirectory of npm's node-ssh, recursive, and uploadDir of node-scp put a folder on the other host: what lies in it
#           arrives, as with scp -r and sftp's put -r. What SFTP does not do by itself are modes.
# HAPPENS   node-ssh leaves out each file and folder whose name begins with a dot: .env, .htaccess, .well-known with all that is in
#           it. node-scp has them, and leaves out each link, be it to a file or to a folder. Neither says a word: node-ssh
#           answers true, "all were transferred", and tick, which tells of each file, is never called for what was left out,
#           so nothing failed. `validate: () => true` has node-ssh take all; node-scp has no such option.
# VERSIONS  node-ssh 13.2.1, with sb-scandir 3.1.1, node-scp 0.0.25 (npm); OpenSSH 9.2p1 (Debian 12)
# SOURCE    sb-scandir: validate, where none is given; node-ssh's README has one of that kind as an example. node-scp: uploadDir
#           asks isFile and isDirectory of what readdir gave. Seen by running against sshd -i
# NEEDS     Debian 12's packages, node, npm, a user sshd and /run/sshd where run as root. Exits 0: as told; 1: it behaves
#           otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in openssh-client openssh-server openssh-sftp-server; do
    apt-get -qq -o APT::Sandbox::User=root download "$package=1:9.2p1-2+deb12u10" \
        || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
npm install --silent --no-audit --no-fund --omit=optional --prefix . node-ssh@13.2.1 sb-scandir@3.1.1 node-scp@0.0.25 \
    || { echo "not to be installed here" >&2; exit 77; }

# A server that lets in whoever runs this, by a key, and is started by the client itself on a pipe.
root/usr/bin/ssh-keygen -q -t ed25519 -N '' -C '' -f host
root/usr/bin/ssh-keygen -q -t ed25519 -N '' -C '' -f own
printf '%s\n' "HostKey $work/host" "AuthorizedKeysFile $work/own.pub" 'StrictModes no' 'PidFile none' 'UsePAM no' \
    'PasswordAuthentication no' 'KbdInteractiveAuthentication no' 'Subsystem sftp internal-sftp' >server
"$work/root/usr/sbin/sshd" -t -f "$work/server" || { echo "sshd is not to be run here" >&2; exit 77; }

mkdir -p tree/bin tree/conf.d tree/.well-known
echo 'the tool' >tree/bin/tool
ln -s tool tree/bin/alias
echo 'settings' >tree/conf.d/site
ln -s conf.d tree/conf
echo 'MODE=live' >tree/.env
echo 'contact' >tree/.well-known/security.txt

cat >put.js <<'JS'
const { spawn } = require('child_process');
const { readFileSync, readdirSync, statSync } = require('fs');
const { userInfo } = require('os');
const { join } = require('path');
const { Duplex } = require('stream');
const { NodeSSH } = require('node-ssh');
const { Client } = require('node-scp');

const work = process.cwd();
const login = () => {
  const server = spawn(join(work, 'root/usr/sbin/sshd'), ['-i', '-f', join(work, 'server')], { stdio: ['pipe', 'pipe', 'ignore'] });
  const sock = Duplex.from({ readable: server.stdout, writable: server.stdin });
  return { sock, username: userInfo().username, privateKey: readFileSync('own', 'utf8') };
};
const files = (folder, before = '') =>
  readdirSync(folder).flatMap(name =>
    statSync(join(folder, name)).isDirectory() ? files(join(folder, name), `${before}${name}/`) : [`${before}${name}`]);
const arrived = (what, answer, folder) => console.log(`${what}: ${answer}, ${files(folder).sort().join(' ')}`);

(async () => {
  for (const [what, options] of [['node-ssh', {}], ['node-ssh, validate', { validate: () => true }]]) {
    const client = new NodeSSH();
    await client.connect(login());
    let failed = 0;
    const answer = await client.putDirectory('tree', join(work, what),
      { recursive: true, tick: (from, to, error) => { failed += error ? 1 : 0; }, ...options });
    arrived(what, `${answer} and ${failed} failed`, what);
    client.dispose();
  }
  const client = await Client(login());
  await client.uploadDir('tree', join(work, 'node-scp'));
  arrived('node-scp', 'done', 'node-scp');
  process.exit(0);
})();
JS
echo "there are: $(find -L tree -type f | cut -d / -f 2- | LC_ALL=C sort | paste -s -d ' ')" >seen
node put.js >>seen
cat seen
diff - seen <<'TOLD'
there are: .env .well-known/security.txt bin/alias bin/tool conf.d/site conf/site
node-ssh: true and 0 failed, bin/alias bin/tool conf.d/site conf/site
node-ssh, validate: true and 0 failed, .env .well-known/security.txt bin/alias bin/tool conf.d/site conf/site
node-scp: done, .env .well-known/security.txt bin/tool conf.d/site
TOLD
