#!/bin/sh
# GUESS     With wait_ready, pm2 reload starts the new process of a cluster, waits until that one has sent "ready", and ends the old one
#           then: "zero downtime". A release that never gets ready leaves the old one where it is, or the reload fails.
# HAPPENS   After 3 seconds it ends the old one all the same. A release that takes 8 to get ready has the old ones ended before it
#           answers, and the site is away for the rest; one that is never ready takes it down for good: a tick for each process, "online",
#           exit 0. The 3 seconds are listen_timeout, of which the table of options says that it is for an app that does
#           not listen. With it at 12000 the slow release takes over without a gap, and the dead one still does, later.
# VERSIONS  pm2 7.0.4 (npm)
# SOURCE    pm2's docs, application declaration: wait_ready, "instead of reload waiting for listen event, wait for process.send('ready')";
#           listen_timeout, "time in ms before forcing a reload if app not listening"; lib/God/Reload.js
# NEEDS     node, npm, python3, curl; three minutes. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
pm2() { PM2_HOME=$work/pm2 node "$work/node_modules/pm2/bin/pm2" "$@"; }
trap 'pm2 kill >/dev/null 2>&1 || :; rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . pm2@7.0.4 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
echo "pm2 7.0.4, node $(node --version)"

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# Release 2 takes 8 seconds to get ready, release 3 never does.
cat >app.js <<NODE
const version = require('fs').readFileSync('release', 'utf8').trim();
const listen = () => require('http').createServer((_, answer) => answer.end(version)).listen($port, '127.0.0.1',
  () => process.send('ready'));
if (version === '1') listen();
if (version === '2') setTimeout(listen, 8000);
if (version === '3') setInterval(() => {}, 1000);
NODE
# Asks ten times a second for as long as the file is there, and prints who has answered, and whether nobody did for a while.
ask() {
    while [ -e asking ]; do
        curl --silent --max-time 1 "http://127.0.0.1:$port/" || printf -- '-'
        echo
        sleep 0.1
    done | awk '$0 == "-" { away++; next } !seen[$0]++ { printf "%s ", $0 } END { print away < 10 ? "without a gap" : "with a gap" }'
}
for timeout in '' ', listen_timeout: 12000'; do
    for release in 2 3; do
        echo "module.exports = { apps: [{ name: 'tool', script: 'app.js', instances: 2, exec_mode: 'cluster', wait_ready: true$timeout }] };" \
            >ecosystem.config.js
        echo 1 >release
        pm2 start ecosystem.config.js >/dev/null
        : >asking
        ask >answers &
        asks=$!
        sleep 1
        echo "$release" >release
        status=0
        pm2 reload tool >said 2>&1 || status=$?
        sleep 9
        rm asking
        wait "$asks"
        online=$(pm2 jlist | node -p 'JSON.parse(require("fs").readFileSync(0)).filter((app) => app.pm2_env.status == "online").length')
        echo "release $release$timeout: exit $status, $(grep -c ✓ said) ticks, $online online, answered by $(cat answers)" >>seen
        pm2 delete tool >/dev/null
    done
done
cat seen
diff - seen <<'TOLD'
release 2: exit 0, 2 ticks, 2 online, answered by 1 2 with a gap
release 3: exit 0, 2 ticks, 2 online, answered by 1 with a gap
release 2, listen_timeout: 12000: exit 0, 2 ticks, 2 online, answered by 1 2 without a gap
release 3, listen_timeout: 12000: exit 0, 2 ticks, 2 online, answered by 1 with a gap
TOLD
