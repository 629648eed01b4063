#!/bin/sh
# GUESS     What git archive and GNU tar write, a reader of tar for each JavaScript runtime reads: it has a name for each of GNU's,
#           Solaris' and POSIX' kinds of entry, and modern-tar, which is as small, reads it all.
# HAPPENS   nanotar does not look at ustar's prefix, where git archive and `tar --format=ustar` put the folders of a name over 100
#           bytes: releases/[...]/bin/tool is given as tool, and so is the tool of another deep folder. The long name of the
#           next entry, which it does know, it takes from a link's long target as well: the link current is named as what
#           it points to, and GNU's archive has that name twice, once a link and once the file. Where an archive bears a
#           label (`tar --label`), that is all it finds. No error is raised.
# VERSIONS  nanotar 0.3.0, modern-tar 0.8.6 (npm); git, GNU tar
# SOURCE    src/parse.ts: parseTar; POSIX, pax: the ustar format's prefix; tar(info), of the label
# NEEDS     node, npm, git, GNU tar. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . nanotar@0.3.0 modern-tar@0.8.6 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
git --version
tar --version | head -n 1

deep=releases/2026.11.29/$(printf 'component/%.0s' 1 2 3 4 5 6 7 8)
mkdir -p tree/"$deep"bin tree/"$deep"old/bin
echo 'the tool' >tree/"$deep"bin/tool
echo 'the tool before' >tree/"$deep"old/bin/tool
ln -s "$deep"bin/tool tree/current
git -C tree init -q
git -C tree add -A
git -C tree -c user.name=a -c user.email=a@b.example commit -q --message=first
git -C tree archive --output="$work"/git.tar HEAD
(cd tree && tar --format=ustar -cf ../ustar.tar releases && tar --format=gnu -cf ../gnu.tar current releases)
(cd tree && tar --label=2026.11.29 -cf ../label.tar releases)

cat >list.mjs <<'NODE'
import { readFileSync } from 'node:fs';
import { parseTar } from 'nanotar';
import { unpackTar } from 'modern-tar';

const short = (name) => name.replace(/releases.*component/, '[...]');
const told = (entries) => entries.filter(([, type]) => !type.startsWith('dir')).map(([name, type]) => `${short(name)} (${type})`);
for (const archive of process.argv.slice(2)) {
  const bytes = readFileSync(archive);
  console.log(`${archive}\n    nanotar: ${told(parseTar(bytes).map(({ name, type }) => [name, type])).join(', ')}`);
  const others = await unpackTar(bytes);
  console.log(`    modern-tar: ${told(others.map(({ header }) => [header.name, header.type])).join(', ')}`);
}
NODE
node list.mjs git.tar ustar.tar gnu.tar label.tar >seen
cat seen
diff - seen <<'TOLD'
git.tar
    nanotar: [...]/bin/tool (symbolicLink), tool (file), tool (file)
    modern-tar: current (symlink), [...]/bin/tool (file), [...]/old/bin/tool (file)
ustar.tar
    nanotar: tool (file), tool (file)
    modern-tar: [...]/old/bin/tool (file), [...]/bin/tool (file)
gnu.tar
    nanotar: [...]/bin/tool (symbolicLink), [...]/old/bin/tool (file), [...]/bin/tool (file)
    modern-tar: current (symlink), [...]/old/bin/tool (file), [...]/bin/tool (file)
label.tar
    nanotar: 2026.11.29 (solarisVolumeLabel)
    modern-tar: 2026.11.29 (file), [...]/old/bin/tool (file), [...]/bin/tool (file)
TOLD
