#!/bin/sh
# GUESS     `etcdctl lock deploy -- ./deploy` runs one deploy at a time in the whole fleet: by its docs the lock, once acquired, "will be
#           held until etcdctl is terminated". If it is lost all the same, the command is ended, or at least etcdctl ends with an
#           error. How the command ended is how etcdctl ends.
# HAPPENS   The lock hangs on a lease of ten seconds, which etcdctl renews. If that fails for longer, as where etcd's machine stands still
#           for a snapshot or the network is gone, the lease is out, the next one is let in, and both deploy. The first is told
#           nothing, etcdctl neither: its command goes on to its end, exit 0, no word. Each failure of a command is exit 1, so that a
#           deploy that ends with 75 to be tried later, or with 3 for "rolled back", has failed like any other.
# VERSIONS  etcd 3.4.23 (Debian 12)
# SOURCE    etcd's README of etcdctl, LOCK; etcdctl/ctlv3/command/lock_command.go: lockUntilSignal looks at no session.Done() where there
#           is a command. Seen by running, with etcd stopped by a signal for longer than the lease
# NEEDS     Debian 12's packages, python3 for a free port on loopback. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed
#           here.
set -eu

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -KILL "$server" 2>/dev/null || :; rm -rf "$work"' EXIT
cd "$work"
for package in etcd-server=3.4.23-4+b4 etcd-client=3.4.23-4+b4; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
PATH=$work/root/usr/bin:$PATH
export ETCDCTL_API=3 LC_ALL=C
etcdctl version | head -n 1 || { echo "not to be run here" >&2; exit 77; }

ports=$(python3 -c 'import socket
free = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in free))')
client=http://127.0.0.1:${ports% *}
peer=http://127.0.0.1:${ports#* }
etcd --data-dir data --listen-client-urls "$client" --advertise-client-urls "$client" --listen-peer-urls "$peer" \
    --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer" >log 2>&1 &
server=$!
tries=0
until etcdctl --endpoints="$client" endpoint health >words 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || { cat log; echo "etcd does not start here" >&2; exit 77; }
    sleep 0.5
done

# Runs a command under the lock, and prints how etcdctl ended.
locked() {
    name=$1
    shift
    status=0
    etcdctl --endpoints="$client" lock --ttl=2 deploy -- "$@" 2>>words || status=$?
    echo "$name: exit $status"
}
# A deploy that says when it has begun and waits to be told to end.
cat >deploy <<'DEPLOY'
#!/bin/sh
echo "$1 begins"
touch "$1-begun"
until [ -e "$1-ends" ]; do sleep 0.1; done
echo "$1 ends"
DEPLOY
chmod +x deploy
# Waits for a file for a minute at most.
await() {
    tries=0
    until [ -e "$1" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || { cat seen; exit 1; }
        sleep 0.1
    done
}
locked 'a command that ends with 0' true >seen
locked 'with 3' sh -c 'exit 3' >>seen
locked 'with 75' sh -c 'exit 75' >>seen
: >words
locked first ./deploy first >>seen &
first=$!
await first-begun
locked second ./deploy second >>seen &
second=$!
sleep 1
[ ! -e second-begun ] && echo 'second waits' >>seen
kill -STOP "$server"
sleep 8
kill -CONT "$server"
await second-begun
touch second-ends
wait "$second"
touch first-ends
wait "$first"
echo "words of etcdctl: $(wc -c <words)" >>seen
cat seen
diff - seen <<'TOLD'
a command that ends with 0: exit 0
with 3: exit 1
with 75: exit 1
first begins
second waits
second begins
second ends
second: exit 0
first ends
first: exit 0
words of etcdctl: 0
TOLD
