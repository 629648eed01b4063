# shellcheck shell=sh
# Asks what the host has; changes nothing.

say_facts() {
    say_os
    look_for_tools
    [ -z "$missing" ] || say fact missing "$missing"
    [ "$p_deep" = tools ] || return 0
    # What only a process can find out; and what could not be found out is not told.
    if arch=$(uname -m) && [ -n "$arch" ]; then
        say fact arch "$arch"
    fi
    if python=$(command -v python3); then
        ! version=$(python3 --version 2>&1 </dev/null) || say fact python3 "${version#Python }"
        say fact python3-path "$python"
    fi
    if command -v rsync >/dev/null; then
        say_rsync
    fi
    say_carriers
    try_tools
}

# Says what fetches from a web server here, and on which ports somebody listens: a relay, or a swarm, would find them taken.
say_carriers() {
    fetchers=''
    for tool in curl wget; do
        ! command -v "$tool" >/dev/null 2>&1 || fetchers="${fetchers:+$fetchers }$tool"
    done
    say fact fetches "${fetchers:-none}"
    taken=' '
    for table in /proc/net/tcp /proc/net/tcp6; do
        [ -r "$table" ] || continue
        # An address ends with the port, in four hexadecimal digits; 0A is who listens (proc(5)).
        while read -r _ address _ state _; do
            case $state$taken in
            0A*" ${address##*:} "*) ;;
            0A*) taken="$taken${address##*:} " ;;
            esac
        done <"$table"
    done
    say fact listens "$taken"
}

# Says at which address ssh came here: there a relay would listen, and from there this host comes to one.
say_address() {
    # shellcheck disable=SC2086
    set -- ${SSH_CONNECTION:-}
    [ $# -ne 4 ] || say fact address "$3"
}

# Says what a pack could be unpacked with, and whether it could come from a swarm.
say_unpackers() {
    command -v tar >/dev/null 2>&1 || return 0
    unpackers=tar
    for tool in zstd gzip aria2c; do
        ! command -v "$tool" >/dev/null 2>&1 || unpackers="$unpackers $tool"
    done
    say fact unpacks "$unpackers"
}

# What the host calls its system, os-release(5).
say_os() {
    [ -r /etc/os-release ] || return 0
    os='unknown' os_version=''
    while read -r line; do
        case $line in
        ID=*) os=${line#ID=} ;;
        VERSION_ID=*) os_version=${line#VERSION_ID=} ;;
        esac
    done </etc/os-release
    os=${os#[\"\']} os=${os%[\"\']} os_version=${os_version#[\"\']} os_version=${os_version%[\"\']}
    say fact os "$os${os_version:+-$os_version}"
}

# Tells two names of one machine from two machines: the kernel that runs, and the folder that releases are in or will be.
say_machine() {
    kernel=''
    read -r kernel 2>/dev/null </proc/sys/kernel/random/boot_id || read -r kernel 2>/dev/null </etc/machine-id
    place=$p_root
    below=''
    while [ ! -d "$place" ]; do
        below=/${place##*/}$below
        case $place in
        /*/*) place=${place%/*} ;;
        /*) place=/ ;;
        */*) place=${place%/*} ;;
        *) place=. ;;
        esac
    done
    # The root was looked at for other reasons.
    folder=$here
    [ -n "$folder" ] || folder=$(stat -L -c '%d:%i' "$place" 2>/dev/null)
    [ -z "$kernel" ] || [ -z "$folder" ] || say fact machine "$kernel:$folder$below"
    case $p_deep in
    tools | page) say_place ;;
    esac
}

# What a transfer needs of that folder, and what is left there, where df tells it.
say_place() {
    if place_says=$(df -P -k "$place" 2>/dev/null) && read_room "$place_says" && is_number "$room_free"; then
        say fact room "$room_free"
    fi
    # Some file systems count none.
    if place_says=$(df -P -i "$place" 2>/dev/null) && read_room "$place_says" && is_number "$room_free" &&
        [ "$room_all" != 0 ]; then
        say fact inodes "$room_free"
    fi
    ! ask_time || say fact clock "$time"
    # Nothing but the shell is asked for these.
    if logical=$(cd -L "$place" 2>/dev/null && pwd -L) && physical=$(cd -P "$place" 2>/dev/null && pwd -P) &&
        [ "$logical" != "$physical" ]; then
        say fact behind "$physical$below"
    fi
}

# Tries what is not the same everywhere, as a rollout uses it.
try_tools() {
    work_here
    not_right=''
    (
        cd "$work" && mkdir old new && ln -s old link && ln -s new next &&
            mv -f -T next link && [ "$(readlink link)" = new ] && [ ! -h old/next ]
    ) >/dev/null 2>&1 || not_right="$not_right mv"
    (
        cd "$work" && echo x >old/file && ln -s nowhere old/link && cp -al old copy &&
            [ -f copy/file ] && [ -h copy/link ]
    ) >/dev/null 2>&1 || not_right="$not_right cp"
    case $(stat -c '%f %s %h' "$work/old/file" 2>/dev/null) in
    8???' 2 '[12]) ;;
    *) not_right="$not_right stat" ;;
    esac
    (
        cd "$work/old" && find . -mindepth 1 -type f -print0 >"$work/found0" && tr '\000' '|' <"$work/found0" >"$work/found" &&
            [ "$(cat "$work/found")" = './file|' ]
    ) >/dev/null 2>&1 || not_right="$not_right find"
    [ -z "$not_right" ] || say fact wrong "${not_right# }"
}

# Tells whether the manifest of what the link leads to was not written since it was proven; sets `digest` to what was recorded then.
is_recorded() {
    [ "$link_target" = "releases/$link_id" ] && [ -f "$link_target/MANIFEST" ] && read_record "$link_id" "${link_id##*-}" &&
        [ ! "$link_target/MANIFEST" -nt ".coalmine/proven.$link_id" ] && digest=$known
}

say_link() {
    look "$p_link"
    case $link_is in
    missing)
        say link missing
        say_package
        ;;
    release)
        case $p_deep in
        yes | files | page | "$link_id") ;;
        *)
            # Through the link, as whoever uses it does; who takes the lock goes by the name.
            digest=''
            [ "$p_deep" = lock ] || is_recorded || digest_of "./$p_link"
            say link release "$link_id" "${digest:--}"
            return 0
            ;;
        esac
        # Its own manifest may have been changed along with the rest: its name has the digest's begin.
        if [ "$link_target" = "releases/$link_id" ] && was_proven "$link_id" "${link_id##*-}"; then
            say link release "$link_id" "$digest"
            say proof metadata "$proven_at"
            return 0
        fi
        digest_of "./$p_link"
        say link release "$link_id" "${digest:--}"
        if prove "./$p_link/." full "${link_id##*-}"; then
            say proof hashes "$proof_time"
            [ "$link_target" != "releases/$link_id" ] || record "$link_id" "$digest" "$proof_time"
        else
            say_drift
            [ "$p_deep" != page ] || say_each_drift
        fi
        ;;
    *)
        say link unmanaged
        if runs_commands && [ -n "$p_version_command" ]; then
            work_here
            attempt 10 "./$p_link" "$p_version_command"
            if [ "$attempt_code" = 0 ] && hex_file "$output"; then
                say version "$hexed"
            fi
        fi
        ;;
    esac
}

# Tells whether a survey goes so deep that the product may be asked.
runs_commands() {
    case $p_deep in
    no | lock | log | tools) return 1 ;;
    esac
}

# Names what differs, and what is too much: so many of each as a person reads. A name that cannot be told is one that is not told.
say_each_drift() {
    sed -n -e "1,100s/^/$p_token differs /p" "$work/wrong" || :
    sed -n -e "1,100s|^\./|$p_token surplus |p" "$work/extra" || :
}

# Gives the end of what was done here, which is for people: a host without it has none to give.
say_log() {
    [ -f .coalmine/log ] && work_here || return 0
    tail -n 200 .coalmine/log 2>/dev/null >"$work/log" || return 0
    sed -e "s/^/$p_token log /" "$work/log" || :
}

probe() {
    say_unpackers
    say_address
    say_link
    read_state
    find_owner
    [ -z "$astray" ] || { forget_state && say astray "$astray"; }
    for fact in "current $state_current" "good $state_good" "previous $state_previous" "rollout $state_rollout" \
        "pending $state_pending" "adopted $state_adopted"; do
        [ -z "${fact#* }" ] || say state "$fact"
    done
    for name in $state_was; do
        say state "was $name"
    done
    for name in $state_bad; do
        say state "bad $name"
    done
    say_adopted
    say_slots
    case $p_deep in
    tools) say_path ;;
    page | log) say_log ;;
    # Where nothing stood in the link's place before, a way back from coalmine leads to this.
    yes) [ "$link_is" = missing ] || [ -n "$state_adopted" ] || say_package ;;
    esac
    [ -d releases ] || return 0
    say_releases release
}

# Says what stood in the link's place before the first release came, and whether it is still there.
say_adopted() {
    case $state_adopted in
    '') return 0 ;;
    link)
        adopted_is=''
        if [ -h ".coalmine/adopted.$p_link" ]; then
            learn readlink ".coalmine/adopted.$p_link"
            adopted_is=$learned
        fi
        ;;
    *) adopted_is=releases/$state_adopted ;;
    esac
    there=gone
    [ -z "$adopted_is" ] || [ ! -e "$adopted_is" ] || there=there
    hex_of "$adopted_is"
    say adopted "$there" "$hexed"
}

# find_tool FOLDERS [others]: sets `tool_at` to what a shell with this PATH runs by the tool's name, ours left out where others are
# asked for; to nothing where it finds none. The shell's own lookup would find our functions first.
find_tool() {
    tool_at=''
    [ -n "$p_tool" ] || return 0
    tool_rest=$1:
    while [ -n "$tool_rest" ]; do
        tool_folder=${tool_rest%%:*} tool_rest=${tool_rest#*:}
        if [ -n "$tool_folder" ] && [ -f "$tool_folder/$p_tool" ] && [ -x "$tool_folder/$p_tool" ]; then
            tool_at=$tool_folder/$p_tool
            [ "${2:-}" = others ] && is_behind_link "$tool_at" || return 0
            tool_at=''
        fi
    done
}

# Tells whether a file is the one that the link leads to, by whatever links.
is_behind_link() {
    [ -e "./$p_link/bin/$p_tool" ] && runs=$(stat -L -c '%d:%i' "$1" 2>/dev/null) && [ -n "$runs" ] &&
        [ "$runs" = "$(stat -L -c '%d:%i' "./$p_link/bin/$p_tool" 2>/dev/null)" ]
}

# Says what of the tool is there beside what we install: a package's copy, and its version.
say_package() {
    case $p_deep in
    no | lock | log) return 0 ;;
    esac
    find_tool "$PATH" others
    [ -n "$tool_at" ] || return 0
    packaged=$tool_at version=-
    # By a path of a release's own it cannot be asked.
    case ${p_version_command%% *} in
    '' | */*) ;;
    *)
        if runs_commands; then
            work_here
            attempt 10 . "$p_version_command"
            [ "$attempt_code" != 0 ] || ! hex_file "$output" || version=$hexed
        fi
        ;;
    esac
    hex_of "$packaged"
    say packaged "$hexed" "$version"
}

# Says what a login shell runs by the tool's name, and whether that is what the link leads to.
say_path() {
    [ -n "$p_tool" ] && [ -x "./$p_link/bin/$p_tool" ] || return 0
    work_here
    # Whatever shell it is; and of its variables no more than one.
    # shellcheck disable=SC2016 # it is that shell which expands it
    attempt 10 . '"${SHELL:-/bin/sh}" -l -c env 2>/dev/null | while read -r line; do
        case $line in PATH=*) printf "%s\n" "$line" ;; esac
    done'
    path=''
    while read -r line; do
        case $line in
        PATH=*) path=${line#PATH=} ;;
        esac
    done <"$output"
    find_tool "${path:-$PATH}"
    if [ -z "$tool_at" ]; then
        say path none
        return 0
    fi
    hex_of "$tool_at"
    whose=other
    ! is_behind_link "$tool_at" || whose=ours
    say path "$whose" "$hexed"
}
