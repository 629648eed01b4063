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
    if ! "by_$p_how" 2>"$work/said"; then
        printf '\n'
        why=''
        while IFS= read -r line; do
            case $line in
            # Its own last line names a line of its source; what happened stands before it.
            '' | 'rsync error:'*) ;;
            *) why=$line ;;
            esac
        done <"$work/said"
        say failed "${why:-nobody says why}"
        finish
    fi
    printf '\n'
    if [ ! -f "$fetched" ]; then
        say failed "nothing was put into $PWD/$fetched"
        finish
    fi
    learn sha256sum "$fetched"
    if [ "${learned%% *}" = "$p_sum" ]; then
        say fetched
    else
        erase "$fetched"
        say differs
    fi
}

# From a web server, a cache or an object store.
# shellcheck disable=SC2154
by_http() {
    begin_telling
    if command -v curl >/dev/null 2>&1; then
        curl -fsSL --connect-timeout 10 --speed-limit 1 --speed-time "$p_stall" ${p_limit:+--limit-rate "${p_limit}k"} \
            -o "$fetched" "$p_url"
    elif command -v wget >/dev/null 2>&1; then
        wget -q -T "$p_stall" -O "$fetched" "$p_url"
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
