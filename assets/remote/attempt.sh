# shellcheck shell=sh
# Runs a command of the site's with a limit of time, and keeps the end of what it printed.

# attempt SECONDS FOLDER COMMAND [SETTINGS]: sets `attempt_code` to its exit code, or to late, lost; its output is in $output.
# The settings are evaluated before it.
#
# Whatever a command prints, no more of it is kept than this; a reader that ends before would end the command. It reads from a
# pipe without a name: of one that has one, `tail` of uutils 0.12 waits for more when all have closed it.
attempt() {
    output=${aside}out$behind
    # As long as what is written over it: the command may fill the disk.
    printf '%-6s\n' lost >"${aside}code$behind"
    for file in gate ready; do
        printf '' >"$aside$file$behind"
    done
    session=setsid
    command -v setsid >/dev/null 2>&1 || session=''
    run_command "$@" | tail -c 4096 2>/dev/null >"$output" &
    reader=$!
    # Not within the pipe: mksh keeps it open for all that is begun there.
    keep_time "$1" 3>&2 >/dev/null 2>&1 &
    timer=$!
    wait "$reader" 2>/dev/null
    reader=$?
    # What it is told before it has set its trap is lost, and it would wait for all of its time. On a full disk it cannot say that it has.
    looks=0
    while [ ! -s "${aside}ready$behind" ] && [ "$looks" -lt 2020 ] && kill -0 "$timer" 2>/dev/null; do
        [ "$looks" -lt 2000 ] || sleep 0.1 || sleep 1
        looks=$((looks + 1))
    done
    kill -TERM "$timer" 2>/dev/null
    wait "$timer" 2>/dev/null
    timer=$?
    forget_gate "${aside}gate$behind"
    attempt_code=lost
    read -r attempt_code <"${aside}code$behind"
    if [ "$timer" -eq "$was_late" ]; then
        attempt_code=late
    elif [ "$attempt_code" != 0 ] && [ "$reader" -ne 0 ] && [ "$timer" -ne "$was_cut" ] && has_room 8192; then
        # It ended before the command did, and not for want of room.
        attempt_code=lost
    fi
}

# What `keep_time` ends with where it ended the command, or its reader.
was_late=7 was_cut=8

run_command() {
    (
        # Before it is out of reach of whoever ends this group, its number is written down.
        ! read -r number _ 2>/dev/null </proc/self/stat || printf '%s\n' "$number" >"${aside}gate$behind"
        cd "$2" 2>/dev/null || { echo "cannot enter $2" && exit 1; }
        eval "${4:-}"
        # A session of its own, so that all of it can be ended. It is no group's leader, and so keeps its number.
        # shellcheck disable=SC2086
        exec $session sh -c "$3" 3<&-
    ) 2>&1 &
    child=$!
    # For whoever has to end it in our place; the kernel may have told it the same.
    printf '%s\n' "$child" >"${aside}gate$behind"
    wait "$child" 2>/dev/null
    printf '%-6s\n' "$?" 1<>"${aside}code$behind"
    # What it left running would hold on to the pipe; what is in a session of its own does so all the same.
    kill -9 "-$child" 2>/dev/null
}

# Ends the command when its time is over, and with it this session once nobody listens any more (see session.sh). Ends the reader where that goes
# on for some seconds behind the command. Told that the reader has ended, it ends.
keep_time() {
    nap='' ending=0 left=$1 unheard=0 behind_it=''
    trap 'kill -9 $nap; exit $ending' TERM
    echo ready >"${aside}ready$behind"
    while [ "$left" -gt 0 ] && [ -z "$behind_it" ]; do
        span=2
        [ "$left" -ge "$span" ] || span=$left
        nap_for "$span"
        left=$((left - span)) unheard=$((unheard + span))
        has_ended && behind_it=yes
        if [ "$unheard" -ge 10 ] && [ -n "$in_session" ]; then
            unheard=0
            if ! is_heard; then
                end_gate "${aside}gate$behind"
                end_session
            fi
        fi
    done
    if [ -n "$behind_it" ]; then
        ending=$was_cut
    else
        ending=$was_late
        end_gate "${aside}gate$behind"
    fi
    # It may be about to end by itself.
    nap_for 2
    kill -9 "$reader"
    exit "$ending"
}

# Waits; who cannot sleep here keeps no time.
nap_for() {
    sleep "$1" 3>&- &
    nap=$!
    wait "$nap" || exit 0
}

# Tells whether the command has ended: its code was written.
has_ended() {
    code=lost
    read -r code <"${aside}code$behind"
    [ "$code" != lost ]
}
