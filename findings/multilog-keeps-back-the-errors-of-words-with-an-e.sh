#!/bin/sh
# GUESS     `multilog '-*' '+*error*' ./errors` keeps the lines that have error in them: a star is for anything, as in the shell, and the
#           page calls it so, a star.
# HAPPENS   It keeps those in which no e comes before error. A star takes letters up to the first that is the pattern's next one, and
#           does not try the second: of "web01 error: disk full" it stops at the e of web01, sees "eb01", and the line is left
#           out; "disk error" is kept. So a host or a part of the tool that has an e in its name logs no errors, and who looks
#           into the folder sees errors of the others. runit's svlogd does likewise, in its file config. s6-log, the youngest
#           of the family, has regular expressions for it, and keeps them all.
# VERSIONS  daemontools 0.76, runit 2.1.2, s6 2.11.3.2 (Debian 12)
# SOURCE    multilog's page, Selecting lines; svlogd(8), "not including the next character in pattern"; daemontools' match.c. Seen by
#           running
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

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

printf '%s\n' 'error: no disk' 'disk error: full' 'db01 error: full' 'web01 error: full' 'release 2 error: no such file' \
    'db01 started, no error' 'started, no error' >lines
grep -c error lines
{
    multilog '-*' '+*error*' ./by-multilog <lines
    echo 'multilog:'
    sed 's/^/  /' by-multilog/current
    mkdir by-svlogd
    printf '%s\n' '-*' '+*error*' >by-svlogd/config
    timeout 20 svlogd by-svlogd <lines 2>words
    echo 'svlogd:'
    sed 's/^/  /' by-svlogd/current
    s6-log - +error ./by-s6 <lines
    echo "s6-log: $(grep -c error by-s6/current) of $(grep -c error lines)"
    multilog '-*' '+*:*error*' '+*error*' '+error*' ./by-more <lines
    echo "multilog, with more patterns: $(grep -c error by-more/current) of $(grep -c error lines)"
} >seen
cat seen
diff - seen <<'TOLD'
multilog:
  error: no disk
  disk error: full
  db01 error: full
svlogd:
  error: no disk
  disk error: full
  db01 error: full
s6-log: 7 of 7
multilog, with more patterns: 3 of 7
TOLD
