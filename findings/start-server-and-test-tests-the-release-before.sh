#!/bin/sh
# GUESS     start-server-and-test starts the server, waits for its URL, runs the tests and ends the server. Where the server ends by
#           itself it fails, "server closed unexpectedly": there would be nothing to test.
# HAPPENS   Where something answers at the URL already, as the release before that nobody has stopped, the tests run against that and
#           their success is the command's: exit 0, though the new server could not have its port and ended with 1. It looks
#           after what it started only until there is an answer, and that is there before the new server has come to its port.
#           So the release that was to be tested has been tested by nobody; its one word, EADDRINUSE, is among the output.
# VERSIONS  start-server-and-test 3.0.12 (npm)
# SOURCE    src/index.js: waitAndRun, server.removeListener('close', onClose) behind the wait; its README has no word of a server
#           that is there before
# NEEDS     node 18 or newer, npm, loopback. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
pid=
trap 'if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" || true; fi; rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" start-server-and-test@3.0.12 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }

cat >server.cjs <<'JS'
const fs = require("node:fs");
const http = require("node:http");

const [, , release, port] = process.argv;
const server = http.createServer((request, response) => response.end(`release ${release}\n`));
server.on("error", (error) => {
    fs.appendFileSync("ends", `server ${release} ends with 1: ${error.code}\n`);
    process.exit(1);
});
server.listen(Number(port), "127.0.0.1", () => fs.writeFileSync("port", String(server.address().port)));
JS
cat >test.cjs <<'JS'
const fs = require("node:fs");

fetch(process.argv[2]).then(async (response) => {
    fs.appendFileSync("ends", `tested: ${await response.text()}`);
    process.exit(response.ok ? 0 : 1);
});
JS
# Starts release 2, and tests it.
check() {
    : >ends
    status=0
    node_modules/.bin/start-server-and-test "node server.cjs 2 $port" "http://127.0.0.1:$port" \
        "node test.cjs http://127.0.0.1:$port" >words 2>&1 || status=$?
    echo "$1: exit $status"
    sort ends | sed 's/^/  /'
}
node server.cjs 1 0 &
pid=$!
for _ in $(seq 100); do
    if [ -s port ]; then break; fi
    sleep 0.1
done
port=$(cat port)
{
    check "beside release 1"
    kill "$pid"
    wait "$pid" || true
    pid=
    check "alone"
} >seen
cat seen
diff - seen <<'TOLD'
beside release 1: exit 0
  server 2 ends with 1: EADDRINUSE
  tested: release 1
alone: exit 0
  tested: release 2
TOLD
