#!/bin/sh
# GUESS     min-release-age=1 keeps npm from what is younger than a day: `npm install tool` gets what latest was yesterday, or the
#           newest release that is not above latest. Whoever has 2.0.0 under next, for those who ask for it, or has taken it back
#           by putting latest on 1.9 again, has nothing to fear from it.
# HAPPENS   On the day of a hotfix, with latest 1.9.1 an hour old and 2.0.0 a week, `npm install tool` installs 2.0.0 and writes ^2.0.0,
#           exit 0, no word. So does npx. The next day it is 1.9.1 again. A name without a version is for npm a range, *,
#           of which latest is the first choice alone: where that is too young the highest of all that are old enough is
#           taken, whatever its tag. `npm install tool@latest` goes by a rule of its own, and gets 1.9.0. --before is the same.
# VERSIONS  npm 11.21.2 and 12.2.2 (npm)
# SOURCE    npm-dist-tag(1): `npm install <pkg>` "installs the latest tag", and no other has "any special significance to npm itself".
#           npm-pick-manifest, lib/index.js: a tag that is too young becomes "<=" its version, * is sorted
# NEEDS     node, npm, python3. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
registry=
trap '[ -z "$registry" ] || kill "$registry" 2>/dev/null || :; rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . older@npm:npm@11.21.2 newer@npm:npm@12.2.2 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }

# A registry of one tool, on this machine.
cat >registry.py <<'PYTHON'
import base64
import datetime
import hashlib
import http.server
import io
import json
import tarfile

NAME = "tool-of-this-registry"
HOURS = {"1.8.0": 2000, "1.9.0": 1000, "2.0.0": 168, "1.9.1": 1}


def tarball(version):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        about = json.dumps({"name": NAME, "version": version, "bin": {"tool": "tool.js"}})
        for name, text in ("package.json", about), ("tool.js", f"#!/usr/bin/env node\nconsole.log('{version}')\n"):
            info = tarfile.TarInfo("package/" + name)
            info.size = len(text)
            info.mode = 0o755
            archive.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


class Registry(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        base = f"http://127.0.0.1:{self.server.server_port}/"
        if self.path == "/" + NAME:
            answer = {"name": NAME, "dist-tags": {"latest": "1.9.1", "next": "2.0.0"}, "versions": {}, "time": {}}
            for version, hours in HOURS.items():
                sum_of = base64.b64encode(hashlib.sha512(BALLS[version]).digest()).decode()
                answer["time"][version] = (now - datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
                answer["versions"][version] = {
                    "name": NAME,
                    "version": version,
                    "bin": {"tool": "tool.js"},
                    "dist": {"tarball": base + version, "integrity": "sha512-" + sum_of},
                }
            body = json.dumps(answer).encode()
        else:
            body = BALLS.get(self.path[1:])
        self.send_response(200 if body else 404)
        self.end_headers()
        self.wfile.write(body or b"{}")

    def log_message(self, *_):
        pass


BALLS = {version: tarball(version) for version in HOURS}
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
with open("port", "w", encoding="ascii") as port:
    port.write(f"{server.server_port}\n")
server.serve_forever()
PYTHON
python3 registry.py &
registry=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ ! -s port ] || break
    sleep 1
done
printf 'registry=http://127.0.0.1:%s/\nupdate-notifier=false\naudit=false\nfund=false\n' "$(cat port)" >npmrc
npm_config_userconfig=$work/npmrc
npm_config_cache=$work/cache
export npm_config_userconfig npm_config_cache

# Prints what a name gets, with an option of npm's, in an empty project.
installed() {
    rm -rf project
    mkdir project
    echo '{"name": "project"}' >project/package.json
    status=0
    (cd project && node "../node_modules/$1/bin/npm-cli.js" install --loglevel=error "$2" "$3" >../said 2>&1) || status=$?
    got=$(node -p 'require("./project/package-lock.json").packages["node_modules/tool-of-this-registry"].version')
    echo "npm $(node -p "require('./node_modules/$1/package.json').version.split('.')[0]"), install $2 $3:" \
        "exit $status, $got, $(node -p 'JSON.stringify(require("./project/package.json").dependencies)')" \
        | sed 's/-of-this-registry//g'
}
name=tool-of-this-registry
{
    for npm in older newer; do
        installed "$npm" "$name" --min-release-age=0
        installed "$npm" "$name" --min-release-age=1
        installed "$npm" "$name@latest" --min-release-age=1
        installed "$npm" "$name@^1.9.0" --min-release-age=1
    done
    before=$(python3 -c 'import datetime as d; print((d.datetime.now(d.timezone.utc) - d.timedelta(1)).isoformat()[:19] + "Z")')
    installed older "$name" --before="$before" | sed "s/=$before/ a day ago/"
    echo "npm 11, npx tool: $(node node_modules/older/bin/npx-cli.js --yes --min-release-age=1 "$name")"
} >seen
cat seen
diff - seen <<'TOLD'
npm 11, install tool --min-release-age=0: exit 0, 1.9.1, {"tool":"^1.9.1"}
npm 11, install tool --min-release-age=1: exit 0, 2.0.0, {"tool":"^2.0.0"}
npm 11, install tool@latest --min-release-age=1: exit 0, 1.9.0, {"tool":"^1.9.0"}
npm 11, install tool@^1.9.0 --min-release-age=1: exit 0, 1.9.0, {"tool":"^1.9.0"}
npm 12, install tool --min-release-age=0: exit 0, 1.9.1, {"tool":"^1.9.1"}
npm 12, install tool --min-release-age=1: exit 0, 2.0.0, {"tool":"^2.0.0"}
npm 12, install tool@latest --min-release-age=1: exit 0, 1.9.0, {"tool":"^1.9.0"}
npm 12, install tool@^1.9.0 --min-release-age=1: exit 0, 1.9.0, {"tool":"^1.9.0"}
npm 11, install tool --before a day ago: exit 0, 2.0.0, {"tool":"^2.0.0"}
npm 11, npx tool: 2.0.0
TOLD
