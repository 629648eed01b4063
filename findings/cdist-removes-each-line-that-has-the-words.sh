#!/bin/sh
# GUESS     `__line gone --file /etc/tool/hosts --line web1 --state absent` takes the line web1 out of the file: the manual says "the
#           line which should be absent or present", and has --regex beside it for what is to be matched.
# HAPPENS   Each line that has web1 in it goes: web1, web10 to web19, new-web1, allow web1, and the comment about web1. Exit 0, and
#           cdist's message is "removed", once. If the file begins no line with web1, nothing is removed, so a trial may show
#           nothing of it. The other way round, `present` finds web1 where a line begins with it, in web10, and adds
#           nothing. --regex '^web1$' is right both times, with --line beside it for what is to be added.
# VERSIONS  cdist 7.0.0 (Debian 12)
# SOURCE    cdist-type__line(7), line and regex; conf/type/__line: explorer/state, index(...) == 1, gencode-remote, index(...).
#           Seen by running, with a shell of this machine for the remote one
# NEEDS     Debian 12's packages, python3 to 3.11, awk. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download cdist=7.0.0-2 || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract cdist_*.deb root
export PYTHONPATH="$work/root/usr/lib/python3/dist-packages" HOME="$work"
python3 root/usr/bin/cdist --version || { echo "not to be run here" >&2; exit 77; }

# What cdist reaches its host by: a shell, and cp, of this machine.
cat >run <<'RUN'
#!/bin/sh
shift
exec sh -c "$*"
RUN
cat >copy <<'COPY'
#!/bin/sh
for word; do
    shift
    set -- "$@" "${word#localhost:}"
done
exec cp -r "$@"
COPY
chmod +x run copy
cat >lines <<'LINES'
web1
web10
# web1 is the gate
new-web1
allow web1 from all
web2
LINES

# Has cdist see to one line, and prints the status and what the file has then.
sees_to() {
    what=$1 from=$2
    shift 2
    grep -v "$from" lines >hosts
    echo "__line it --file $work/hosts $*" >manifest
    status=0
    python3 root/usr/bin/cdist config --initial-manifest manifest --remote-exec "$work/run" --remote-copy "$work/copy" \
        --remote-out-dir "$work/out" --cache-path-pattern "$work/cache" localhost >words 2>&1 || status=$?
    echo "$what, $*: exit $status, $(paste -s -d '|' hosts)"
}
{
    sees_to 'all lines' none --line web1 --state absent
    sees_to 'without web1 and web10 at the beginning' '^web1' --line web1 --state absent
    sees_to 'all lines' none --regex "'^web1\$'" --state absent
    sees_to 'without web1' '^web1$' --line web1
    sees_to 'without web1' '^web1$' --line web1 --regex "'^web1\$'"
} >seen
cat seen
diff - seen <<'TOLD'
all lines, --line web1 --state absent: exit 0, web2
without web1 and web10 at the beginning, --line web1 --state absent: exit 0, # web1 is the gate|new-web1|allow web1 from all|web2
all lines, --regex '^web1$' --state absent: exit 0, web10|# web1 is the gate|new-web1|allow web1 from all|web2
without web1, --line web1: exit 0, web10|# web1 is the gate|new-web1|allow web1 from all|web2
without web1, --line web1 --regex '^web1$': exit 0, web10|# web1 is the gate|new-web1|allow web1 from all|web2|web1
TOLD
