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

# list_metadata FOLDER CONDITIONS: lists the metadata of all entries, and ends the subshell that it is for; what fulfils the conditions is
# marked.
list_metadata() {
    cd "$1" 2>/dev/null || exit 1
    shift
    exec find . -mindepth 1 \( \( "$@" \) -printf '!' -o -true \) -printf '%C@ %T@ %i %s %n %U %m %y %P %l\n' 2>/dev/null
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

# draft_record ID DIGEST TIME: writes what would be the record of a release; not by way of a variable, into which shells read half a
# mebibyte by a hundred bytes at a time.
draft_record() {
    [ -d "releases/$1" ] && is_number "$3" && [ -n "$began" ] || return 1
    printf '%s\n' "1 $2 $3" 2>/dev/null >".coalmine/proven.new.$p_nonce" &&
        (list_metadata "releases/$1" -cnewer "$PWD/$began") 2>/dev/null >>".coalmine/proven.new.$p_nonce"
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

# made_links BASE: remembers when a folder of links of a release was whole, where that was proven and not touched until then. Who changes
# one of its files from now on is seen by that.
made_links() {
    linked=''
    read -r linked 2>/dev/null <".coalmine/linked.$p_rollout"
    [ "$linked" != "$1" ] || printf '%s\n' "$1" 2>/dev/null >".coalmine/linked.at.$p_rollout"
}

# inherit: sets `base` to the release of which a folder was made by links, if that was proven and not touched since, and `based_at` to
# the file whose time says when; to nothing else. What of its files nobody changed since is what the manifest of that release says.
inherit() {
    base='' based_at=.coalmine/linked.at.$p_rollout
    [ -O "$based_at" ] && [ ! -h "$based_at" ] && read -r base <"$based_at" && is_id "$base" || base=''
    after_links
    case $recorded in
    *" $base "*) ;;
    *) base='' ;;
    esac
    [ -n "$base" ] || return 0
    own=$digest
    digest_of "releases/$base"
    based_on=$digest digest=$own
    read -r version known hashed_at <".coalmine/proven.$base" && [ "$version $known" = "1 $based_on" ] &&
        is_number "$hashed_at" || base=''
}

# Sets `recorded` to what could be recorded anew.
after_links() {
    recorded=' '
    [ -s ".coalmine/linked.$p_rollout" ] || return 0
    [ -n "$began" ] || begin_record
    while read -r name; do
        is_id "$name" || continue
        read -r version known hashed_at 2>/dev/null <".coalmine/proven.$name" || continue
        draft_record "$name" "$known" "$hashed_at" || continue
        # All but the time of change, which is first, and the number of links, which is fifth.
        awk 'function rest(line) { return substr(line, index(line, " ") + 1) }
            function but_links(line,   at) {
                line = rest(line)
                at = index(line, " "); at += index(substr(line, at + 1), " "); at += index(substr(line, at + 1), " ")
                return substr(line, 1, at) rest(substr(line, at + 1))
            }
            FNR == NR { old[NR] = $0; lines = NR; next }
            $0 != old[FNR] && (/^!/ || NF < 8 || but_links($0) != but_links(old[FNR])) { differs = 1; exit 1 }
            END { if (differs || FNR != lines) exit 1 }' ".coalmine/proven.$name" ".coalmine/proven.new.$p_nonce" 2>/dev/null &&
            mv -f -T ".coalmine/proven.new.$p_nonce" ".coalmine/proven.$name" 2>/dev/null && recorded="$recorded$name "
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
    known=$(cat ".coalmine/proven.$1" 2>/dev/null) && walked=$(list_metadata "releases/$1" -false) && [ -n "$walked" ] &&
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
