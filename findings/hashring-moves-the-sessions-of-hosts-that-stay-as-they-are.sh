#!/bin/sh
# GUESS     On a consistent hash ring a host that gets more weight takes keys from the others, and one that gets less gives some back. What
#           goes from one unchanged host to another is nothing: that is what the ring is for. And a host with a hundredth of
#           the others' weight, a canary, has about a hundredth of their keys.
# HAPPENS   On a ketama ring, npm's hashring and uhashring's "ketama" alike, a weight is a share of all weights: raising that of one host of
#           ten from 1 to 2 takes points from each of the others too, and 5% of all sessions change between hosts that nobody
#           touched, beside the 8% that had to. Draining one to half moves 4% between others, to a hundredth 7%. That last one
#           has no key at all, as its share is rounded down to no point: the canary is idle. Taking a host out moves its own
#           keys alone. uhashring's other ring moves nothing between others, and its canary has its hundredth.
# VERSIONS  hashring 3.2.0 (npm), uhashring 2.5 (PyPI, 2026)
# SOURCE    hashring/index.js: continuum, Math.floor(percentage * vnodes * servers.length); uhashring/ring_ketama.py; hashring's README:
#           weights "give servers a bigger distribution"
# NEEDS     node, npm, python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . hashring@3.2.0 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib uhashring==2.5 \
    || { echo "not to be installed here" >&2; exit 77; }
echo "hashring 3.2.0, uhashring 2.5"

# Both print for each key the host that has it, by the weight of the first of ten; 0: it is out.
cat >place.js <<'NODE'
const HashRing = require('hashring');

const weight = Number(process.argv[2]);
const hosts = Array.from({ length: 10 }, (_, number) => [`10.0.0.${number}:80`, { weight: number ? 100 : weight }]);
const ring = new HashRing(Object.fromEntries(hosts.filter((host) => host[1].weight)));
for (let key = 0; key < 20000; key++) console.log(ring.get(`session-${key}`));
NODE
cat >place.py <<'PYTHON'
import sys

from uhashring import HashRing

weights = {f"10.0.0.{number}:80": 100 if number else int(sys.argv[2]) for number in range(10)}
hosts = {host: weight for host, weight in weights.items() if weight}
ring = HashRing(nodes=hosts, hash_fn="ketama") if sys.argv[1] == "ketama" else HashRing(nodes=hosts)
for key in range(20000):
    print(ring.get_node(f"session-{key}"))
PYTHON
place() {
    case $1 in
        hashring) node place.js "$2" ;;
        *) PYTHONPATH=lib python3 place.py "${1#uhashring }" "$2" ;;
    esac
}
for ring in hashring 'uhashring ketama' 'uhashring default'; do
    place "$ring" 100 >before
    for weight in 200 50 1 0; do
        place "$ring" "$weight" >after
        paste before after | awk -v ring="$ring" -v weight="$weight" '
            $2 == "10.0.0.0:80" { has++ }
            $1 != $2 { if ($1 == "10.0.0.0:80" || $2 == "10.0.0.0:80") own++; else others++ }
            END {
                printf "%s, a host from 100 to %d: to or from it %.1f%%, between others %.1f%%; it has %d keys of %d\n",
                    ring, weight, own * 100 / NR, others * 100 / NR, has, NR
            }
        '
    done
done >seen
cat seen
diff - seen <<'TOLD'
hashring, a host from 100 to 200: to or from it 7.7%, between others 5.1%; it has 3819 keys of 20000
hashring, a host from 100 to 50: to or from it 6.0%, between others 4.0%; it has 1094 keys of 20000
hashring, a host from 100 to 1: to or from it 11.4%, between others 7.4%; it has 0 keys of 20000
hashring, a host from 100 to 0: to or from it 11.4%, between others 0.0%; it has 0 keys of 20000
uhashring ketama, a host from 100 to 200: to or from it 7.7%, between others 5.1%; it has 3819 keys of 20000
uhashring ketama, a host from 100 to 50: to or from it 6.0%, between others 4.0%; it has 1094 keys of 20000
uhashring ketama, a host from 100 to 1: to or from it 11.4%, between others 7.4%; it has 0 keys of 20000
uhashring ketama, a host from 100 to 0: to or from it 11.4%, between others 0.0%; it has 0 keys of 20000
uhashring default, a host from 100 to 200: to or from it 7.9%, between others 0.0%; it has 3618 keys of 20000
uhashring default, a host from 100 to 50: to or from it 4.9%, between others 0.0%; it has 1045 keys of 20000
uhashring default, a host from 100 to 1: to or from it 10.0%, between others 0.0%; it has 22 keys of 20000
uhashring default, a host from 100 to 0: to or from it 10.2%, between others 0.0%; it has 0 keys of 20000
TOLD
