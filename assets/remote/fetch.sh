# shellcheck shell=sh
# Fetches a pack from elsewhere than the deploy server, into the folder that it is meant for.
#
# Nobody there is trusted: what came counts only where it has the digest that the deploy server said. How far it is stands on standard
# output as rsync writes it, and is read on the other side.
#
# Answers `fetched`, or `differs` where something else came, or `failed` with why nothing did.

# shellcheck disable=SC2154
phase_fetch() {
    enter
    if [ -n "$p_fence" ]; then
        read_lease
        holds_lease || lost
    fi
    if [ ! -d "$p_folder" ] || [ -h "$p_folder" ]; then
        fail io "$PWD/$p_folder is gone"
    fi
    fetched=$p_folder/$p_pack
    if [ -h "$fetched" ] || { [ -e "$fetched" ] && [ ! -f "$fetched" ]; }; then
        erase "$fetched"
    fi
    work_here
    silent='nobody says why'
    if ! "by_$p_how" 2>"$work/said"; then
        printf '\n'
        why=''
        while IFS= read -r line; do
            case $line in
            # Their last lines, behind what happened: where that is in the source, and that it is not tried again.
            '' | 'rsync error:'* | 'Giving up.') ;;
            *) why=$line ;;
            esac
        done <"$work/said"
        say failed "${why:-$silent}"
        finish
    fi
    printf '\n'
    if [ ! -f "$fetched" ]; then
        say failed "nothing was put into $PWD/$fetched"
        finish
    fi
    if is_whole; then
        say fetched
        [ "$p_how" != torrent ] || share
    else
        erase "$fetched"
        say differs
    fi
}

# Tells whether what came has the digest of what was built. What hashes fast is believed where it says so; else sha256sum decides.
# shellcheck disable=SC2154
is_whole() {
    careful=''
    choose_hasher
    # shellcheck disable=SC2086
    case $($hasher "$fetched" 2>/dev/null) in "$p_sum "*) return 0 ;; esac
    learn sha256sum "$fetched"
    [ "${learned%% *}" = "$p_sum" ]
}

# From all who have some of it, by BitTorrent. aria2 writes into a folder of its own, where a file has its final name and size long before
# it is whole; what it calls when it is, with the number of files for an argument, makes a file of that name. It finds no peers but those
# that the tracker names, which the deploy server has told it of over ssh, and asks that as nobody's proxy.
# shellcheck disable=SC2154
by_torrent() {
    # shellcheck disable=SC2086
    set -- ${SSH_CONNECTION:-}
    tracker=${p_tracker:-${1:-}} own=${3:-}
    case $own in *:*) own='' ;; esac
    case $tracker in
    '')
        printf 'ssh does not say where the deploy server is, and transfer.torrent_address neither\n' >&2
        return 1
        ;;
    *:*)
        printf 'ssh came over IPv6, and swarms are for IPv4: see transfer.torrent_address\n' >&2
        return 1
        ;;
    esac
    swarm=.coalmine/swarm.$p_nonce
    must mkdir -m 700 "$swarm"
    # Escapes of octal digits, and nothing else.
    # shellcheck disable=SC2059
    printf "$p_torrent" >"$swarm/torrent" || return 1
    # Not among its arguments, which everybody here can read.
    write "bt-tracker=http://$tracker:$p_announce" "$swarm/conf"
    (
        cd "$swarm" || exit
        unset http_proxy all_proxy
        exec aria2c --conf-path=conf --enable-rpc=false --quiet=true --dir=. --file-allocation=none --disk-cache=0 \
            --enable-dht=false --enable-dht6=false --enable-peer-exchange=false --bt-enable-lpd=false --disable-ipv6=true \
            ${own:+"--interface=$own"} "--listen-port=$p_ports" \
            --bt-tracker-interval=3 "--bt-stop-timeout=$p_stall" "--stop=$p_deadline" "--stop-with-process=$$" \
            ${p_limit:+"--max-overall-download-limit=${p_limit}K"} ${p_upload:+"--max-overall-upload-limit=${p_upload}K"} \
            --seed-ratio=0.0 --seed-time=1440 --on-bt-download-complete=touch torrent >said 2>&1
    ) </dev/null &
    aria=$!
    while [ ! -e "$swarm/1" ]; do
        if ! kill -0 "$aria" 2>/dev/null; then
            wait "$aria"
            code=$?
            aria=''
            [ ! -e "$swarm/1" ] || break
            case $code in
            7) printf 'nothing came from the swarm for %s s\n' "$p_stall" >&2 ;;
            *) printf 'aria2 ended with %s\n' "$code" >&2 ;;
            esac
            return 1
        fi
        sleep 1
        # What is written of it comes in no order: blocks of 512 bytes are counted.
        ! blocks=$(stat -c %b "$swarm/$p_pack" 2>/dev/null) || printf '%s 0%%\r' "$((blocks * 512))"
    done
    ln "$swarm/$p_pack" "$fetched"
}

# Gives to others what came from the swarm, until nobody listens to this any more: whoever asked for it closes the connection then.
share() {
    while [ -n "$aria" ] && kill -0 "$aria" 2>/dev/null && sleep 1; do
        printf '\r' || break
    done
}

# From a relay's daemon; where a part of it is there already, what is in it is not sent again.
# shellcheck disable=SC2154
by_relay() {
    RSYNC_PASSWORD=$p_secret rsync --inplace --ignore-times --no-motd --no-human-readable --info=progress2 --contimeout=10 \
        "--timeout=$p_stall" ${p_own:+"--address=$p_own"} ${p_limit:+"--bwlimit=$p_limit"} -- "$p_url/$p_pack" "$fetched"
}

# From this host's own folder, where it is a relay itself.
# shellcheck disable=SC2154
by_link() {
    rm -f "$fetched"
    ln "$p_from/$p_pack" "$fetched" 2>/dev/null || cp "$p_from/$p_pack" "$fetched"
}

# From a web server, a cache or an object store.
# shellcheck disable=SC2154
by_http() {
    begin_telling
    if command -v curl >/dev/null 2>&1; then
        curl -fsSL --connect-timeout 10 --speed-limit 1 --speed-time "$p_stall" ${p_limit:+--limit-rate "${p_limit}k"} \
            -o "$fetched" "$p_url"
    elif command -v wget >/dev/null 2>&1; then
        # By itself it would begin twenty times, and of an end that came early it says nothing.
        silent="the connection ended early, or nothing came for $p_stall s"
        wget -nv -t 1 -T "$p_stall" ${p_limit:+"--limit-rate=${p_limit}k"} -O "$fetched" "$p_url"
    else
        printf 'neither curl nor wget is installed\n' >&2
        false
    fi
    end_telling $?
}

# By the site's own command, which finds what it needs in its environment.
# shellcheck disable=SC2154
by_command() {
    begin_telling
    COALMINE_FILE=$PWD/$fetched COALMINE_PACK=$p_pack COALMINE_SHA256=$p_sum COALMINE_HOST=$p_name \
        sh -c "$p_command" >/dev/null
    end_telling $?
}

# Tells once a second how much is there: what fetches it tells people, or nobody.
begin_telling() {
    while sleep 1 && kill -0 "$$"; do
        ! size=$(stat -c %s "$fetched") || printf '%s 0%%\r' "$size"
    done 2>/dev/null &
    telling=$!
}

# end_telling CODE: gives that code.
end_telling() {
    kill "$telling" 2>/dev/null
    return "$1"
}
