# shellcheck shell=sh
# One shell for all that a rollout does on a host: it knows every phase, and does one step after the other.
#
# A step is one line on standard input: assignments, and a call of `begin`. The first of them is a function that came with the library. The
# other side sends the next ones only after this has said that it is ready: shells read their script in blocks, and swallow what comes with it.
#
# One subshell does them all, for a process each is what would cost most. Of a step that came to its end what it left is forgotten. One that
# fails ends the subshell, with whatever it had set, trapped or entered, and the next is begun as the first was. One that is cut off in its middle
# ends all of it.

serve() {
    in_session=yes
    # A word to somebody who is gone is an error and no end: the guard has something to do then.
    trap : PIPE
    exec 3<&0 </dev/null
    begun_in=$PWD
    # Where the library came packed it was read for the other side.
    # shellcheck disable=SC2154 # set beside the library
    if [ -n "$p_stat" ]; then
        stat=$p_stat
        split_stat
        own_group=$stat_group own_start=$stat_start
    fi
    read_own
    look_at_group
    end_stale
    # Of a shell before that had this number.
    forget_gate "$p_root/.coalmine/run.gate.$$.0"
    look_around
    # Where that fails a step asks again, and says so.
    ask_time || :
    printf '\n'
    say begin
    say session "$$" "$own_group" "$own_start"
    say end
    (
        do_step first_step || exit 0
        do_steps
    )
    ended=$?
    while [ "$ended" -eq 0 ]; do
        (do_steps)
        ended=$?
    done
    # Killed in the middle of a step, or no process could be had for the next: who waits for an end is to hear now that none comes, and not
    # when its time is over.
    [ "$ended" -eq "$was_last" ] || end_session
    exit 0
}

# What `do_steps` ends with where no step comes any more; with 0 behind a step that said its end, and with anything else where it was cut off.
was_last=99

do_steps() {
    while IFS= read -r step <&3; do
        # Steps that follow each other soon have one answer.
        ask_time || :
        do_step "$step" || exit 0
    done
    exit "$was_last"
}

# Does a step, and forgets it; fails where it cannot go back to where a relative root begins. An absolute one begins anywhere: the login folder may
# be closed to whom ssh's user became.
do_step() {
    eval "$1"
    forget_step
    cd "$begun_in" 2>/dev/null && return
    case $p_root in
    /*) cd / ;;
    *) return 1 ;;
    esac
}

# Sets `is_shared` where this shell's group has others in it: sshd makes one of each command, and dropbear one of all that are on a connection.
look_at_group() {
    is_shared='' leader=''
    ! read -r leader 2>/dev/null <"/proc/$own_group/comm" || [ "$leader" != dropbear ] || is_shared=yes
}

# end_below PROCESS: ends a process and all that it began, but the one that does this.
end_below() {
    doomed=" $1 " more=yes
    while [ -n "$more" ]; do
        more=''
        for process in /proc/[0-9]*; do
            process=${process#/proc/}
            case $doomed in *" $process "*) continue ;; esac
            read_stat "$process"
            case $doomed in *" ${stat_parent:-none} "*) doomed="$doomed$process " more=yes ;; esac
        done
    done
    # Which shell this is, only the kernel tells.
    read -r process _ </proc/self/stat
    # shellcheck disable=SC2086
    kill -9 ${doomed%%" $process "*} ${doomed#*" $process "} 2>/dev/null
}

# Ends the sessions before, where a step of one was given up and may still be at work: two of one rollout at once would be two
# too many. Their guards do so as well, unless they were killed with them.
end_stale() {
    # shellcheck disable=SC2086
    set -- $p_stale
    while [ "$#" -ge 3 ]; do
        read_stat "$1"
        if [ -n "$stat_start" ] && [ "$stat_group $stat_start" = "$2 $3" ]; then
            if [ -n "$is_shared" ]; then
                end_below "$1"
            else
                kill -9 "-$stat_group" 2>/dev/null
            fi
            end_gates "$1"
        fi
        shift 3
    done
}

# Ends what a session's gates run, which has groups of its own, and removes what is temporary.
end_gates() {
    end_gate "$p_root/.coalmine/run.gate.$1.0"
    for left in "${TMPDIR:-/tmp}/coalmine.$1."*; do
        if [ -O "$left" ] && [ ! -h "$left" ]; then
            end_gate "$left/gate"
            remove_work "$left"
        fi
    done
}

# Ends this session and what a step began once nobody listens any more, or its shell was killed: a link that is cut, or the other
# side that gave up, ends no step by itself. What does little ends soon enough; whoever needs temporary files may take long.
#
# While a step is done nothing comes on standard input, here at 3, but its end. `clean_up` ends this before the step says that it is over.
guard() {
    (
        read -r _ <&3
        exec >/dev/null 2>&1
        end_session
    ) &
    guard=$!
}

# Tells whether somebody listens still. Standard error, here at 3, is nobody's format, and can take an empty line; a subshell has none of the
# traps of its shell, and would end by that.
is_heard() {
    trap : PIPE
    printf '\n' >&3 && kill -0 "$$"
}

end_session() {
    end_gates "$$"
    if [ -n "$is_shared" ]; then
        end_below "$$"
        exit 1
    fi
    kill -9 0
}
