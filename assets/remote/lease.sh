# shellcheck shell=sh
# The lock of a host: the folder .coalmine/lock with one file in it, whose name is `UNTIL.ROLLOUT` by the host's own clock.
#
# Every change of the lock is one rename(2), and so has one winner among any number of takers:
#   free      the folder is made complete beside it and renamed to `lock`, which fails where a lease is in it;
#   renewed   the file is renamed to its new end, which fails where somebody took it over;
#   dead      the file is renamed to its new owner, which fails for all takers but one: the old name is gone;
#   freed     the file is renamed away; an empty folder is nobody's lock.
# What the file says (owner, reason, since) is for people only and follows the rename.

read_lease() {
    lease='' lease_until=0 lease_rollout=''
    for found in .coalmine/lock/*; do
        found_name=${found##*/}
        found_until=${found_name%%.*}
        found_rollout=${found_name#*.}
        if [ -f "$found" ] && is_number "$found_until" && is_name "$found_rollout" && [ "$found_until" -ge "$lease_until" ]; then
            lease=$found lease_until=$found_until lease_rollout=$found_rollout
        fi
    done
}

# Tells who has it: a word, then rollout, since, until, and owner and reason as hexadecimal digits.
say_lease() {
    said_owner='' said_reason='' said_since=$lease_until said_rollout=''
    if [ -r "$lease" ]; then
        while read -r key value; do
            case $key in
            owner) said_owner=$value ;;
            reason) said_reason=$value ;;
            since) said_since=$value ;;
            rollout) said_rollout=$value ;;
            esac
        done <"$lease"
    fi
    # A taker that died between rename and writing: the text is still the one's before.
    [ "$said_rollout" = "$lease_rollout" ] || said_owner='' said_reason='' said_since=$lease_until
    is_number "$said_since" || said_since=$lease_until
    say "$1" "$lease_rollout" "$said_since" "$lease_until" "$(printf '%s' "$said_owner" | hex)-$(printf '%s' "$said_reason" | hex)"
}

write_lease() {
    {
        printf 'rollout %s\n' "$p_rollout" &&
            printf 'owner %s\n' "$p_owner" &&
            printf 'since %s\n' "$(now)" &&
            { [ -z "$p_reason" ] || printf 'reason %s\n' "$p_reason"; }
    } | cat >"$1"
}

# Takes the lock, or renews it; does not return where another has it.
take_lease() {
    tries=0
    while [ "$tries" -lt 25 ]; do
        tries=$((tries + 1))
        time=$(now)
        mine=$((time + p_lease)).$p_rollout
        read_lease
        if [ -z "$lease" ]; then
            beside=.coalmine/lock.$p_nonce
            rm -rf "$beside"
            must mkdir "$beside"
            must write_lease "$beside/$mine"
            if mv -f -T "$beside" .coalmine/lock 2>/dev/null; then
                note "locked by $p_owner${p_reason:+: $p_reason}"
                return 0
            fi
            rm -rf "$beside"
        elif [ "$lease_rollout" = "$p_rollout" ]; then
            renew_lease && return 0
        elif [ "$lease_until" -ge "$time" ]; then
            say_lease holder
            fail locked "locked for rollout $lease_rollout"
        else
            before=$(say_lease before)
            if mv -f -T "$lease" ".coalmine/lock/$mine" 2>/dev/null; then
                printf '%s\n' "$before"
                must write_lease ".coalmine/lease.$p_nonce"
                # Where it has been taken from us meanwhile there is nothing to write.
                [ ! -e ".coalmine/lock/$mine" ] || must mv -f -T ".coalmine/lease.$p_nonce" ".coalmine/lock/$mine"
                rm -f ".coalmine/lease.$p_nonce"
                note "locked by $p_owner, taken over from rollout $lease_rollout whose lease had run out${p_reason:+: $p_reason}"
                return 0
            fi
        fi
    done
    fail io "$PWD/.coalmine/lock holds something that is no lease; look at it and remove it"
}

# Moves the end of our own lease, never nearer; fails where it is not ours any more.
renew_lease() {
    mine=$(($(now) + p_lease)).$p_rollout
    [ "$lease_until" -ge "${mine%%.*}" ] || mv -f -T "$lease" ".coalmine/lock/$mine" 2>/dev/null
}

# Refuses to go on unless the lock is this rollout's, and keeps it so while the phase lasts: nobody takes over a lease that
# was renewed just now, and the phase's deadline is shorter than a lease.
fence() {
    read_lease
    if [ "$lease_rollout" = "$p_rollout" ] && renew_lease; then
        return 0
    fi
    read_lease
    [ "$lease_rollout" != "$p_rollout" ] || fail io "cannot renew the lock"
    if [ -n "$lease" ]; then
        say_lease holder
        fail locked "locked for rollout $lease_rollout"
    fi
    fail unlocked "the lock of rollout $p_rollout is gone"
}

# Refuses to go on while another rollout has a live lease.
not_locked_by_another() {
    read_lease
    if [ -n "$lease" ] && [ "$lease_rollout" != "$p_rollout" ] && [ "$lease_until" -ge "$(now)" ]; then
        say_lease holder
        fail locked "locked for rollout $lease_rollout"
    fi
}

free_lease() {
    read_lease
    [ "$lease_rollout" = "$p_rollout" ] || return 0
    if mv -f -T "$lease" ".coalmine/freed.$p_nonce" 2>/dev/null; then
        rm -f ".coalmine/freed.$p_nonce"
        # Not empty: the next one has it already.
        rmdir .coalmine/lock 2>/dev/null || :
        note "unlocked"
    fi
}
