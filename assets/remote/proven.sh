# shellcheck shell=sh
# Proven and not touched since: what was hashed once counts as long as the metadata of every entry is what it was, as in git's index.
#
# .coalmine/proven.ID is a line: a version, the digest of the manifest, when every file was hashed, and what `cksum` makes of two lists that
# `find` of GNU writes of all entries: of what every change of an entry changes, and of what a link more or less leaves as it is.
# Where `find` or `cksum` cannot, a host hashes every time. The line is written after a full proof only, and believed where it is our own, in
# a folder that nobody else may write; half of it is none.
#
# An edit always moves the time of change (ctime), and nobody sets that back without the clock. One in the very tick of the clock
# in which it was recorded would not be seen. So the clock is seen to move before a proof begins: what came before it is no younger than a
# file that was made then, and what is changed while it is proven is. The latter is marked, and no walk writes such a mark again.
seen_of_each='%C@ %i %s %P\n'
kept_of_each='%T@ %i %s %U %m %y %P %l\n'

# list_metadata FOLDER CONDITION…: lists the metadata of all entries, and ends the subshell that it is for; what fulfils the condition is
# marked.
list_metadata() {
    cd "$1" 2>/dev/null || exit 1
    shift
    exec find . -mindepth 1 ! -path "${unlisted:-./}" \( "$@" -fprintf "$work/seen" '!' -fprintf "$work/kept" '!' -o -true \) \
        -fprintf "$work/seen" "$seen_of_each" -fprintf "$work/kept" "$kept_of_each" 2>/dev/null
}

# Sets `sums` to what cksum makes of both lists.
sum_lists() {
    sums=$(cd "$work" && exec cksum seen kept 2>/dev/null) || return 1
    # shellcheck disable=SC2086
    set -- $sums
    [ "$#" -eq 6 ] && [ "$2" -gt 0 ] && [ "$3 $6" = "seen kept" ] && sums="$1 $2 $4 $5"
}

# sum_seen FOLDER: prints what cksum makes of the first list, as it is there. Such a pipeline may be believed: of what is cut short, or
# not said at all, another sum is made.
sum_seen() {
    (cd "$1" 2>/dev/null && exec find . -mindepth 1 -printf "$seen_of_each" 2>/dev/null) | cksum 2>/dev/null
}

# sum_kept FOLDER SINCE: prints what cksum makes of the second list, what was changed after a file was made marked.
sum_kept() {
    (
        cd "$1" 2>/dev/null && exec find . -mindepth 1 \( -cnewer "$2" -printf '!' -o -true \) -printf "$kept_of_each" 2>/dev/null
    ) | cksum 2>/dev/null
}

# Begins what `record` ends: sets `began` to a file that is as old as what came last before, and older than all that is done from now on.
# It takes a tick of the clock of the file system, some milliseconds; where that cannot be seen, `began` is empty and nothing is recorded.
begin_record() {
    began=.coalmine/ref.$p_nonce
    [ -n "$one_device" ] && printf '' 2>/dev/null >"$began" && clock_moves "$began" ".coalmine/ref.later.$p_nonce" || began=''
}

# clock_moves EARLIER LATER: makes a file that is later than another.
clock_moves() {
    tick=0
    while [ "$tick" -lt 6000 ]; do
        printf '' 2>/dev/null >"$2" || return 1
        [ ! "$2" -nt "$1" ] || return 0
        tick=$((tick + 1))
    done
    return 1
}

# record ID DIGEST TIME: records a release that was proven at a time, where that can be done; a proof by one walk has listed it, too.
record() {
    ! sum_up "releases/$1" || write_record "$@" || :
}

# sum_up FOLDER: sets `sums` to what is recorded of a folder that was just proven; fails where that cannot be done.
sum_up() {
    [ -d "$1" ] && is_number "$proof_time" && [ -n "$began" ] || return 1
    [ -s "$work/seen" ] || (list_metadata "$1" -cnewer "$PWD/$began") || return 1
    sum_lists
}

# write_record ID DIGEST TIME: writes the line, of `sums`.
write_record() {
    if [ -h ".coalmine/proven.$1" ] || { [ -e ".coalmine/proven.$1" ] && [ ! -O ".coalmine/proven.$1" ]; }; then
        rm -f ".coalmine/proven.$1" 2>/dev/null
    fi
    printf '%s\n' "2 $2 $3 $sums" 2>/dev/null >".coalmine/proven.$1"
}

# A file that another release shares gets a link more or less when that one is made or removed, which is a change of its own. So what
# was proven and not touched until then is noted when that is done: from then on its second list counts, in which such a change is none, and
# what was changed after the note is marked.
before_links() {
    [ -n "$1" ] && printf '' 2>/dev/null >".coalmine/linked.before.$p_rollout" && was_proven "$1" "${1##*-}" || return 0
    printf '%s\n' "$1" 2>/dev/null >>".coalmine/linked.$p_rollout"
}

# made_links BASE: remembers when a folder of links of a release was whole, where that was proven and not touched until then. Who changes
# one of its files from now on is seen by that.
made_links() {
    linked=''
    read -r linked 2>/dev/null <".coalmine/linked.$p_rollout"
    [ "$linked" != "$1" ] || printf '%s\n' "$1" 2>/dev/null >".coalmine/linked.at.$p_rollout"
}

# Notes that links were made or removed.
after_links() {
    [ -s ".coalmine/linked.$p_rollout" ] || return 0
    while read -r name; do
        ! is_id "$name" || printf '%s\n' "$p_rollout" 2>/dev/null >".coalmine/links.$name"
    done <".coalmine/linked.$p_rollout"
    printf '' 2>/dev/null >".coalmine/linked.$p_rollout"
}

# find_base: sets `base` to the release of which a folder was made by links, if that was not touched until then, `based_at` to the file whose
# time says when, and `based_before` to one that is older than the proof; to nothing else. What of its files nobody changed since is
# what the manifest of that release says, where that is the one that was proven.
find_base() {
    base='' based_at=.coalmine/linked.at.$p_rollout based_before=.coalmine/linked.before.$p_rollout
    [ -O "$based_at" ] && [ ! -h "$based_at" ] && [ -O "$based_before" ] && [ ! -h "$based_before" ] &&
        read -r base <"$based_at" && is_id "$base" && [ -f "releases/$base/MANIFEST" ] || base=''
}

# read_record ID DIGEST: reads what was recorded of a release whose digest begins so: sets `known`, the digest, `proven_at` and `sums`; fails
# where nothing was, or nothing that may be believed.
read_record() {
    [ -O ".coalmine/proven.$1" ] && [ ! -h ".coalmine/proven.$1" ] || return 1
    read -r version known proven_at sums 2>/dev/null <".coalmine/proven.$1" || return 1
    case "$version $known" in
    "2 $2"*) is_number "$proven_at" ;;
    *) return 1 ;;
    esac
}

# was_proven ID DIGEST: tells whether a release was proven and not touched since; sets `proven_at`. Fails where nobody knows.
was_proven() {
    proven_at=''
    [ -z "$p_rehash" ] || [ "$p_rehash" -gt 0 ] || return 1
    [ -d "releases/$1" ] && read_record "$1" "$2" || return 1
    digest=$known
    # A clock that went back, or that is gone, proves nothing; nor does what was hashed too long ago.
    ask_time && [ "$proven_at" -le "$time" ] || return 1
    [ -z "$p_rehash" ] || [ $((time - proven_at)) -lt "$p_rehash" ] || return 1
    if [ ".coalmine/links.$1" -nt ".coalmine/proven.$1" ]; then
        walk sum_kept "releases/$1" "$PWD/.coalmine/links.$1" && [ "${sums#* * }" = "$walked" ]
    else
        walk sum_seen "releases/$1" && [ "${sums% * *}" = "$walked" ]
    fi
}

# walk COMMAND…: sets `walked` to the sum that it prints. A session under a lease has a file for that, which goes with the lock, and is a process less;
# where it cannot be written, a walk is not to fail for it.
walk() {
    walked='' walked_in=.coalmine/run.sum.$$.0
    if [ -n "$in_session" ] && [ -n "$p_fence" ] && "$@" 2>/dev/null >"$walked_in" && read -r walked <"$walked_in"; then
        return 0
    fi
    walked=$("$@")
}

# prove_release ID full|changed DIGEST: proves a release as `prove` does, unless it was proven and not touched since. Sets `rests_on`
# to what the answer rests on.
prove_release() {
    wrong=0 extra=0 rests_on="metadata"
    was_proven "$1" "$3" && return 0
    rests_on="hashes"
    prove "releases/$1" "$2" "$3" || return 1
    [ "$2" != full ] || record "$1" "$digest" "$proof_time"
}
