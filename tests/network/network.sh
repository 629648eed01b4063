#!/bin/sh
# Makes and removes a network of namespaces: a deploy server behind an uplink of its own, and sites of hosts that each have an sshd.
#
#   network.sh up DIR NAME SITES HOSTS RATE    one bridge a site, HOSTS on each; RATE as tc(8) has it, such as 100mbit, is the uplink's
#   network.sh down DIR NAME                   ends what runs in them, and removes them
#
# Root's own work. The deploy server is 10.77.0.1, host H of site S 10.77.S.H, in the namespaces NAME-deploy and NAME-sS-hH; each begins in
# DIR/hosts/sS-hH, where its root is, and finds its tools in the folder path of that, where there is one. DIR/ssh_config reaches them as hH.siteS.net from NAME-deploy.

set -eu

up() {
    dir=$1 name=$2 sites=$3 hosts=$4 rate=$5
    mkdir -p "$dir/hosts" /run/sshd
    ssh-keygen -q -t ed25519 -N '' -f "$dir/user"
    ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
    cp "$dir/user.pub" "$dir/authorized_keys"
    printf 'net %s\n' "$(cat "$dir/host.pub")" >"$dir/known_hosts"
    cat >"$dir/ssh_config" <<END
Host *
    User $(id -un)
    IdentityFile $dir/user
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile $dir/known_hosts
    GlobalKnownHostsFile /dev/null
    HostKeyAlias net
END
    ip netns add "$name-core"
    in_core ip link set lo up
    in_core ip link add core type bridge
    in_core ip link set core up
    join deploy core 10.77.0.1
    # Both ways: what leaves the deploy server, and what comes to it.
    limit "$name-deploy" eth0 "$rate"
    limit "$name-core" deploy "$rate"
    site=0
    while [ "$site" -lt "$sites" ]; do
        site=$((site + 1))
        in_core ip link add "s$site" type bridge
        in_core ip link set "s$site" up
        in_core ip link add "up$site" type veth peer name "down$site"
        in_core ip link set "up$site" master core up
        in_core ip link set "down$site" master "s$site" up
        host=0
        while [ "$host" -lt "$hosts" ]; do
            host=$((host + 1))
            join "s$site-h$host" "s$site" "10.77.$site.$host"
            listen "s$site-h$host" "10.77.$site.$host"
            printf 'Host h%s.site%s.net\n    HostName 10.77.%s.%s\n' "$host" "$site" "$site" "$host" >>"$dir/ssh_config"
        done
    done
}

in_core() {
    ip netns exec "$name-core" "$@"
}

# join NAMESPACE BRIDGE ADDRESS
join() {
    ip netns add "$name-$1"
    ip -n "$name-core" link add "$1" type veth peer name eth0 netns "$name-$1"
    in_core ip link set "$1" master "$2" up
    ip -n "$name-$1" link set lo up
    ip -n "$name-$1" address add "$3/16" dev eth0
    ip -n "$name-$1" link set eth0 up
}

limit() {
    ip netns exec "$1" tc qdisc add dev "$2" root tbf rate "$3" burst 256kb latency 50ms
}

# listen HOST ADDRESS: an sshd that lets everything begin in the host's own home.
listen() {
    home=$dir/hosts/$1
    mkdir -p "$home"
    cat >"$home.enter" <<END
#!/bin/sh
cd '$home' || exit 255
HOME=\$PWD TMPDIR=\$PWD
export HOME TMPDIR
[ ! -d path ] || PATH=\$PWD/path
exec /bin/sh -c "\$SSH_ORIGINAL_COMMAND"
END
    chmod 755 "$home.enter"
    cat >"$home.sshd" <<END
Port 22
ListenAddress $2
HostKey $dir/host
PidFile $home.pid
AuthorizedKeysFile $dir/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
ForceCommand $home.enter
END
    ip netns exec "$name-$1" /usr/sbin/sshd -f "$home.sshd" -E "$home.log"
}

down() {
    dir=$1 name=$2
    for space in $(ip netns list | sed -n "s/^\($name-[^ ]*\).*/\1/p"); do
        for pid in $(ip netns pids "$space"); do
            kill -9 "$pid" 2>/dev/null || :
        done
        ip netns delete "$space"
    done
}

"$@"
