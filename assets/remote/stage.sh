# shellcheck shell=sh
# Prepares the folder into which a release travels: releases/.ID.ROLLOUT, hard links of a release that is there already.
#
# Answers `already`, or `absent` with what could be linked, or `staged` with where, and what is known to be wrong with it.

# Refuses a host that cannot run what is to be sent.
require() {
    [ -z "$p_python_path" ] && return 0
    learn uname -m
    machine=$learned
    [ "$machine" = "$p_machine" ] || fail interpreter "was built for $p_machine, the host is $machine"
    [ -x "$p_python_path" ] || fail interpreter "needs $p_python_path, which is not there"
    # Extensions and bytecode are of all bug-fix releases of one series.
    python_says=$("$p_python_path" --version 2>&1 </dev/null)
    case ${python_says#Python } in
    "$p_python_series" | "$p_python_series"[!0-9]*) ;;
    *) fail interpreter "needs Python $p_python_series, $p_python_path is ${python_says:-no Python}" ;;
    esac
}

# room KIND: what `df -P KIND` says of this folder.
room() {
    learn df -P "$1" .
    read_room "$learned" || fail io "df says nothing of $PWD: $learned"
}

enough_room() {
    # Most can be told by one call; what is told to people is what `df` says.
    # shellcheck disable=SC2046
    set -- $(stat -f -c '%a %S %c %d' . 2>/dev/null)
    if [ $# -eq 4 ] && is_number "$1" && is_number "$2" && is_number "$3" && is_number "$4" && [ "$2" -gt 0 ] &&
        [ "$1" -ge $((p_need_kib * 1024 / $2 + 1)) ] && [ "$3" -gt 0 ] && [ "$4" -ge "$p_need_inodes" ]; then
        return 0
    fi
    room -k
    # Where nobody counts, a dash says so.
    if is_number "$room_free" && [ "$room_free" -lt "$p_need_kib" ]; then
        say room "$p_need_kib" "$room_free" "$room_where"
        fail room "no space"
    fi
    # Some file systems count none and say 0 of 0, or a dash; some df do not ask.
    case $(df -P -i . 2>&1) in
    *option*) return 0 ;;
    esac
    room -i
    if is_number "$room_all" && is_number "$room_free" && [ "$room_all" -gt 0 ] && [ "$room_free" -lt "$p_need_inodes" ]; then
        fail inodes "needs $p_need_inodes inodes, $room_free are free on $room_where"
    fi
}

# Tells where it lies without any link on the way there: rsync follows none of another owner's (3.5.0). That side takes the
# path only where it ends as it chose.
staged() {
    # What is packed is not compressed by rsync; what was begun before us may not be.
    case ${p_pack:+pack}-$2 in
    pack-base | pack-nothing) ;;
    *) say_rsync ;;
    esac
    cd -P "$staging" || fail io "cannot enter $PWD/$staging"
    case $PWD in
    *"$newline"*) fail io "target.root has a line feed in it, and no transfer can go there: $PWD" ;;
    esac
    [ -z "$p_pack" ] || [ ! -f "$p_pack" ] || say pack "$p_pack"
    say staged "$1" "$2" "$PWD"
}

# link_copy FROM: makes the staging folder as hard links, whole or not at all. Until `say_made` it counts as half.
link_copy() {
    write half "$made"
    if ! cp -al "$1" "$staging" 2>/dev/null; then
        # Files of another owner, or another file system: everything travels, then.
        scrap "$staging"
        return 1
    fi
    [ -w "$staging" ] || make_writable "$staging"
}

say_made() {
    hold
    write whole "$made"
}

# Tells whether the staging folder is more than the half of a copy.
is_made() {
    [ -e "$made" ] || return 0
    how=''
    read -r how <"$made"
    [ "$how" = whole ]
}

# Tells whether a copy of the release that is here is whole.
proves() {
    case $1 in
    releases/.*) prove "$1" "$p_verify" "$p_digest" ;;
    *) prove_release "$p_id" "$p_verify" "$p_digest" ;;
    esac
}

phase_stage() {
    require_tools ''
    enter
    # What is there and was not touched since is told by a look at the lease: nothing is done to it.
    read_lease
    if holds_lease && was_proven "$p_id" "$p_digest"; then
        read_lease
        holds_lease || lost
        printf '%s\n' "$p_rollout" 2>/dev/null >".coalmine/primed.$p_id"
        say already
        return
    fi
    fence long
    sweep
    staging=releases/.$p_id.$p_rollout
    made=.coalmine/linked.made.$p_rollout
    goal='final'
    broken=''
    for there in "releases/$p_id" "releases/.$p_id.repair"; do
        [ -d "$there" ] || continue
        if proves "$there"; then
            printf '%s\n' "$p_rollout" >".coalmine/primed.$p_id" 2>/dev/null
            say already
            return
        fi
        if [ "$there" = "releases/$p_id" ]; then
            broken=$there
            # What a link names is replaced beside, and swapped when it is switched to.
            ! is_linked "$there" || goal=repair
            for list in wrong kind extra; do
                must cp "$work/$list" "$work/$list.broken"
            done
            broken_wrong=$wrong
        elif is_linked "$there"; then
            # Somebody changed the copy that replaces the one that somebody changed.
            goal=repair
        fi
    done
    require
    if [ -d "$staging" ] && is_made; then
        make_writable "$staging"
        staged "$goal" resumed
        return
    fi
    scrap "$staging"
    [ -z "$broken" ] || enough_room
    if [ -n "$broken" ] && link_copy "$broken"; then
        for list in wrong kind extra; do
            rename "$work/$list.broken" "$work/$list"
        done
        wrong=$broken_wrong
        make_writable "$staging"
        mend "$staging"
        say_made
        say_wrong
        staged "$goal" self
        return
    fi
    case $p_base in
    '')
        # Our side chooses among them.
        look "$p_link"
        say_rsync
        [ -z "$link_id" ] || say has "$link_id"
        say_releases has
        say absent
        return
        ;;
    -) ;;
    *)
        [ -d "releases/$p_base" ] || fail base "$p_base is gone"
        enough_room
        before_links "$p_base"
        if link_copy "releases/$p_base"; then
            made_links "$p_base"
            [ -n "$p_pack" ] || make_writable "$staging"
            removals
            say_made
            staged "$goal" base
            return
        fi
        # Nothing can be linked, so everything travels; our side knows how much that is.
        fail base "$p_base cannot be linked"
        ;;
    esac
    enough_room
    must mkdir "$staging"
    [ ! -e "$made" ] || say_made
    staged "$goal" nothing
}

# Removes what our side listed, plain names at once and odd ones each by itself. A line that ends with a slash says in which folder the
# names below it are; nothing but a slash, that they are in the release itself.
removals() {
    [ -n "$p_removals" ] || return 0
    case $p_removals in
    *\\*) ;;
    *)
        # Fewer than an argument list can be, and none that is spelled otherwise.
        if [ ${#p_removals} -lt 50000 ] && spell_removals && [ ${#spelled} -lt 500000 ]; then
            remove_plain "$staging"
            return 0
        fi
        ;;
    esac
    work_here
    # No program's argument: the list may be longer than one can be.
    awk '{ at = length($0) } substr($0, at) == "/" { folder = at > 1 ? $0 : ""; next } { print folder $0 }' >"$work/removals" <<END_OF_REMOVALS ||
$p_removals
END_OF_REMOVALS
        fail io "cannot list what the new release has no more"
    if ! removals_plain >"$work/removals0" || ! removals_odd >>"$work/removals0"; then
        fail io "cannot list what the new release has no more"
    fi
    remove_listed "$staging" "$work/removals0"
}

# Sets `spelled` to the paths that are removed, a line each: folder by folder, for a shell copies all of what it adds to.
spell_removals() {
    spelled='' folder='' below=''
    set -f
    IFS=$newline
    for path in $p_removals; do
        if in_folder; then
            below=$below$newline$path
        else
            spelled=$spelled$below below=''
        fi
    done
    spelled=$spelled$below
    set +f
    IFS=" $tab$newline"
}

remove_plain() {
    set -f
    IFS=$newline
    # shellcheck disable=SC2086
    set -- "$1" $spelled
    set +f
    IFS=" $tab$newline"
    came_from=$PWD
    cd "$1" || fail io "cannot enter $PWD/$1"
    shift
    if ! rm -rf -- "$@" 2>/dev/null; then
        make_writable .
        must rm -rf -- "$@"
    fi
    cd "$came_from" || fail io "cannot enter $came_from"
}

removals_plain() {
    sed -e '/\\/d' "$work/removals" >"$work/plain" && tr '\n' '\000' <"$work/plain"
}

removals_odd() {
    sed -n -e '/\\/p' "$work/removals" >"$work/odd" || return 1
    while IFS= read -r path; do
        printf '%b\000' "$path" || return 1
    done <"$work/odd"
}
