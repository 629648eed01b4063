#!/bin/sh
# GUESS     `sv check` is runit's health check: the manual says that it checks for the state that has been requested, waits up to 7
#           seconds for it, and asks ./check as well where up is requested. A service that cannot start fails.
# HAPPENS   "ok: down: tool: 1s, normally up, want up", exit 0, at once. A process is looked at where there is one; where none is,
#           there is nothing to find fault with, and ./check, exit 1, is not even run. It is 0 after sv down too. So a gate of
#           sv check notices a service that does not answer, and passes the one that crashes. sv start, on the same service,
#           says timeout and 1.
# VERSIONS  runit 2.1.2 (Debian 12)
# SOURCE    sv(8), check and EXIT CODES; issue 13 of madscientist42/runit. Seen by running under runsv
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
runsv=
trap '[ -z "$runsv" ] || kill "$runsv" 2>/dev/null || :; rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download runit=2.1.2-54 || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract runit_*.deb root
dpkg-deb --show runit_*.deb
PATH=$work/root/usr/bin:$PATH

mkdir tool
printf '#!/bin/sh\nexec sleep 600\n' >tool/run
printf '#!/bin/sh\ntouch asked\nexit 0\n' >tool/check
chmod +x tool/run tool/check
runsv tool 2>/dev/null &
runsv=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    if sv -w 1 start ./tool >/dev/null 2>&1; then break; fi
    sleep 1
done

# Prints how sv judges the service, its status, and whether it ran ./check.
says() {
    status=0
    rm -f tool/asked
    said=$(sv -w 2 "$@" ./tool) || status=$?
    echo "    $said" >&2
    asked='./check unasked'
    if [ -e tool/asked ]; then asked='./check asked'; fi
    echo "sv $1: ${said%%:*}, exit $status, $asked"
}
{
    says check
    printf '#!/bin/sh\ntouch asked\nexit 1\n' >tool/check
    says check
    chmod a-x tool/run
    sv -w 1 term ./tool >/dev/null || :
    sleep 1
    says check
    says start
    sv -w 2 down ./tool >/dev/null
    says check
} >seen
cat seen
diff - seen <<'TOLD'
sv check: ok, exit 0, ./check asked
sv check: timeout, exit 1, ./check asked
sv check: ok, exit 0, ./check unasked
sv start: timeout, exit 1, ./check unasked
sv check: ok, exit 0, ./check unasked
TOLD
