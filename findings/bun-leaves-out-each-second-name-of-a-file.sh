#!/bin/sh
# GUESS     Bun.Archive of 2026 unpacks a tar: "use .extract() to write all files to a directory". It tells how many entries it has
#           extracted, and as many names are there as tar has.
# HAPPENS   Of a file with two names, a hard link, the one that tar met first is there and the other is not, with no error; and it is among
#           the entries that are counted. Which of the two tar meets first is for the file system to say: of bin/tool and
#           bin/tool-2 it can be the name that all call which is lost. An older file that has the lost name in the
#           folder stays, so that a release unpacked over another is part of both. files() does not list it either.
#           Releases have such names: git's own programs, busybox's, a store in which alike files were made one.
# VERSIONS  Bun 1.4.5 (npm), tar of the machine
# SOURCE    bun-types 1.4.5: docs/runtime/archive.mdx, extract, files; bun.d.ts: "the number of entries extracted"
# NEEDS     node, npm, x86-64, GNU tar. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @oven/bun-linux-x64@1.4.5 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
bun=$work/node_modules/@oven/bun-linux-x64/bin/bun
version=$("$bun" --version) || { echo "no Bun for this machine" >&2; exit 77; }
echo "Bun $version, $(tar --version | head -n 1)"

mkdir -p 2/bin old/2/bin
echo 'of 2' >2/bin/tool
ln 2/bin/tool 2/bin/tool-2
ln -s tool 2/bin/link
echo 2 >2/VERSION
tar --sort=name -czf 2.tar.gz 2
echo 'of 1' >old/2/bin/tool-2
cat >unpacks.js <<'BUN'
const archive = new Bun.Archive(await Bun.file('2.tar.gz').bytes());
console.log(`extracted: ${await archive.extract('new')} entries`);
console.log(`extracted over another: ${await archive.extract('old')} entries`);
console.log(`files(): ${[...(await archive.files()).keys()].sort().join(' ')}`);
BUN
mkdir tar
tar -xzf 2.tar.gz -C tar
{
    "$bun" unpacks.js
    for folder in tar new old; do
        echo "$folder: $(find "$folder"/2/* | wc -l) names; $(cd "$folder/2/bin" && grep -s . link tool tool-2 | paste -s -d ,)"
    done
} >seen
cat seen
diff - seen <<'TOLD'
extracted: 6 entries
extracted over another: 6 entries
files(): 2/VERSION 2/bin/tool
tar: 5 names; link:of 2,tool:of 2,tool-2:of 2
new: 4 names; link:of 2,tool:of 2
old: 5 names; link:of 2,tool:of 2,tool-2:of 1
TOLD
