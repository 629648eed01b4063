#!/bin/sh
# GUESS     x-release-please-version behind a line of compose.yml or of an inventory has the version on that line made the new one.
#           Of itself it says that it replaces "a semver-looking string on that line".
# HAPPENS   It takes the first three numbers with dots that it meets, and the first only. Of 10.0.0.5:5000/tool:1.4.2 it makes
#           1.5.0.5:5000/tool:1.4.2: the image of before, from a registry whose address is the version. In a block the
#           same is done to each line. Of .../v1.4.2/tool-1.4.2.tar.gz the folder alone is new. What stands behind a hyphen
#           is taken for a candidate's name, up to the next hyphen: tool-1.4.2-linux.tar.gz becomes tool-1.5.0, and
#           tool_1.4.2-1_amd64.deb tool_1.5.0. x-release-please-major makes registry:1 of registry:5000. No word of it in the log.
# VERSIONS  release-please 17.11.2 (npm, 2026)
# SOURCE    src/updaters/generic.ts: the comment of Generic; VERSION_REGEX, without a border before or behind, in line.replace
# NEEDS     node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . release-please@17.11.2 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
echo "release-please 17.11.2"

cat >update.js <<'NODE'
const { Generic } = require('release-please/build/src/updaters/generic');
const { Version } = require('release-please/build/src/version');

// What a file of `extra-files` without a type of its own is updated by.
const updater = new Generic({ version: Version.parse('1.5.0') });
const lines = [
  'image: registry:5000/tool:1.4.2 # x-release-please-version',
  'image: 10.0.0.5:5000/tool:1.4.2 # x-release-please-version',
  'url: https://example.org/v1.4.2/tool-1.4.2.tar.gz # x-release-please-version',
  'file: tool-1.4.2.tar.gz # x-release-please-version',
  'file: tool-1.4.2-linux.tar.gz # x-release-please-version',
  'file: tool_1.4.2-1_amd64.deb # x-release-please-version',
  'image: registry:5000/tool:1 # x-release-please-major',
];
for (const line of lines) {
  console.log(`${line.split(' #')[0]}\n    ${updater.updateContent(line).split(' #')[0]}`);
}
const block = ['# x-release-please-start-version', 'canary ansible_host=10.0.0.5', 'tool_version=1.4.2', '# x-release-please-end'];
console.log(`${block.slice(1, 3).join(', ')}\n    ${updater.updateContent(block.join('\n')).split('\n').slice(1, 3).join(', ')}`);
NODE
node update.js >seen
cat seen
diff - seen <<'TOLD'
image: registry:5000/tool:1.4.2
    image: registry:5000/tool:1.5.0
image: 10.0.0.5:5000/tool:1.4.2
    image: 1.5.0.5:5000/tool:1.4.2
url: https://example.org/v1.4.2/tool-1.4.2.tar.gz
    url: https://example.org/v1.5.0/tool-1.4.2.tar.gz
file: tool-1.4.2.tar.gz
    file: tool-1.5.0.tar.gz
file: tool-1.4.2-linux.tar.gz
    file: tool-1.5.0
file: tool_1.4.2-1_amd64.deb
    file: tool_1.5.0
image: registry:5000/tool:1
    image: registry:1/tool:1
canary ansible_host=10.0.0.5, tool_version=1.4.2
    canary ansible_host=1.5.0.5, tool_version=1.5.0
TOLD
