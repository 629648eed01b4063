#!/bin/sh
# GUESS     rsync({ src, dest, delete: true, args: ['--exclude', '.git', '--exclude', 'logs'] }) hands both options on: rsyncwrapper's README
#           has args for "additional arbitrary rsync command line options", and says to handcraft the command in it.
# HAPPENS   Each word is handed on once: the second --exclude is gone, and logs, now the last word, is where rsync writes to. The
#           release and all that srv has go into the folder logs here, and what logs had is deleted; srv stays as it
#           was. Exit 0, and the callback has no error. So it is with each option of two words that is given twice.
#           With --exclude=logs, in one word, all is well, and so with one --exclude: the second, which somebody adds years
#           later, does it. With a host, rsync refuses, as only one side of it is far.
# VERSIONS  rsyncwrapper 3.1.0 (npm), rsync 3.5.0 (Debian 12)
# SOURCE    lib/rsyncwrapper.js: args = [...new Set(args)]; the package's README, args
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
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . rsyncwrapper@3.1.0 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
PATH=$work/root/usr/bin:$PATH
rsync --version | head -n 1

cat >deploy.js <<'NODE'
const rsync = require('rsyncwrapper');

rsync({ src: 'release/', dest: 'srv/', recursive: true, delete: true, args: JSON.parse(process.argv[2]) }, (error, out, words, command) => {
  console.log(`${command}: ${error ? error.message : 'no error'}`);
});
NODE
# Deploys with arguments, and prints what each folder has then.
deploys() {
    rm -rf release srv logs
    mkdir -p release/.git srv logs
    echo 2.0.1 >release/version
    echo ref >release/.git/HEAD
    echo 1.9 >srv/version
    echo old >srv/module
    echo all >logs/last-year
    node deploy.js "$1"
    for folder in srv logs; do
        echo "    $folder: $(cd "$folder" && grep -rH . -- .git * 2>/dev/null | paste -s -d ' ')"
    done
}
{
    deploys '["--exclude=.git", "--exclude=logs"]'
    deploys '["--exclude", ".git"]'
    deploys '["--exclude", ".git", "--exclude", "logs"]'
} >seen
cat seen
diff - seen <<'TOLD'
rsync release/ srv/ --recursive --delete --exclude=.git --exclude=logs: no error
    srv: version:2.0.1
    logs: last-year:all
rsync release/ srv/ --recursive --delete --exclude .git: no error
    srv: version:2.0.1
    logs: last-year:all
rsync release/ srv/ --recursive --delete --exclude .git logs: no error
    srv: module:old version:1.9
    logs: module:old version:2.0.1
TOLD
