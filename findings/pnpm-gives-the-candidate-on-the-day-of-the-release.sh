#!/bin/sh
# GUESS     pnpm leaves alone for a day what was just published, by default: for that day `pnpm add tool` and `pnpm dlx tool` give
#           what was there before, the release that everybody had yesterday. A candidate is for who asks for one.
# HAPPENS   On the day of 2.0.0 they give 2.0.0-rc.2, and pnpm add writes it down: exit 0, no warning, nothing configured. Yesterday it
#           was 1.9.0, tomorrow it is 2.0.0. Where latest is too young, a candidate with its first number goes before a release
#           with the number before, and so each new first number does it. tool@latest is the same; tool@2 gets 2.0.0,
#           fresh as it is, since nothing else fits; `pnpm view tool version` says 2.0.0. Yarn, which waits a day too, gives 1.9.0.
# VERSIONS  pnpm 12.21.0, Yarn 4.18.1 (npm)
# SOURCE    pnpm's CHANGELOG, 12.8.2: minimumReleaseAge "falls back to a prerelease of the same major before a stable version of an
#           older major"; "the built-in 1440-minute default". npm-dist-tag(1): latest is for "stable release versions"
# NEEDS     node, npm, python3, x86-64. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
registry=
trap '[ -z "$registry" ] || kill "$registry" 2>/dev/null || :; rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . pnpm@12.21.0 @yarnpkg/cli-dist@4.18.1 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
pnpm=$work/node_modules/@pnpm/exe.linux-x64/pnpm
[ -x "$pnpm" ] || { echo "no pnpm for this machine" >&2; exit 77; }

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
HOURS = {"1.8.0": 2000, "1.9.0": 1000, "2.0.0-rc.1": 500, "2.0.0-rc.2": 100, "2.0.0": 2}


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
            answer = {"name": NAME, "dist-tags": {"latest": "2.0.0"}, "versions": {}, "time": {}}
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
url=http://127.0.0.1:$(cat port)/
echo "registry=$url" >.npmrc
export HOME="$work" XDG_CACHE_HOME="$work/cache" XDG_DATA_HOME="$work/data" PNPM_HOME="$work/pnpm" CI=1
export PNPM_CONFIG_REGISTRY="$url" YARN_NPM_REGISTRY_SERVER="$url" YARN_UNSAFE_HTTP_WHITELIST=127.0.0.1 YARN_ENABLE_TELEMETRY=0 \
    YARN_ENABLE_IMMUTABLE_INSTALLS=0
echo "pnpm $("$pnpm" --version), Yarn $(node node_modules/@yarnpkg/cli-dist/bin/yarn.js --version)"

# Begins an empty project.
project() {
    rm -rf project
    mkdir project
    echo '{"name": "project"}' >project/package.json
    : >project/yarn.lock
    cp .npmrc project
}
name=tool-of-this-registry
added() { node -p 'require("./project/package.json").dependencies["tool-of-this-registry"]'; }
{
    project
    (cd project && "$pnpm" add "$name") >said 2>&1
    echo "pnpm add tool: $(added), of warnings: $(grep -c -i warn said || :)"
    for range in '' @latest @2 @1; do
        echo "pnpm dlx tool$range: $("$pnpm" --silent dlx "$name$range" 2>/dev/null)"
    done
    echo "pnpm view tool version: $("$pnpm" view "$name" version)"
    project
    (cd project && node ../node_modules/@yarnpkg/cli-dist/bin/yarn.js add "$name") >said 2>&1
    echo "yarn add tool: $(added)"
} >seen
cat seen
diff - seen <<'TOLD'
pnpm add tool: 2.0.0-rc.2, of warnings: 0
pnpm dlx tool: 2.0.0-rc.2
pnpm dlx tool@latest: 2.0.0-rc.2
pnpm dlx tool@2: 2.0.0
pnpm dlx tool@1: 1.9.0
pnpm view tool version: 2.0.0
yarn add tool: ^1.9.0
TOLD
