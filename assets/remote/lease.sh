# shellcheck shell=sh
# The lock of a host: the folder .coalmine/lock with one file in it, whose name is `UNTIL.TOKEN.TERM.ROLLOUT`: its end by the
# host's own clock, the fencing token, which conductor of the rollout has it, and the rollout.
#
# Every change of the lock is one rename(2) from the very name that was read, and so has one winner among all who try:
#   taken     the folder is made complete beside it and renamed to `lock`, which fails where a lease is in it;
#   renewed   the file is renamed to its new end, by its own conductor only, and keeps its token;
#   resumed   the file is renamed by a later conductor of its own rollout, to the next token;
#   freed     the file is renamed to .coalmine/token.TOKEN, by its owner, or by anybody when it is dead.
# The token is that of the last lease and one more, whoever had it: so the same token is the same lease, with nobody between,
# however long its owner slept. A script does nothing to the host but with the token that its conductor was given. The text
# in the file (owner, reason, since) is for people only.

# A lease that ends further away was made by a clock that was wrong, and is nobody's.
longest_lease=86400

# Takes the name of a lease apart; one without token and term is an earlier coalmine's.
parse_lease() {
    found_until=${1%%.*} found_rest=${1#*.}
    found_token=${found_rest%%.*} found_term=${found_rest#*.} found_rollout=${found_rest#*.*.}
    found_term=${found_term%%.*}
    if ! is_number "$found_token" || ! is_number "$found_term"; then
        found_token=0 found_term=0 found_rollout=$found_rest
    fi
    # More digits than any time has are no number to a shell.
    is_number "$found_until" && [ "${#found_until}" -le 12 ] && [ "${#found_token}" -le 12 ] &&
        [ "${#found_term}" -le 12 ] && is_name "$found_rollout"
}

# Reads who has the lock. What was just listed may be renamed already: whoever acts on it finds out, since his own rename fails.
read_lease() {
    lease='' lease_until=0 lease_token=0 lease_term=0 lease_rollout=''
    # A folder in which a name changes while it is read may look empty once.
    for _ in 1 2; do
        for found in .coalmine/lock/*; do
            parse_lease "${found##*/}" || continue
            if [ -z "$lease" ] || [ "$found_token" -gt "$lease_token" ] ||
                { [ "$found_token" -eq "$lease_token" ] && [ "$found_until" -gt "$lease_until" ]; }; then
                lease=$found lease_until=$found_until lease_token=$found_token
                lease_term=$found_term lease_rollout=$found_rollout
            fi
        done
        [ -z "$lease" ] || return 0
    done
}

# Reads which lease was the last of those that are over.
read_token() {
    token=0 token_file=''
    for found in .coalmine/token.*; do
        found_token=${found##*.}
        if is_number "$found_token" && [ "${#found_token}" -le 12 ] && [ "$found_token" -gt "$token" ]; then
            token=$found_token token_file=$found
        fi
    done
}

is_dead() {
    [ "$lease_until" -lt "$1" ] || [ "$lease_until" -gt "$(($1 + longest_lease))" ]
}

holds_lease() {
    [ -n "$lease" ] && [ "$lease_rollout" = "$p_rollout" ] && { [ -z "$p_fence" ] || [ "$lease_token" = "$p_fence" ]; }
}

# describe FILE: sets `described` to whose the lease is or was that was read: rollout, since, until, and owner and reason as
# hexadecimal digits. Not for subshells, as whatever takes values from tools.
describe() {
    said_owner='' said_reason='' said_since='' said_rollout=''
    # It may be gone already.
    text=$(cat "$1" 2>/dev/null)
    while read -r key value; do
        case $key in
        owner) said_owner=$value ;;
        reason) said_reason=$value ;;
        since) said_since=$value ;;
        rollout) said_rollout=$value ;;
        esac
    done <<END_OF_LEASE
$text
END_OF_LEASE
    [ -z "$lease_rollout" ] || said_rollout=$lease_rollout
    is_name "$said_rollout" || said_rollout=unknown
    is_number "$said_since" || said_since=$lease_until
    said_until=$lease_until
    [ "$said_until" -ge "$said_since" ] || said_until=$said_since
    hex_of "$said_owner"
    said_owner=$hexed
    hex_of "$said_reason"
    described="$said_rollout $said_since $said_until $said_owner-$hexed"
}

# Says whose lease there is: `held`, or `left` where it is nobody's.
say_lock() {
    read_lease
    [ -n "$lease" ] || return 0
    describe "$lease"
    know_time
    if is_dead "$time"; then
        say left "$described"
    else
        say held "$described"
    fi
}

# once_more DONE: counts the tries at what others change at the same time; too many end the phase. `tries` is 0 before.
once_more() {
    tries=$((tries + 1))
    [ "$tries" -le 25 ] || fail io "$PWD/.coalmine/lock changes faster than it can be $1, or holds something that is no lease; look at it"
}

write_lease() {
    lines="rollout $p_rollout${newline}owner $p_owner${newline}since $time"
    write "$lines${p_reason:+${newline}reason $p_reason}" "$1"
}

# move_lease UNTIL TOKEN TERM: renames the lease that was read; fails where it is not there any more.
move_lease() {
    moved=.coalmine/lock/$1.$2.$3.$lease_rollout
    [ "$lease" = "$moved" ] || mv -f -T "$lease" "$moved" 2>/dev/null || return 1
    # It is there, unless it was moved on already, which the next look shows.
    [ -e "$moved" ] || return 1
    lease=$moved lease_until=$1 lease_token=$2 lease_term=$3
}

# Ends the lease that was read. An empty folder is nobody's lock.
end_lease() {
    mv -f -T "$lease" ".coalmine/token.$lease_token" 2>/dev/null || return 1
    rmdir .coalmine/lock 2>/dev/null || :
}

# Makes the token of a lease that was just taken greater than all before it: others may have come and gone since the last one
# was read, and none of them is there now.
settle_token() {
    read_lease
    while :; do
        holds_lease || return 1
        read_token
        [ "$token" -ge "$lease_token" ] || break
        move_lease "$lease_until" $((token + 1)) "$lease_term" || return 1
    done
}

# Sets `old_tokens` to the tokens of all leases before the one that was read.
list_old_tokens() {
    old_tokens=''
    for found in .coalmine/token.*; do
        if is_number "${found##*.}" && [ "${found##*.}" -lt "$lease_token" ]; then
            old_tokens="$old_tokens $found"
        fi
    done
}

# Takes the lock; does not return where another has it. Asked for once more by the same conductor, it is the same lease.
take_lease() {
    p_fence=''
    refuse_others
    taken_from=''
    tries=0
    while once_more taken; do
        know_time
        read_lease
        if [ -z "$lease" ]; then
            read_token
            # Where nothing is known of those before, a token of today is greater than theirs.
            [ "$token" -gt 0 ] || token=$time
            beside=.coalmine/lock.$p_nonce
            [ ! -e "$beside" ] || rm -rf "$beside"
            must mkdir "$beside"
            write_lease "$beside/$((time + p_lease)).$((token + 1)).$p_term.$p_rollout"
            if mv -f -T "$beside" .coalmine/lock 2>/dev/null; then
                settle_token || continue
                # Another may have come and gone since it was asked.
                refuse_others
                [ -z "$taken_from" ] || say before "$taken_from"
                note "locked by $p_owner${p_reason:+: $p_reason}"
                end_switches
                break
            fi
            rm -rf "$beside"
        elif [ "$lease_rollout" = "$p_rollout" ]; then
            until=$((time + p_lease))
            if [ "$lease_term" -gt "$p_term" ]; then
                describe "$lease"
                say holder "$described"
                fail locked "a later conductor of rollout $p_rollout goes on with it"
            elif [ "$lease_term" -eq "$p_term" ]; then
                [ "$lease_until" -lt "$until" ] || is_dead "$time" || until=$lease_until
                next=$lease_token
            else
                next=$((lease_token + 1))
            fi
            # A first copy of this may have taken it just now, and not settled its token yet.
            ! move_lease "$until" "$next" "$p_term" || ! settle_token || break
        elif ! is_dead "$time" && [ "$lease_rollout" != "$p_over" ]; then
            describe "$lease"
            say holder "$described"
            fail locked "locked for rollout $lease_rollout"
        else
            whose=$lease_rollout
            describe "$lease"
            if end_lease; then
                taken_from=$described
                note "the lock of rollout $whose was left there, and was ended by $p_owner"
            fi
        fi
    done
    take_over
    say lease "$lease_token"
}

# Lets dead man's switches of others fire now, which nobody can confirm any more: later they would go off under our feet.
end_switches() {
    for armed in .coalmine/armed.* .coalmine/fired.*; do
        [ ! -f "$armed" ] || [ "${armed#.coalmine/*.}" = "$p_rollout" ] || fire "${armed#.coalmine/*.}"
    done
}

# extend_lease WHEN: moves the end of our own lease as far away as a phase from now on needs it, and never nearer: a phase beside
# this may need it for longer. Does not return where it is not ours any more. `always` changes the name also where the end
# is far enough; `briefly` does not where it is for one change.
extend_lease() {
    tries=0
    while once_more held; do
        know_time
        read_lease
        holds_lease || lost
        until=$((time + p_lease)) enough=$((time + p_lease))
        # No change takes longer than that.
        [ "$1" != briefly ] || enough=$((time + 20))
        if [ "$enough" -le "$lease_until" ] && ! is_dead "$time"; then
            [ "$1" = always ] || return 0
            until=$((lease_until + 1))
        fi
        ! move_lease "$until" "$lease_token" "$lease_term" || return 0
    done
}

# fence long|briefly: refuses to go on unless the lease is ours, and makes it last as long as the phase may: the phase's deadline is shorter
# than that. Its name changes then, so that `let_go` of another phase beside this one fails.
#
# A phase that looks at the lease again before each of its changes has it `briefly`: as it is, as long as that lasts for a change, and without
# a process. Its mark stays behind, and says that it is over. So does a long one whose usual time is within what the lease lasts anyway, and
# within what `let_go` of another would leave of it: where it takes longer, the next look finds out whether another came meanwhile.
fence() {
    know_time
    read_own
    phase=.coalmine/phase.$((time + p_lease))${own_start:+.s$own_start}.$p_nonce
    mark "$phase"
    read_lease
    if [ "$1" = briefly ] || { [ "$p_usual" -le "$p_rest" ] && [ "$((lease_until - time))" -ge "$p_usual" ]; }; then
        brief=$phase
        extend_lease briefly
    else
        extend_lease always
    fi
    p_fence=$lease_token
    held=$lease
    held_in=$PWD
}

# Ends the phase where the lease was lost since it began, as on a machine that stood still. To be asked right before what
# others see.
hold() {
    [ -n "$held" ] || return 0
    if [ -n "$brief" ]; then
        extend_lease briefly
        held=$lease
    else
        read_lease
        holds_lease || lost
    fi
}

# Tells whether a phase that has made its mark may still run: one whose answer was lost, or that another conductor began.
another_phase() {
    ask_time || return 0
    for found in .coalmine/phase.*; do
        over=''
        read -r over 2>/dev/null <"$found"
        [ "$over" != over ] || continue
        found=${found#.coalmine/phase.}
        # Its own goes with it.
        case $found in
        *".$p_nonce") continue ;;
        esac
        if is_number "${found%%.*}" && [ "${found%%.*}" -ge "$time" ]; then
            return 0
        fi
    done
    return 1
}

# Lets the lease end as early as before the phase, unless another phase needs it: what asks for a phase's time does so by
# making its mark first and renaming the lease then, so this sees the one or fails by the other.
let_go() {
    was_held=$held
    held=''
    # The phase may have gone elsewhere.
    cd "$held_in" 2>/dev/null || return 0
    read_lease
    [ "$lease" = "$was_held" ] || return 0
    ! another_phase || return 0
    ask_time || return 0
    until=$((time + p_rest))
    [ "$until" -ge "$lease_until" ] || move_lease "$until" "$lease_token" "$lease_term" || :
}

# Says who has the lock now, or had it since, and ends the phase.
lost() {
    held=''
    read_lease
    if [ -n "$lease" ]; then
        describe "$lease"
        say holder "$described"
        fail lost "locked for rollout $lease_rollout"
    fi
    read_token
    if [ -n "$token_file" ] && { [ -z "$p_fence" ] || [ "$token" -gt "$p_fence" ]; }; then
        describe "$token_file"
        say since "$described"
    fi
    fail lost "the lock of rollout $p_rollout is gone"
}

# Tells whether this rollout has freed the lock itself and nobody came since: the answer to that may have been lost.
has_freed() {
    read_lease
    [ -z "$lease" ] || return 1
    read_token
    [ -z "$p_fence" ] || [ "$token" = "$p_fence" ] || return 1
    [ -n "$token_file" ] || return 1
    freed=''
    read -r freed 2>/dev/null <"$token_file"
    [ "$freed" = "rollout $p_rollout" ]
}

# Frees the lock, unless another phase may still run: then it ends with the time of that one.
free_lease() {
    held=''
    tries=0
    while once_more freed; do
        read_lease
        holds_lease || return 0
        ! another_phase || return 0
        if end_lease; then
            note "unlocked"
            return 0
        fi
    done
}
