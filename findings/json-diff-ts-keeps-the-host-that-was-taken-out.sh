#!/bin/sh
# GUESS     json-diff-ts's atomizeChangeset makes a list of single changes of a changeset, to be stored or looked through, and
#           unatomizeChangeset makes the changeset of it again. All of them applied is as the changeset itself applied.
# HAPPENS   A wave from which two of three hosts are taken out is left with two: the last goes to the first place, and then places
#           are taken out one by one while the others move up, so [web1, web2, web3] becomes [web3, web3]. And a change below a
#           key with a dot, as hosts' names and versions have, goes to the top: web1.example.org stays at the version that
#           it had, and beside the hosts there is a new key, version. Nothing is thrown. Applied as it came out of diff(), the
#           same changeset is right, so a test of diff() and applyChangeset shows nothing. (One level lower it throws.)
# VERSIONS  json-diff-ts 4.10.4 (npm)
# SOURCE    its README, atomizeChangeset and unatomizeChangeset: "and back"; dist/index.js: unatomizeChangeset, removeKey
# NEEDS     node 18 or newer, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" json-diff-ts@4.10.4 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }

cat >apply.mjs <<'JS'
import { applyChangeset, atomizeChangeset, diff, unatomizeChangeset } from "json-diff-ts";

const cases = [
    [{ wave: ["web1", "web2", "web3"] }, { wave: ["web3"] }],
    [{ wave: ["web1", "web2"] }, { wave: ["web1", "web2", "web3"] }],
    [{ "web1.example.org": { version: "1" } }, { "web1.example.org": { version: "2" } }],
    [{ web1: { version: "1" } }, { web1: { version: "2" } }],
];
for (const [old, wanted] of cases) {
    const changes = diff(old, wanted);
    const atoms = atomizeChangeset(changes);
    console.log("wanted:", JSON.stringify(wanted));
    console.log("  as it is:", JSON.stringify(applyChangeset(structuredClone(old), changes)));
    console.log("  by", atoms.map((atom) => `${atom.type} ${atom.path}`).join(", "));
    console.log("  by these:", JSON.stringify(applyChangeset(structuredClone(old), unatomizeChangeset(atoms))));
}
JS
node apply.mjs >seen
cat seen
diff - seen <<'TOLD'
wanted: {"wave":["web3"]}
  as it is: {"wave":["web3"]}
  by UPDATE $.wave[0], REMOVE $.wave[1], REMOVE $.wave[2]
  by these: {"wave":["web3","web3"]}
wanted: {"wave":["web1","web2","web3"]}
  as it is: {"wave":["web1","web2","web3"]}
  by ADD $.wave[2]
  by these: {"wave":["web1","web2","web3"]}
wanted: {"web1.example.org":{"version":"2"}}
  as it is: {"web1.example.org":{"version":"2"}}
  by UPDATE $[web1.example.org].version
  by these: {"web1.example.org":{"version":"1"},"version":"2"}
wanted: {"web1":{"version":"2"}}
  as it is: {"web1":{"version":"2"}}
  by UPDATE $.web1.version
  by these: {"web1":{"version":"2"}}
TOLD
