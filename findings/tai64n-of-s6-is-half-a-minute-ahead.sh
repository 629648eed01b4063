#!/bin/sh
# GUESS     @4000000… is TAI64N, a label of one moment to the nanosecond: the log that multilog or svlogd wrote, s6-tai64nlocal
#           reads, and that of s6-log tai64nlocal. Such labels order the lines of a whole fleet.
# HAPPENS   The two are 27 seconds apart, either way round, exit 0. daemontools adds 10 seconds to the clock and takes them off
#           again; s6 knows the leap seconds since 1972 and adds 37. Each reads its own rightly, so nobody notices: but in
#           lines merged by label a host under s6 does each thing half a minute later than the host under runit beside it, and
#           in a log that changed hands the cause comes after what it caused.
# VERSIONS  daemontools 0.76, runit 2.1.2, s6 2.11.3.2 (Debian 12)
# SOURCE    tai64nlocal(8), which warns of clocks without leap seconds; skarnet.org, list supervision, 2555. Seen by running
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C TZ=UTC0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in daemontools=1:0.76-8.1 runit=2.1.2-54 s6=2.11.3.2-1 libs6-2.11=2.11.3.2-1 libskarnet2.13=2.13.1.1-1 \
    libexecline2.9=2.9.3.0-1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --show "$package"
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
PATH=$work/root/usr/bin:$PATH

# Prints by how many seconds a label that was made just now is ahead of the clock, to the nearest of 10 and 37.
ahead() {
    seconds=$((0x$(sed 's/^@4\(.\{15\}\).*/\1/') - $(date +%s)))
    case $seconds in
    8 | 9 | 10 | 11) echo 10 ;;
    35 | 36 | 37 | 38) echo 37 ;;
    *) echo "$seconds" ;;
    esac
}
mkdir log
{
    label='@400000006954b20a00000000'
    echo "$label by daemontools: $(echo "$label" | tai64nlocal | cut -c 1-19)"
    echo "$label by s6: $(echo "$label" | s6-tai64nlocal | cut -c 1-19)"
    echo "tai64n adds $(echo line | tai64n | ahead), s6-tai64n $(echo line | s6-tai64n | ahead)"
    echo line | multilog t ./log
    echo "multilog adds $(ahead <log/current)"
    rm -r log
    mkdir log
    echo line | svlogd -t ./log 2>/dev/null
    echo "svlogd adds $(ahead <log/current)"
    rm -r log
    echo line | s6-log t ./log
    echo "s6-log adds $(ahead <log/current)"
} >seen
cat seen
diff - seen <<'TOLD'
@400000006954b20a00000000 by daemontools: 2025-12-31 05:17:52
@400000006954b20a00000000 by s6: 2025-12-31 05:17:25
tai64n adds 10, s6-tai64n 37
multilog adds 10
svlogd adds 10
s6-log adds 37
TOLD
