# shellcheck shell=sh
# Runs a command of the site's with a limit of time, and keeps the end of what it printed.

# attempt SECONDS FOLDER COMMAND [SETTINGS]: sets `attempt_code` to its exit code, or to late, lost; its output is in $work/out.
# The settings are evaluated before it.
#
# Whatever a command prints, no more of it is kept than this; a reader that ends before would end the command. It reads from a
# pipe without a name: of one that has one, `tail` of uutils 0.12 waits for more when all have closed it.
attempt() {
    # As long as what is written over them: the command may fill the disk.
    for file in code late cut; do
        printf '%-6s\n' lost >"$work/$file"
    done
    for file in gate ready timer; do
        printf '' >"$work/$file"
    done
    session=setsid
    command -v setsid >/dev/null 2>&1 || session=''
    run_command "$@" | tail -c 4096 2>/dev/null >"$work/out" &
    reader=$!
    # Not within the pipe: mksh keeps it open for all that is begun there.
    keep_time "$1" >/dev/null 2>&1 &
    timer=$!
    printf '%s\n' "$timer" >"$work/timer"
    wait "$reader" 2>/dev/null
    reader=$?
    kill -TERM "$timer" 2>/dev/null
    attempt_code=lost
    read -r attempt_code <"$work/code"
    read -r late <"$work/late"
    read -r cut <"$work/cut"
    if [ "$late" = late ]; then
        attempt_code=late
    elif [ "$attempt_code" != 0 ] && [ "$reader" -ne 0 ] && [ "$cut" != cut ] && has_room 8192; then
        # It ended before the command did, and not for want of room.
        attempt_code=lost
    fi
}

run_command() {
    (
        cd "$2" 2>/dev/null || { echo "cannot enter $2" && exit 1; }
        eval "${4:-}"
        # A session of its own, so that all of it can be ended. It is no group's leader, and so keeps its number.
        # shellcheck disable=SC2086
        exec $session sh -c "$3"
    ) 2>&1 &
    child=$!
    # For whoever has to end it in our place.
    printf '%s\n' "$child" >"$work/gate"
    wait "$child" 2>/dev/null
    printf '%-6s\n' "$?" 1<>"$work/code"
    # What it left running would hold on to the pipe.
    kill -9 "-$child" 2>/dev/null
    # What is in a session of its own does so all the same.
    timer='' tries=0
    while [ "$tries" -lt 1000 ]; do
        read -r timer <"$work/timer" && [ -s "$work/ready" ] && break
        tries=$((tries + 1))
    done
    kill -TERM "$timer" 2>/dev/null
}

# Ends the command when its time is over; told that it has ended, ends the reader where that goes on for two seconds.
keep_time() {
    nap=''
    trap 'kill -9 $nap; end_reader; exit 0' TERM
    echo ready >"$work/ready"
    sleep "$1" &
    nap=$!
    wait "$nap" || exit 0
    printf '%-6s\n' late 1<>"$work/late"
    read -r child <"$work/gate" && { kill -9 "-$child" || kill -9 "$child"; }
    end_reader
}

end_reader() {
    waited=0
    # It ends within some milliseconds, and a process that waits for it costs as much.
    while kill -0 "$reader"; do
        [ "$waited" -lt 2000 ] || sleep 0.1 || sleep 1
        waited=$((waited + 1))
        [ "$waited" -lt 2020 ] || break
    done
    [ "$waited" -lt 2020 ] || { printf '%-6s\n' cut 1<>"$work/cut" && kill -9 "$reader"; }
}
