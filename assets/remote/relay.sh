# shellcheck shell=sh
# Passes packs on to the hosts of a site: an rsync daemon of this rollout's own, which has one module that can be read and no other, takes
# these hosts and this secret alone, and is gone when nobody holds this shell any more, or at its deadline.
#
# Answers `relay` with the port, and where packs are put; then it stays. Later, where the daemon ended before this did, `gone`.

# shellcheck disable=SC2154
phase_relay() {
    require_tools ''
    enter
    if [ -n "$p_fence" ]; then
        read_lease
        holds_lease || lost
    fi
    # Temporary by its name: it goes with this shell, or at the next visit.
    relay=.coalmine/relay.$p_nonce
    must mkdir -m 700 "$relay"
    must mkdir -m 700 "$relay/packs"
    came_from=$PWD
    cd -P "$relay" || fail io "cannot enter $PWD/$relay"
    relay=$PWD
    cd "$came_from" || fail io "cannot enter $came_from"
    case $relay in
    # What rsync's configuration would read otherwise (rsyncd.conf(5)).
    *"$newline"* | *%* | *\\*) fail io "no relay can be in $relay, for the characters in that name" ;;
    esac
    umask 077
    write "coalmine:$p_secret" "$relay/secret"
    write_relay
    umask 022
    port=$p_first
    while [ "$port" -le "$p_last" ]; do
        if serves_on "$port"; then
            mark "$relay/serves"
            say relay "$port" "$relay"
            # Until the other side lets go, or is gone.
            while read -r _ <&3; do :; done
            remove_work "$relay"
            kill -9 0
        fi
        port=$((port + 1))
    done
    reason=''
    read -r reason 2>/dev/null <"$relay/said" || :
    fail port "no port of $p_first to $p_last could be listened on${reason:+: $reason}"
}

# In its global part, or it comes too late: where no resolver answers each connection would wait for that.
# shellcheck disable=SC2154
write_relay() {
    settings="use chroot = no
reverse lookup = no
forward lookup = no
lock file = $relay/lock
log file = $relay/log
max connections = $p_connections
timeout = $p_stall"
    # As root it would be nobody, who may not read this.
    know_me || fail io "id gave no answer"
    [ "$me" != 0 ] || settings="$settings
uid = 0
gid = 0"
    write "$settings
[packs]
path = $relay/packs
read only = yes
list = no
auth users = coalmine
secrets file = $relay/secret
hosts allow = $p_allow
hosts deny = *" "$relay/config"
}

# Tells whether a daemon serves on a port: it must take our secret, so that another's is not taken for it.
# shellcheck disable=SC2154
serves_on() {
    rm -f "$relay/over"
    (
        rsync --daemon --no-detach "--config=$relay/config" "--port=$1" "--address=$p_address" \
            ${p_limit:+"--bwlimit=$p_limit"} >"$relay/said" 2>&1
        printf '' >"$relay/over"
        [ ! -e "$relay/serves" ] || printf '\n%s gone\n' "$p_token"
    ) </dev/null 3<&- &
    serving=$!
    tried=0
    while [ "$tried" -lt 50 ]; do
        [ ! -e "$relay/over" ] || return 1
        if RSYNC_PASSWORD=$p_secret rsync --contimeout=5 --timeout=5 "--address=$p_address" \
            "rsync://coalmine@$p_where:$1/packs/" >/dev/null 2>&1 </dev/null; then
            return 0
        fi
        tried=$((tried + 1))
        sleep 0.1 2>/dev/null || sleep 1
    done
    kill "$serving" 2>/dev/null
    return 1
}
