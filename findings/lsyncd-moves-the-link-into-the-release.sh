#!/bin/sh
# GUESS     Under lsyncd with default.rsyncssh the other host becomes what this one is. It moves by `mv` over there what was moved
#           here, and a release is switched by a move: `mv -T current.new current`, atomic here, is atomic there.
# HAPPENS   Over there it is `mv current.new current`, without the -T. current is a link to a folder, so the new link is put into
#           that folder: the other host stays with the old release, which now has a file current.new in it. mv was content,
#           so is lsyncd, and no later event mends it: only a restart does. It depends on a pause: link and move within
#           the delay, 15 s as it comes, are one event and are done by rsync, rightly. Whoever makes the link, looks at the
#           release once more and then switches has it, and each who rolls back to a link that was kept.
# VERSIONS  lsyncd 2.2.3, rsync 3.5.0 (Debian 12)
# SOURCE    lsyncd's default-rsyncssh.lua: the command mv; its log is "Moving current.new -> current". Seen by running
# NEEDS     Debian 12's packages, inotify in the temporary folder; half a minute. Exits 0: as told; 1: it behaves otherwise; 77:
#           cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
lsyncd=
trap '[ -z "$lsyncd" ] || kill "$lsyncd" 2>/dev/null || :; rm -rf "$work"' EXIT
cd "$work"
for package in lsyncd=2.2.3-1+b1 liblua5.3-0=5.3.6-2 rsync=3.5.0+ds1-0+deb12u1 libpopt0=1.19+dfsg-1 libxxhash0=0.8.1-1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --show "$package"
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
PATH=$work/root/usr/bin:$PATH
if ldd root/usr/bin/lsyncd root/usr/bin/rsync | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi

mkdir -p here/releases/1 here/releases/2 there
ln -s releases/1 here/current
# An ssh to a host that is this one, with the shell that a host has.
cat >ssh <<'SSH'
#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
shift
exec sh -c "$*"
SSH
chmod +x ssh
cat >conf <<CONF
settings { nodaemon = true }
sync {
    default.rsyncssh, source = "$work/here", host = "web01", targetdir = "$work/there", delay = 2,
    rsync = { archive = true, binary = "$work/root/usr/bin/rsync", rsh = "$work/ssh" },
    ssh = { binary = "$work/ssh" },
}
CONF
# Starts lsyncd, and waits for what it does first.
start() {
    lsyncd conf >>log 2>&1 &
    lsyncd=$!
    eventually 'Startup of .* finished: 0' "$1"
}
# Waits, for a while, until the log has so many lines of a kind.
eventually() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        if [ "$(grep -c "$1" log)" -ge "$2" ]; then return; fi
        sleep 1
    done
    cat log
}
# Prints what current is on either side, and what strays.
tell() {
    echo "$1: here $(readlink here/current), there $(readlink there/current)," \
        "strays: $(find there -name current.new | paste -s -d ' ')"
}
{
    start 1
    tell 'started'
    ln -s releases/2 here/current.new
    mv -T here/current.new here/current
    eventually 'Finished (list): 0' 1
    tell 'switched at once'
    ln -s releases/1 here/current.new
    eventually 'Finished (list): 0' 2
    mv -T here/current.new here/current
    eventually 'Finished Move .*: 0' 1
    tell 'switched after a look'
    touch here/releases/1/more
    eventually 'Finished (list): 0' 3
    tell 'later'
    kill "$lsyncd"
    wait "$lsyncd" || :
    start 2
    tell 'restarted'
} >seen
cat seen
diff - seen <<'TOLD'
started: here releases/1, there releases/1, strays: 
switched at once: here releases/2, there releases/2, strays: 
switched after a look: here releases/1, there releases/2, strays: there/releases/2/current.new
later: here releases/1, there releases/2, strays: there/releases/2/current.new
restarted: here releases/1, there releases/1, strays: 
TOLD
