#!/bin/sh
# GUESS     `cpulimit --limit 50 -- COMMAND` runs a backup or an index beside the tool at half a core, as `nice COMMAND` does at
#           low priority: it ends when the command ends, with what the command ended with.
# HAPPENS   It ends at once, with 0, and the command runs on behind it: the next step begins with the archive half written.
#           --foreground, which waits, ends with 0 as well, for a command that failed, that was killed or that does not
#           exist. So under set -e no step that goes slowly ever fails. nice hands the status on.
# VERSIONS  cpulimit 2.8 (Debian 12); nice of the machine
# SOURCE    cpulimit(1), --foreground; it tells of no status. Seen by running
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download cpulimit=2.8-1 || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract cpulimit_*.deb root
dpkg-deb --show cpulimit_*.deb

# Prints how a command ends under a wrapper, and whether it had come to its own end by then.
ends() {
    what=$1 command=$2
    shift 2
    rm -f end
    status=0
    "$@" sh -c "$command" >words 2>&1 || status=$?
    over='still running'
    [ ! -e end ] || over=over
    echo "$what, $command: exit $status, $over"
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ -e end ] || sleep 0.5
    done
    sleep 0.5
}
limit=root/usr/bin/cpulimit
{
    # shellcheck disable=SC2016 # The shell under the wrapper is the one to be killed.
    for command in 'sleep 2; touch end; exit 3' 'sleep 2; touch end; kill -KILL $$'; do
        ends nice "$command" nice
        ends cpulimit "$command" "$limit" --quiet --limit 50 --
        ends 'cpulimit --foreground' "$command" "$limit" --quiet --foreground --limit 50 --
    done
    status=0
    "$limit" --quiet --foreground --limit 50 -- no-such-command >words 2>&1 || status=$?
    echo "cpulimit --foreground, no such command: exit $status"
} >seen
cat seen
diff - seen <<'TOLD'
nice, sleep 2; touch end; exit 3: exit 3, over
cpulimit, sleep 2; touch end; exit 3: exit 0, still running
cpulimit --foreground, sleep 2; touch end; exit 3: exit 0, over
nice, sleep 2; touch end; kill -KILL $$: exit 137, over
cpulimit, sleep 2; touch end; kill -KILL $$: exit 0, still running
cpulimit --foreground, sleep 2; touch end; kill -KILL $$: exit 0, over
cpulimit --foreground, no such command: exit 0
TOLD
