#!/bin/sh
# GUESS     `npm install -g /srv/tool/current`, and `npm install ../current` within an app, make a link to the folder that was named, and
#           go with current from release to release. A folder is what is installed by a link, all know.
# HAPPENS   The link leads to what current leads to that day, releases/1: after the switch `tool` is the release before, and once that is
#           cleaned away it is nothing. package.json and package-lock.json have "file:../releases/1" for what was typed as
#           ../current, to be committed and installed elsewhere. Where package.json has "file:../current" by hand, npm install
#           keeps that, and the link leads to current. yarn's add link:../current keeps it as well.
# VERSIONS  npm 11.21.2 and 10.9.9, yarn 1.22.22 (npm)
# SOURCE    npm's documentation, npm install <folder>: "it will create a symlink to <folder>", which it does not. Seen by running
# NEEDS     node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . eleven@npm:npm@11.21.2 ten@npm:npm@10.9.9 yarn@1.22.22 \
    >/dev/null || { echo "not to be installed here" >&2; exit 77; }
export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false npm_config_cache="$work/cache"

for release in 1 2; do
    mkdir -p "srv/releases/$release"
    printf '{ "name": "tool", "version": "%s.0.0", "bin": { "tool": "tool.js" } }\n' "$release" >"srv/releases/$release/package.json"
    printf '#!/usr/bin/env node\nconsole.log("release %s")\n' "$release" >"srv/releases/$release/tool.js"
    chmod +x "srv/releases/$release/tool.js"
done
# Makes an app whose package.json has the dependencies given, and turns current to the first release.
app() {
    rm -rf app usr srv/app
    mkdir srv/app usr
    printf '{ "name": "app", "version": "1.0.0", "dependencies": {%s} }\n' "$1" >srv/app/package.json
    ln -sfn releases/1 srv/current
}
# Turns current, and prints where the link of a package leads, what is run, and what package.json has.
tell() {
    ln -sfn releases/2 srv/current
    echo "$1: link to $(readlink "$2/tool"), runs $(node "$2/tool/tool.js")" \
        "$(sed -n 's/.*"tool": *"\([^"]*\)".*/package.json has \1/p' srv/app/package.json)"
}
{
    for npm in eleven ten; do
        cli=$work/node_modules/$npm/bin/npm-cli.js
        app ''
        node "$cli" install --silent --global --prefix usr "$work/srv/current" >/dev/null
        tell "npm $(node "$cli" --version), install -g /srv/current" usr/lib/node_modules
        app ''
        (cd srv/app && node "$cli" install --silent ../current >/dev/null)
        tell "npm $(node "$cli" --version), install ../current" srv/app/node_modules
        app '"tool": "file:../current"'
        (cd srv/app && node "$cli" install --silent >/dev/null)
        tell "npm $(node "$cli" --version), install" srv/app/node_modules
    done
    app ''
    (cd srv/app && node "$work/node_modules/yarn/bin/yarn.js" add --silent --no-progress link:../current >/dev/null 2>&1)
    tell "yarn, add link:../current" srv/app/node_modules
} >seen
cat seen
diff - seen <<'TOLD'
npm 11.21.2, install -g /srv/current: link to ../../../srv/releases/1, runs release 1 
npm 11.21.2, install ../current: link to ../../releases/1, runs release 1 package.json has file:../releases/1
npm 11.21.2, install: link to ../../current, runs release 2 package.json has file:../current
npm 10.9.9, install -g /srv/current: link to ../../../srv/releases/1, runs release 1 
npm 10.9.9, install ../current: link to ../../releases/1, runs release 1 package.json has file:../releases/1
npm 10.9.9, install: link to ../../current, runs release 2 package.json has file:../current
yarn, add link:../current: link to ../../current, runs release 2 package.json has link:../current
TOLD
