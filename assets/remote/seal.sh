# shellcheck shell=sh
# Proves what has travelled, and gives it its final name when it is whole: a name without a dot exists only then.
#
# Answers `sealed`, or `broken` with what is wrong, to be sent again.

phase_seal() {
    enter
    fence long
    staging=releases/.$p_id.$p_rollout
    if [ ! -d "$staging" ]; then
        # The answer to the first time may have been lost.
        for there in "releases/$p_id" "releases/.$p_id.repair"; do
            if prove "$there" "$p_verify" "$p_digest"; then
                say sealed
                return
            fi
        done
        fail io "$PWD/$staging is gone"
    fi
    [ -z "$p_pack" ] || unpack "$staging"
    if ! prove "$staging" "$p_verify" "$p_digest"; then
        # What is wrong may be wrong where it was linked from: nobody vouches for that.
        printf '' 2>/dev/null >".coalmine/linked.$p_rollout"
        mend "$staging"
        # Without a manifest nothing of the rest was looked at.
        if [ "$wrong" -gt 0 ]; then
            make_writable "$staging"
            say_wrong
            say broken
            return
        fi
        prove "$staging" "$p_verify" "$p_digest" || fail io "cannot remove what does not belong into $PWD/$staging"
    fi
    settle "$staging"
    goal=releases/$p_id
    [ "$p_goal" != repair ] || goal=releases/.$p_id.repair
    ! is_linked "releases/$p_id" || goal=releases/.$p_id.repair
    hold
    [ ! -d "$goal" ] || scrap "$goal"
    # On the disk it is with the switch, at the latest.
    rename "$staging" "$goal"
    if [ "$p_verify" = full ] && [ "$goal" = "releases/$p_id" ]; then
        record "$p_id" "$digest" "$proof_time"
    fi
    after_links
    printf '%s\n' "$p_rollout" >".coalmine/primed.$p_id" 2>/dev/null
    note "primed $p_id"
    say sealed
}
