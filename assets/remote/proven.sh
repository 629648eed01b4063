# shellcheck shell=sh
# Proven and not touched since: what was hashed once counts as long as the metadata of every entry is what it was, as in git's index.
#
# .coalmine/proven.ID begins with a line: a version, the digest of the manifest, and when every file was hashed. Behind it is a line an
# entry as `find` of GNU writes it; a host whose `find` cannot hashes every time. It is written after a full proof only, and
# believed where it is our own, in a folder that nobody else may write.
#
# An edit always moves the time of change (ctime), and nobody sets that back without the clock. One in the very tick of the clock
# in which it was recorded would not be seen. So the clock is seen to move twice before a proof begins: what came before it is older
# than the time between, and what is changed while it is proven is younger. The latter is marked, and no walk writes such a mark again.

# walk FOLDER…: sets `walked` to the metadata of all entries; what follows are conditions, and what fulfils them is marked.
walk() {
    walked=$(cd "$1" 2>/dev/null && shift && find . -mindepth 1 \( \( "$@" \) -printf '!' -o -true \) \
        -printf '%C@ %T@ %i %s %n %U %m %y %P %l\n' 2>/dev/null) && [ -n "$walked" ]
}

# Begins what `record` ends: sets `began` to a file whose time is between what came before and what is done from now on. It takes two
# ticks of the clock of the file system, some milliseconds; where that cannot be seen, `began` is empty and nothing is recorded.
begin_record() {
    began=.coalmine/ref.$p_nonce
    [ -n "$one_device" ] && printf '' 2>/dev/null >".coalmine/ref.before.$p_nonce" &&
        clock_moves ".coalmine/ref.before.$p_nonce" "$began" && clock_moves "$began" ".coalmine/ref.later.$p_nonce" || began=''
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

# draft_record ID DIGEST TIME: writes what would be the record of a release.
draft_record() {
    [ -d "releases/$1" ] && is_number "$3" && [ -n "$began" ] || return 1
    walk "releases/$1" -cnewer "$PWD/$began" || return 1
    printf '%s\n' "1 $2 $3" "$walked" 2>/dev/null >".coalmine/proven.new.$p_nonce"
}

# record ID DIGEST TIME: records a release that was proven at a time, where that can be done.
record() {
    draft_record "$1" "$2" "$3" || return 0
    mv -f -T ".coalmine/proven.new.$p_nonce" ".coalmine/proven.$1" 2>/dev/null
}

# A file that another release shares gets a link more or less when that one is made or removed, which is a change of its own. So
# what was proven and not touched until then is recorded anew, if nothing but that has changed meanwhile: no size, no time of an edit.
before_links() {
    [ -n "$1" ] && was_proven "$1" "${1##*-}" || return 0
    printf '%s\n' "$1" 2>/dev/null >>".coalmine/linked.$p_rollout"
}

after_links() {
    [ -s ".coalmine/linked.$p_rollout" ] || return 0
    while read -r name; do
        is_id "$name" || continue
        read -r version digest proven_at 2>/dev/null <".coalmine/proven.$name" || continue
        begin_record
        draft_record "$name" "$digest" "$proven_at" || continue
        # Behind the times and the inode: size, links, and what else there is.
        awk 'FNR == NR { old[NR] = $0; lines = NR; next }
            $0 == old[FNR] { next }
            {
                split(old[FNR], was, " ")
                now = $0; then = old[FNR]
                sub(/^[^ ]* [^ ]* [^ ]* [^ ]* [^ ]* /, "", now); sub(/^[^ ]* [^ ]* [^ ]* [^ ]* [^ ]* /, "", then)
                if (/^!/ || NF < 8 || $2 != was[2] || $3 != was[3] || $4 != was[4] || now != then) exit 1
            }
            END { if (FNR != lines) exit 1 }' ".coalmine/proven.$name" ".coalmine/proven.new.$p_nonce" 2>/dev/null &&
            mv -f -T ".coalmine/proven.new.$p_nonce" ".coalmine/proven.$name" 2>/dev/null
    done <".coalmine/linked.$p_rollout"
    printf '' 2>/dev/null >".coalmine/linked.$p_rollout"
}

# was_proven ID DIGEST: tells whether a release was proven and not touched since; sets `proven_at`. Fails where nobody knows.
was_proven() {
    proven_at=''
    [ -z "$p_rehash" ] || [ "$p_rehash" -gt 0 ] || return 1
    [ -O ".coalmine/proven.$1" ] && [ ! -h ".coalmine/proven.$1" ] && [ -d "releases/$1" ] || return 1
    read -r version digest proven_at <".coalmine/proven.$1" || return 1
    case "$version $digest" in
    "1 $2"*) ;;
    *) return 1 ;;
    esac
    # A clock that went back, or that is gone, proves nothing; nor does what was hashed too long ago.
    is_number "$proven_at" && ask_time && [ "$proven_at" -le "$time" ] || return 1
    [ -z "$p_rehash" ] || [ $((time - proven_at)) -lt "$p_rehash" ] || return 1
    known=$(cat ".coalmine/proven.$1" 2>/dev/null) && walk "releases/$1" -false || return 1
    [ "$known" = "1 $digest $proven_at$newline$walked" ]
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
