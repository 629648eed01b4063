#!/bin/sh
# GUESS     A file with two names is a file and a hard link in a tar, and comes out as two names or as two copies; who cannot do links
#           leaves the second one out. compressing, for node, unpacks tar, tgz and zip, and makes links of symlinks.
# HAPPENS   The second name becomes an empty folder, exit 0, no word: bin/python3 is a folder, and so is each git-… that a package of
#           git has as a name of git's one program. What is not a file or a symlink is a folder. The names first packed are
#           whole, so which name is the folder hangs on the order of packing. From a zip a symlink becomes an executable
#           file that has in it where the link led: as a script, a command of that name. tar and tar-fs have both names.
# VERSIONS  compressing 2.1.3, of 2026, tar 7.5.23, tar-fs 3.1.3 (npm), GNU tar, zip 3.0
# SOURCE    compressing's lib/utils.js: makeUncompressFn, file, symlink, else a folder; POSIX, pax: typeflag 1. Seen by running
# NEEDS     node, npm, tar, Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . compressing@2.1.3 tar@7.5.23 tar-fs@3.1.3 \
    || { echo "not to be installed here" >&2; exit 77; }
apt-get -qq -o APT::Sandbox::User=root download zip=3.0-13 || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract zip_*.deb root
echo "compressing 2.1.3"

umask 022
mkdir -p release/bin
echo 'the interpreter' >release/bin/python3.11
chmod 755 release/bin/python3.11
ln release/bin/python3.11 release/bin/python3
ln -s python3 release/bin/python
(
    cd release
    tar -cf ../release.tar bin/python3.11 bin/python3 bin/python
    tar -cf ../other.tar bin/python bin/python3 bin/python3.11
    tar -czf ../release.tgz bin/python3.11 bin/python3 bin/python
    ../root/usr/bin/zip -q -y ../release.zip bin/python3.11 bin/python3 bin/python
)

cat >unpack.js <<'JS'
const { createReadStream, mkdirSync } = require('fs');
const compressing = require('compressing');

const [how, archive, out] = process.argv.slice(2);
const ways = {
  compressing: () => compressing[archive.split('.')[1]].uncompress(archive, out),
  tar: () => (mkdirSync(out), require('tar').x({ file: archive, cwd: out })),
  'tar-fs': () => new Promise((done, failed) =>
    createReadStream(archive).pipe(require('tar-fs').extract(out)).on('finish', done).on('error', failed)),
};
ways[how]();
JS
# Unpacks, and prints the kind, mode and, of files, bytes of what there is.
unpacks() {
    rm -rf out
    status=0
    node unpack.js "$1" "$2" out || status=$?
    have=$(find out/bin -mindepth 1 -printf '%f %y%m %s\n' | sed 's/ \(d[0-9]*\) [0-9]*$/ \1/' | LC_ALL=C sort | paste -s -d ,)
    echo "$1, $2: exit $status, $have"
}
{
    unpacks tar release.tar
    unpacks tar-fs release.tar
    for archive in release.tar other.tar release.tgz release.zip; do
        unpacks compressing "$archive"
    done
} >seen
cat seen
diff - seen <<'TOLD'
tar, release.tar: exit 0, python l777 7,python3 f755 16,python3.11 f755 16
tar-fs, release.tar: exit 0, python l777 7,python3 f755 16,python3.11 f755 16
compressing, release.tar: exit 0, python l777 7,python3 d755,python3.11 f755 16
compressing, other.tar: exit 0, python l777 7,python3 f755 16,python3.11 d755
compressing, release.tgz: exit 0, python l777 7,python3 d755,python3.11 f755 16
compressing, release.zip: exit 0, python f755 7,python3 f755 16,python3.11 f755 16
TOLD
