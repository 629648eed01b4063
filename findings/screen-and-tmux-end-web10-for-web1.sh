#!/bin/sh
# GUESS     With a session for each host, `screen -S web1 -X quit` ends that of web1, and fails where there is none. So does
#           `tmux kill-session -t web1`, and `tmux has-session -t web1 || tmux new -d -s web1 …` starts what is not there.
# HAPPENS   Where there is no web1, and web10 is the only one that begins so, it is web10 that is ended, exit 0, with what runs in it; and
#           the keys of `-X stuff` and send-keys are typed there. has-session says that web1 is there, so it is never started.
#           With web10 and web11 both fail, with another word each, and with web1 it is web1: so on a few hosts all seems
#           well, and the second run, after web1 has ended, takes the neighbour. tmux has `-t =web1` for it; screen has no word
#           that means the whole name, only the number in front, 4711.web1, which `screen -ls web1` lists for web10 as well.
# VERSIONS  screen 4.9.0, tmux 3.3a (Debian 12)
# SOURCE    screen(1) has -S for making a session, and of finding one says nothing; tmux(1), COMMANDS, target-session: the whole name, then
#           "the start of a session name", then a pattern. Seen by running
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
# Ends all sessions that are there.
end() {
    for socket in "$work"/sockets/*; do
        [ ! -e "$socket" ] || screen -S "${socket##*/}" -X quit >/dev/null || :
    done
    tmux kill-server 2>/dev/null || :
}
trap 'end; rm -rf "$work"' EXIT
cd "$work"
for package in screen=4.9.0-4 tmux=3.3a-3 libutempter0=1.2.1-3 libevent-core-2.1-7=2.1.12-stable-8+deb12u1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
PATH=$work/root/usr/bin:$PATH
if ldd root/usr/bin/screen root/usr/bin/tmux | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi
mkdir -m 700 sockets tmux
export SCREENDIR="$work/sockets" TMUX_TMPDIR="$work/tmux" TERM=xterm
unset TMUX
screen --version || :
tmux -V

# Starts sessions of the names given, asks each tool to end web1, and prints the status and what is left.
ends() {
    for name in "$@"; do
        screen -dmS "$name" sleep 60
        tmux -f /dev/null new-session -d -s "$name" 'sleep 60'
    done
    sleep 0.5
    by_screen=0
    screen -S web1 -X quit >/dev/null || by_screen=$?
    by_tmux=0
    tmux has-session -t web1 2>/dev/null || by_tmux=$?
    has=$by_tmux
    by_tmux=0
    tmux kill-session -t web1 2>/dev/null || by_tmux=$?
    sleep 0.5
    left=$(for socket in sockets/*; do [ ! -e "$socket" ] || echo "${socket#*.}"; done | sort | paste -s -d ' ')
    echo "$*: screen, exit $by_screen, left [$left]; tmux, has-session $has, kill-session $by_tmux," \
        "left [$(tmux list-sessions -F '#S' 2>/dev/null | sort | paste -s -d ' ')]"
    end
    sleep 0.5
}
{
    ends web10
    ends web1 web10
    ends web10 web11
    ends web2
    tmux -f /dev/null new-session -d -s web10 'sleep 60'
    tmux kill-session -t =web1 2>/dev/null || echo "tmux, =web1: exit $?"
} >seen
cat seen
diff - seen <<'TOLD'
web10: screen, exit 0, left []; tmux, has-session 0, kill-session 0, left []
web1 web10: screen, exit 0, left [web10]; tmux, has-session 0, kill-session 0, left [web10]
web10 web11: screen, exit 1, left [web10 web11]; tmux, has-session 1, kill-session 1, left [web10 web11]
web2: screen, exit 1, left [web2]; tmux, has-session 1, kill-session 1, left [web2]
tmux, =web1: exit 1
TOLD
