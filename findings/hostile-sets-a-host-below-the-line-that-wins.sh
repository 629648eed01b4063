#!/bin/sh
# GUESS     `hostile set 10.0.0.9 web01`, "set a domain in the hosts file", makes web01 10.0.0.9 in /etc/hosts, and remove takes web01 out.
#           What else is in the file stays.
# HAPPENS   It is so for a name alone on its line. Where web01 stands beside its long name or an alias, as hosts(5) has it, set() changes
#           nothing there and adds a line at the end: the first line that has the name is the one that counts, so web01 stays where
#           it was. remove() finds nothing to remove. Both end well. And each call drops the comments that stand behind the
#           entries, of all lines: who owns a host, or why it is pinned.
# VERSIONS  hostile 1.4.0 (npm)
# SOURCE    hostile/index.js: mapFunc and filterFunc, line[1] === host; its README; hosts(5): "IP_address canonical_hostname [aliases...]";
#           the GNU C Library: of several lines the first counts, unless host.conf has multi
# NEEDS     node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . hostile@1.4.0 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
echo "hostile 1.4.0"

cat >before <<'HOSTS'
127.0.0.1 localhost
# The fleet.
10.0.0.1 web01.site.example web01
10.0.0.2 web02
10.0.0.3 web03 cdn # Pinned until the move, ask the network's people.
HOSTS
cat >edit.js <<'NODE'
const hostile = require('hostile');
hostile.HOSTS = 'hosts';
const [how, address, host] = process.argv.slice(2);
hostile[how](address, host);
NODE
# The address that a name has by the file: that of the first line which has it.
first() {
    awk -v name="$1" '{ sub(/#.*/, ""); for (field = 2; field <= NF; field++) if ($field == name) { print $1; exit } }' hosts
}
for call in 'set 10.0.0.9 web02' 'set 10.0.0.9 web01' 'set 10.0.0.9 cdn' 'remove 10.0.0.2 web02' 'remove 10.0.0.1 web01'; do
    cp before hosts
    # shellcheck disable=SC2086 # They are three words.
    node edit.js $call && echo "$call"
    diff before hosts | grep '^[<>]' | sed 's/^/    /'
    found=$(first "${call##* }")
    echo "    ${call##* } is ${found:-gone}"
done >seen
cat seen
diff - seen <<'TOLD'
set 10.0.0.9 web02
    < 10.0.0.2 web02
    < 10.0.0.3 web03 cdn # Pinned until the move, ask the network's people.
    > 10.0.0.9 web02
    > 10.0.0.3 web03 cdn
    web02 is 10.0.0.9
set 10.0.0.9 web01
    < 10.0.0.3 web03 cdn # Pinned until the move, ask the network's people.
    > 10.0.0.3 web03 cdn
    > 10.0.0.9 web01
    web01 is 10.0.0.1
set 10.0.0.9 cdn
    < 10.0.0.3 web03 cdn # Pinned until the move, ask the network's people.
    > 10.0.0.3 web03 cdn
    > 10.0.0.9 cdn
    cdn is 10.0.0.3
remove 10.0.0.2 web02
    < 10.0.0.2 web02
    < 10.0.0.3 web03 cdn # Pinned until the move, ask the network's people.
    > 10.0.0.3 web03 cdn
    web02 is gone
remove 10.0.0.1 web01
    < 10.0.0.3 web03 cdn # Pinned until the move, ask the network's people.
    > 10.0.0.3 web03 cdn
    web01 is 10.0.0.1
TOLD
