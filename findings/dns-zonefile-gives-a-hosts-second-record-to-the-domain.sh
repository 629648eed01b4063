#!/bin/sh
# GUESS     In a zone file a line that begins with a space is about the name before it, so that a host has its A, and below that its AAAA
#           and TXT. That is how BIND's docs write them, and how each reader of zone files reads them.
# HAPPENS   dns-zonefile and zonefile-parser give such a line to the domain itself: site.example has web01's AAAA and TXT, and web01 has
#           none. dns-zonefile writes the zone anew in that way, and without the host whose line has a TTL like 1d: of it there is
#           no record. Of an SOA with 1d, 2h, 4w and 1h it makes 1, 2, 4 and 1, seconds, after which the secondaries take the zone
#           for expired. zonefile-parser takes that 1d for the type of the record, and IN for its value. No error from either.
# VERSIONS  dns-zonefile 0.3.2 (npm), zonefile-parser 0.1.20 (PyPI, 2026), dnspython 2.8.0 (PyPI)
# SOURCE    RFC 1035, 5.1: a blank owner is "the last stated owner"; dns-zonefile: lib/zonefile.js; zonefile-parser: main.py
# NEEDS     node, npm, python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . dns-zonefile@0.3.2 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib zonefile-parser==0.1.20 \
    dnspython==2.8.0 || { echo "not to be installed here" >&2; exit 77; }
echo "dns-zonefile 0.3.2, zonefile-parser 0.1.20, dnspython 2.8.0"

cat >zone <<'ZONE'
$ORIGIN site.example.
$TTL 1h
@       IN SOA  ns1 admin ( 2026113001 1d 2h 4w 1h )
@       IN NS   ns1
ns1     IN A    10.0.0.1
web01   IN A    10.0.0.11
        IN AAAA fd00::11
        IN TXT  "release 41"
web02   1d IN A 10.0.0.12
web03   IN A    10.0.0.13
ZONE
cat >read.py <<'PYTHON'
import sys

import dns.zone
import zonefile_parser


def standard(file):
    for name, ttl, data in dns.zone.from_file(file, "site.example.").iterate_rdatas():
        print("   ", name.derelativize(dns.name.from_text("site.example.")), ttl, data.rdtype.name, data.to_text())


print("dnspython reads")
standard("zone")
print("dnspython reads what dns-zonefile writes")
standard("again")
print("zonefile-parser reads")
for record in zonefile_parser.parse(open("zone").read()):
    print("   ", record.name, record.ttl, record.rtype, *record.rdata.values())
PYTHON
node -e '
const { parse, generate } = require("dns-zonefile").default;
const { readFileSync, writeFileSync } = require("fs");
writeFileSync("again", generate(parse(readFileSync("zone", "utf8"))));
'
PYTHONPATH=lib python3 read.py >seen
cat seen
diff - seen <<'TOLD'
dnspython reads
    site.example. 3600 SOA ns1 admin 2026113001 86400 7200 2419200 3600
    site.example. 3600 NS ns1
    ns1.site.example. 3600 A 10.0.0.1
    web01.site.example. 3600 A 10.0.0.11
    web01.site.example. 3600 AAAA fd00::11
    web01.site.example. 3600 TXT "release 41"
    web02.site.example. 86400 A 10.0.0.12
    web03.site.example. 3600 A 10.0.0.13
dnspython reads what dns-zonefile writes
    site.example. 3600 SOA ns1 admin 2026113001 1 2 4 1
    site.example. 3600 NS ns1
    site.example. 3600 AAAA fd00::11
    site.example. 3600 TXT "release 41"
    ns1.site.example. 3600 A 10.0.0.1
    web01.site.example. 3600 A 10.0.0.11
    web03.site.example. 3600 A 10.0.0.13
zonefile-parser reads
    site.example. 3600 SOA ns1 admin 2026113001 1d 2h 4w 1h
    site.example. 3600 NS ns1
    ns1.site.example. 3600 A 10.0.0.1
    web01.site.example. 3600 A 10.0.0.11
    site.example. 3600 AAAA fd00::11
    site.example. 3600 TXT release 41
    web02.site.example. 3600 1D IN
    web03.site.example. 3600 A 10.0.0.13
TOLD
