#!/bin/sh
# GUESS     `start-stop-daemon --start --pidfile /run/tool.pid --exec /srv/tool/current/tool` starts nothing where the pid file names
#           a live tool, and --stop ends it: so init scripts are written. Files are replaced under running daemons by each
#           upgrade, and that is no matter to it.
# HAPPENS   It is no matter where the file was replaced. Where current was turned to the next release, the process is no instance of
#           --exec any more, as its program is not the file that current leads to, and then the pid file does not count:
#           --status says 1, dead, --stop with --oknodo ends nothing, exit 0, and --start starts the new tool beside the old
#           one and writes its pid over the old one's, after which no script knows of that. With --quiet, as it is mostly
#           called, not a word. The pid file alone, without --exec, ends the old one; busybox's, which goes by
#           names, does with both.
# VERSIONS  dpkg 1.21.23, busybox 1.35.0 (Debian 12)
# SOURCE    start-stop-daemon(8), --exec: "instances of this executable"; seen by running
# NEEDS     Debian 12's packages, Linux. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
# Ends what was started here.
leave() {
    sort -u "$work/started" 2>/dev/null | while read -r process; do
        case $(readlink "/proc/$process/exe") in "$work"/*) kill "$process" ;; esac
    done
    rm -rf "$work"
}
trap leave EXIT
cd "$work"
for package in dpkg=1.21.23 busybox-static=1:1.35.0-4+deb12u1+b1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
large=$work/root/sbin/start-stop-daemon
"$large" --version | head -n 1
mkdir -p srv/1 srv/2

# Starts, stops or asks for the tool with the pid file, and for all but the last kind with its program.
dpkg_start() { "$large" --quiet --start --background --make-pidfile --pidfile "$work/pid" --exec "$work/srv/current/tool" -- 600; }
dpkg_status() { "$large" --status --pidfile "$work/pid" --exec "$work/srv/current/tool"; }
dpkg_stop() { "$large" --quiet --stop --oknodo --retry 5 --pidfile "$work/pid" --exec "$work/srv/current/tool"; }
alone_start() { dpkg_start; }
alone_status() { "$large" --status --pidfile "$work/pid"; }
alone_stop() { "$large" --quiet --stop --oknodo --retry 5 --pidfile "$work/pid"; }
busybox_start() { root/bin/busybox start-stop-daemon -q -S -b -m -p "$work/pid" -x "$work/srv/current/tool" -- 600; }
busybox_status() { root/bin/busybox start-stop-daemon -q -K -t -p "$work/pid" -x "$work/srv/current/tool"; }
busybox_stop() { root/bin/busybox start-stop-daemon -q -K -o -p "$work/pid" -x "$work/srv/current/tool"; }

# Notes the process that the pid file names, once it has become the tool.
note() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        [ -s pid ] && case $(readlink "/proc/$(cat pid)/exe") in "$work"/srv/*) break ;; esac
        sleep 0.2
    done
    cat pid >>started
}

# Prints which of the processes noted run, by the releases that they are of; one that has ended but was not waited for has no exe.
running() {
    sleep 0.5
    sort -u started | while read -r process; do
        program=$(readlink "/proc/$process/exe") || continue
        case $program in
        "$work"/srv/*) echo "${program#"$work/srv/"}" ;;
        esac
    done | sort | sed 's/ (deleted)//; s/^/ /' | paste -s -d ,
}

# Starts release 1, changes it in the way given, and tells what becomes of it.
changes() {
    for then in status stop start; do
        rm -f pid started srv/1/tool srv/2/tool
        cp "$(command -v sleep)" srv/1/tool
        cp "$(command -v sleep)" srv/2/tool
        ln -sfn 1 srv/current
        "$1_start"
        note
        case $2 in
        replaced) cp srv/2/tool srv/1/new && mv srv/1/new srv/1/tool ;;
        turned) ln -sfn 2 srv/current ;;
        esac
        status=0
        "$1_$then" || status=$?
        [ "$then" != start ] || note
        echo "$1, $2, $then: exit $status, running:$(running)"
        sort -u started | while read -r process; do
            case $(readlink "/proc/$process/exe") in "$work"/*) kill "$process" ;; esac
        done
    done
}
{
    changes dpkg replaced
    changes dpkg turned
    changes alone turned
    changes busybox turned
} >seen
cat seen
diff - seen <<'TOLD'
dpkg, replaced, status: exit 0, running: 1/tool
dpkg, replaced, stop: exit 0, running:
dpkg, replaced, start: exit 1, running: 1/tool
dpkg, turned, status: exit 1, running: 1/tool
dpkg, turned, stop: exit 0, running: 1/tool
dpkg, turned, start: exit 0, running: 1/tool, 2/tool
alone, turned, status: exit 0, running: 1/tool
alone, turned, stop: exit 0, running:
alone, turned, start: exit 0, running: 1/tool, 2/tool
busybox, turned, status: exit 0, running: 1/tool
busybox, turned, stop: exit 0, running:
busybox, turned, start: exit 1, running: 1/tool
TOLD
