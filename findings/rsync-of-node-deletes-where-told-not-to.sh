#!/bin/sh
# GUESS     `rsync.set('delete', false)`, of the npm package rsync, leaves --delete out, as .delete(false), .flags({ delete: false })
#           and Rsync.build({ delete: false }) do; or else it is `--delete=false`, which rsync refuses.
# HAPPENS   It puts --delete in. A value that is false, 0, '' or undefined is taken for no value, and an option without a value
#           is a switch that is on: what only the other side has is gone, exit 0. .set('dry-run', false) is a dry run, and a
#           deploy that exits 0 and changes nothing. true is the one that does not work: --delete=true, exit 1. So
#           set('delete', options.clean) does the opposite of what it says, and a test of it with true shows an error.
# VERSIONS  rsync 0.6.1 (npm), rsync 3.5.0 (Debian 12)
# SOURCE    the package's README, set(option, value); rsync.js: `value || null`. Seen by running
# NEEDS     Debian 12's packages, node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in rsync=3.5.0+ds1-0+deb12u1 libpopt0=1.19+dfsg-1 libxxhash0=0.8.1-1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
if ldd root/usr/bin/rsync | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . rsync@0.6.1 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
root/usr/bin/rsync --version | head -n 1

cat >asks.js <<'NODE'
const fs = require('fs');
const Rsync = require('rsync');

const ways = {
  "set('delete', false)": (rsync) => rsync.set('delete', false),
  "set('delete', undefined)": (rsync) => rsync.set('delete', undefined),
  "set('delete', true)": (rsync) => rsync.set('delete', true),
  'delete(false)': (rsync) => rsync.delete(false),
  'flags({ delete: false })': (rsync) => rsync.flags({ delete: false }),
  'build({ delete: false })': () => Rsync.build({ delete: false }),
  "set('dry-run', false)": (rsync) => rsync.set('dry-run', false),
};
(async () => {
  for (const [name, way] of Object.entries(ways)) {
    fs.mkdirSync('here', { recursive: true });
    fs.mkdirSync('there', { recursive: true });
    fs.writeFileSync('here/release', 'new');
    fs.writeFileSync('there/data', 'of customers');
    const rsync = way(new Rsync()).set('archive').source('here/').destination('there').executable('root/usr/bin/rsync');
    const code = await new Promise((done) => rsync.execute((error, code) => done(code)));
    console.log(`${name}: ${rsync.args().slice(0, -2).join(' ')}, exit ${code}, there: ${fs.readdirSync('there').join(', ')}`);
    fs.rmSync('there', { recursive: true });
  }
})();
NODE
node asks.js >seen
cat seen
diff - seen <<'TOLD'
set('delete', false): --delete --archive, exit 0, there: release
set('delete', undefined): --delete --archive, exit 0, there: release
set('delete', true): --delete=true --archive, exit 1, there: data
delete(false): --archive, exit 0, there: data, release
flags({ delete: false }): --archive, exit 0, there: data, release
build({ delete: false }): --archive, exit 0, there: data, release
set('dry-run', false): --dry-run --archive, exit 0, there: data
TOLD
