# shellcheck shell=sh
# Writes that the current release is good, prunes old ones and frees the lock. Without a release ($p_id) it is what was here before
# the first one came that is good again.

# Tells whether a release may not be pruned. What a link names, what any state file names as good, previous or current, what
# was here before the first release came, and what another rollout primed this week.
is_kept() {
    is_linked "releases/$1" && return 0
    is_linked "releases/.$1.repair" && return 0
    is_adopted "$1" && return 0
    case $pinned in *" $1 "*) return 0 ;; esac
    for back in .coalmine/back.*; do
        [ -h "$back" ] || continue
        # What cannot be read may name it.
        goes_to=$(readlink "$back") || return 0
        case $goes_to in '' | "releases/$1") return 0 ;; esac
    done
    is_primed "$1"
}

# Tells whether another rollout put a release here this week, which may have to be switched to: it takes no place of those that
# were good here.
is_primed() {
    mark=.coalmine/primed.$1
    [ -f "$mark" ] || return 1
    read -r by <"$mark"
    # It is what is older that is found: a tool that finds nothing removes nothing.
    [ "$by" != "$p_rollout" ] && [ -z "$(find "$mark" -mtime +6 2>/dev/null)" ]
}

# Tells whether a release is what stood in a link's place before the first one came: a person removes it, and nobody else.
is_adopted() {
    [ ! -e ".coalmine/kept.$1" ] || return 0
    case $adopted in *" $1 "*) return 0 ;; esac
    return 1
}

# Reads all state files, by nothing but the shell: a tool that fails must not look like a release that nobody names. Sets
# `pinned` and `adopted` to what is never removed, and `good_here` to what was good, the latest first.
read_states() {
    pinned=' ' adopted=' ' good_here=''
    for file in "$state" .coalmine/state .coalmine/state.*; do
        [ -f "$file" ] || continue
        while read -r key name; do
            is_name "$name" || continue
            case $key in
            good | previous) pinned="$pinned$name " good_here="$good_here $name" ;;
            current | pending) pinned="$pinned$name " ;;
            was) good_here="$good_here $name" ;;
            adopted) adopted="$adopted$name " ;;
            esac
        done <"$file"
    done
}

# Keeps so many of our releases, and removes the others: those that were good here are kept first, the latest before the
# earlier ones, and then the rest by age. What failed so goes before anything that worked.
prune() {
    kept=0 seen=' ' linked=''
    read_states
    list_releases
    worth="$good_here $listed"
    for name in $worth; do
        case $seen in *" $name "*) continue ;; esac
        seen="$seen$name "
        if ! is_id "$name" || [ ! -d "releases/$name" ] || ! is_kept "$name"; then
            continue
        fi
        case "$pinned$good_here " in
        *" $name "*) ;;
        *) ! is_primed "$name" || continue ;;
        esac
        is_adopted "$name" || kept=$((kept + 1))
    done
    seen=' '
    for name in $worth; do
        case $seen in *" $name "*) continue ;; esac
        seen="$seen$name "
        if ! is_id "$name" || [ ! -d "releases/$name" ] || is_kept "$name"; then
            continue
        fi
        if [ "$kept" -lt "$p_keep" ]; then
            ! { read_record "$name" "${name##*-}" || is_ours "$name"; } || kept=$((kept + 1))
        elif is_ours "$name"; then
            if [ -z "$linked" ]; then
                linked=yes
                before_links "$p_id"
                before_links "$state_previous"
            fi
            scrap "releases/$name"
            remove ".coalmine/primed.$name" ".coalmine/proven.$name" ".coalmine/links.$name"
            note "pruned $name"
        fi
    done
    after_links
    [ -z "$linked" ] || cut_log
}

# Half a mebibyte of what was done here is enough; looked at where something else goes, too.
cut_log() {
    if [ -n "$(find .coalmine/log -size +1024k 2>/dev/null)" ]; then
        tail -c 524288 .coalmine/log >".coalmine/log.$p_nonce" && mv -f -T ".coalmine/log.$p_nonce" .coalmine/log
    fi
}

# Remembers what is good here now and what was before. An install comes on top of that. A way back drops what it led away from,
# which was found bad: two of them lead back, and not in a circle.
remember_good() {
    after='' left='' found=''
    for name in $state_good $state_previous $state_was; do
        case " $after $left " in *" $name "*) continue ;; esac
        if [ "$name" = "$p_id" ]; then
            found=yes
        elif [ "$p_back" = yes ] && [ -z "$found" ]; then
            left="$left $name"
        else
            after="$after $name"
        fi
    done
    # Back to what had been left itself: what is led away from is the latest alone.
    if [ "$p_back" = yes ] && [ -z "$found" ] && [ -n "$p_id" ]; then
        # shellcheck disable=SC2086
        set -- $left
        left=${1:-}
        [ $# -eq 0 ] || shift
        after=$*
    fi
    state_good=$p_id
    # What a way back leads to is as old as it was.
    state_since=''
    [ -z "$p_slot" ] || [ "$p_back" = yes ] || state_since=$p_rollout
    # shellcheck disable=SC2086
    set -- $after
    state_previous=${1:-}
    [ $# -eq 0 ] || shift
    state_was='' state_left=$state_bad state_bad=''
    for name in "$@"; do
        add_name "$state_was" "$name" && state_was=$added
    done
    for name in $left $state_left; do
        [ "$name" = "$p_id" ] || { add_name "$state_bad" "$name" && state_bad=$added; }
    done
}

# Sets `added` to a list with a name at its end; fails where the name is there, or the list is long enough.
add_name() {
    case " $1 " in *" $2 "*) return 1 ;; esac
    added="$1 $2"
    # shellcheck disable=SC2086
    set -- $added
    [ $# -le 16 ]
}

phase_finalize() {
    enter
    if has_freed; then
        read_state
        [ "$state_good" = "$p_id" ] || lost
        say finalized
        return
    fi
    fence briefly
    read_state
    if [ -n "$p_id" ]; then
        swap_repaired "$p_id"
        look "$p_link"
        [ "$link_id" = "$p_id" ] || fail other "$PWD/$p_link is ${link_id:-$link_is} and not $p_id any more"
        [ -f "releases/$p_id/MANIFEST" ] || fail missing "$PWD/releases/$p_id is not whole any more: its manifest is gone"
    else
        adopted_target
        look "$p_link"
        [ "$link_target" = "$target" ] || fail other "$PWD/$p_link is ${link_id:-$link_is} and not what was here before"
    fi
    if [ -e ".coalmine/armed.$p_rollout" ]; then
        fail armed "the switch was not confirmed"
    fi
    # Told twice, it is the same: what is good already leads away from nothing.
    if [ -z "$p_id" ] || [ "$state_good" != "$p_id" ]; then
        remember_good
    fi
    give_name
    state_current=$link_id
    state_rollout=$p_rollout
    state_pending=''
    write_state
    settle .coalmine
    note "${p_id:-what was here before} is good"
    sweep
    prune
    read_lease
    list_old_tokens
    # shellcheck disable=SC2086
    remove $old_tokens ".coalmine/confirmed.$p_rollout" ".coalmine/reverted.$p_rollout" ".coalmine/slot.$p_rollout" \
        ".coalmine/back.$p_rollout" ".coalmine/primed.${p_id:-none}" \
        .coalmine/linked.* .coalmine/phase.*".$$".* .coalmine/run.*".$$".0
    free_lease
    say finalized
}
