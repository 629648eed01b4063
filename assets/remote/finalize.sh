# shellcheck shell=sh
# Writes that the current release is good, prunes old ones and frees the lock.

# Tells whether a release may not be pruned. What a link names, what any state file names as good, previous or adopted, and
# what another rollout primed this week.
is_kept() {
    is_linked "releases/$1" && return 0
    is_linked "releases/.$1.repair" && return 0
    for file in .coalmine/state .coalmine/state.*; do
        [ -f "$file" ] || continue
        grep -q -x -F -e "good $1" -e "previous $1" -e "current $1" -e "pending $1" "$file" && return 0
    done
    for back in .coalmine/back.*; do
        [ -h "$back" ] && [ "$(readlink "$back")" = "releases/$1" ] && return 0
    done
    mark=.coalmine/primed.$1
    [ -f "$mark" ] || return 1
    read -r by <"$mark"
    [ "$by" != "$p_rollout" ] && [ -n "$(find "$mark" -mtime -7 2>/dev/null)" ]
}

prune() {
    kept=0
    # shellcheck disable=SC2012,SC2045
    for name in $(ls -1t releases); do
        is_name "$name" || continue
        ! is_kept "$name" || kept=$((kept + 1))
    done
    # shellcheck disable=SC2012,SC2045
    for name in $(ls -1t releases); do
        is_name "$name" || continue
        ! is_kept "$name" || continue
        if [ "$kept" -lt "$p_keep" ]; then
            kept=$((kept + 1))
        else
            scrap "releases/$name"
            rm -f ".coalmine/primed.$name"
            note "pruned $name"
        fi
    done
}

main() {
    enter
    not_locked_by_another
    swap_repaired "$p_id"
    look "$p_link"
    [ "$link_id" = "$p_id" ] || fail other "$PWD/$p_link is ${link_id:-$link_is} and not $p_id any more"
    if [ -e ".coalmine/armed.$p_rollout" ]; then
        fail armed "the switch was not confirmed"
    fi
    read_state
    if [ "$state_good" != "$p_id" ]; then
        [ -z "$state_good" ] || state_previous=$state_good
        [ -n "$state_previous" ] || [ "$state_adopted" = link ] || state_previous=$state_adopted
    fi
    state_good=$p_id
    state_current=$p_id
    state_rollout=$p_rollout
    state_pending=''
    write_state
    settle .coalmine
    note "$p_id is good"
    rm -f ".coalmine/confirmed.$p_rollout" ".coalmine/reverted.$p_rollout" ".coalmine/slot.$p_rollout" \
        ".coalmine/back.$p_rollout" ".coalmine/primed.$p_id"
    sweep
    prune
    # Half a mebibyte of what was done here is enough.
    if [ -n "$(find .coalmine/log -size +1024k 2>/dev/null)" ]; then
        tail -c 524288 .coalmine/log >".coalmine/log.$p_nonce" && mv -f -T ".coalmine/log.$p_nonce" .coalmine/log
    fi
    free_lease
    say finalized
}

begin
