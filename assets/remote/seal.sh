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
    pack=''
    # The answer to the first time may have been lost.
    if [ -n "$p_pack" ] && [ -f "$staging/$p_pack" ] && [ ! -h "$staging/$p_pack" ]; then
        unpack "$staging/$p_pack"
        # Of no account until it is removed with the rest of what is temporary: a process less.
        unlisted=${pack:+./$p_pack}
    fi
    if ! prove "$staging" "$p_verify" "$p_digest"; then
        [ -z "$pack" ] || erase "$pack"
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
    goal=releases/$p_id
    [ "$p_goal" != repair ] || goal=releases/.$p_id.repair
    ! is_linked "releases/$p_id" || goal=releases/.$p_id.repair
    summed=''
    if [ "$p_verify" = full ] && [ "$goal" = "releases/$p_id" ] && sum_up "$staging"; then
        summed=yes
    fi
    drop_work ${pack:+"$pack"} .coalmine/ref.*"$p_nonce"
    [ -z "$pack" ] || [ ! -e "$pack" ] || erase "$pack"
    settle "$staging"
    hold
    [ ! -d "$goal" ] || scrap "$goal"
    # On the disk it is with the switch, at the latest.
    rename "$staging" "$goal"
    [ -z "$summed" ] || write_record "$p_id" "$digest" "$proof_time"
    after_links
    printf '%s\n' "$p_rollout" >".coalmine/primed.$p_id" 2>/dev/null
    note "primed $p_id"
    say sealed
}
