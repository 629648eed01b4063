#!/bin/sh
# GUESS     What npm pack puts into a package is there after npm install of it. A tool that is shipped with its dependencies in it,
#           bundleDependencies, runs at home as it runs on the hosts; with what they were installed is of no matter.
# HAPPENS   pnpm links equal files of its store, so where two dependencies have a file in common, a licence or an index.js of one line, it
#           is one file with two names. npm pack writes the second name as a hard link, and npm install leaves out each
#           entry that is a link: the second dependency has no index.js, "Cannot find module" on every host, and nothing was said by
#           either, exit 0. pnpm and Bun leave it out as well. tar has both names, so a look into the package shows nothing.
#           A package that pnpm itself packs has them all. What made one file of equal ones in the tree before, as rdfind or
#           jdupes do, does the same.
# VERSIONS  npm 11.21.2, pnpm 12.21.0, Bun 1.4.5 (npm)
# SOURCE    package.json(5): bundleDependencies, "bundled when publishing the package". pacote, lib/fetcher.js: a filter of entries whose type
#           ends in Link; pnpm's docs: packageImportMethod
# NEEDS     node, npm, tar, x86-64, a file system with hard links. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed
#           here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . npm@11.21.2 pnpm@12.21.0 @oven/bun-linux-x64@1.4.5 \
    >/dev/null || { echo "not to be installed here" >&2; exit 77; }
export HOME="$work" XDG_CACHE_HOME="$work/cache" XDG_DATA_HOME="$work/data" CI=1 npm_config_update_notifier=false
npm() { node "$work/node_modules/npm/bin/npm-cli.js" --silent --no-audit --no-fund "$@"; }
pnpm() { "$work/node_modules/@pnpm/exe.linux-x64/pnpm" "$@"; }
bun() { "$work/node_modules/@oven/bun-linux-x64/bin/bun" "$@"; }
{ pnpm --version && bun --version; } >/dev/null || { echo "not to be run here" >&2; exit 77; }
echo "npm $(npm --version), pnpm $(pnpm --version), Bun $(bun --version)"

# Two dependencies, of which both have the same index.js, and a tool that has both in it.
for name in one two; do
    mkdir -p "$name/package"
    echo "module.exports = require('./package.json').name;" >"$name/package/index.js"
    echo "{\"name\": \"$name\", \"version\": \"1.0.0\"}" >"$name/package/package.json"
    tar -czf "$name.tgz" -C "$name" package
done
mkdir tool
cat >tool/package.json <<'JSON'
{
  "name": "tool",
  "version": "1.0.0",
  "dependencies": { "one": "file:../one.tgz", "two": "file:../two.tgz" },
  "bundleDependencies": true
}
JSON
echo "console.log('runs with', require('one'), 'and', require('two'));" >tool/index.js
printf 'nodeLinker: hoisted\npackageImportMethod: hardlink\n' >tool/pnpm-workspace.yaml
# Installs the dependencies by one, and packs the tool by another.
pack() {
    rm -rf tool/node_modules tool/*lock* tool.tgz
    (cd tool && "$1" install && "$2" pack) >words 2>&1 || { cat words; exit 1; }
    mv tool/tool-1.0.0.tgz tool.tgz
    echo "dependencies by $1, packed by $2: at home it $(node tool), index.js of $(tar -tf tool.tgz | grep -c '/node_modules/.*index.js')"
}
# Installs the tool by one, and prints what it says.
installed() {
    rm -rf host
    mkdir host
    echo '{}' >host/package.json
    status=0
    (cd host && "$1" add "$work/tool.tgz") >words 2>&1 || status=$?
    said=$(node host/node_modules/tool 2>&1 || :)
    case $said in *'Cannot find module'*) said='Cannot find module' ;; esac
    echo "  by $1: exit $status, $said"
}
{
    pack pnpm npm
    installed npm
    installed pnpm
    installed bun
    pack pnpm pnpm
    installed npm
    pack npm npm
    installed npm
} >seen
cat seen
diff - seen <<'TOLD'
dependencies by pnpm, packed by npm: at home it runs with one and two, index.js of 2
  by npm: exit 0, Cannot find module
  by pnpm: exit 0, Cannot find module
  by bun: exit 0, Cannot find module
dependencies by pnpm, packed by pnpm: at home it runs with one and two, index.js of 2
  by npm: exit 0, runs with one and two
dependencies by npm, packed by npm: at home it runs with one and two, index.js of 2
  by npm: exit 0, runs with one and two
TOLD
