# shellcheck shell=sh
# Runs a command of the site's with a limit of time, and keeps the end of what it printed.

# attempt SECONDS FOLDER COMMAND: sets `attempt_code` to its exit code, or to late, lost; its output is in $work/out.
attempt() {
    rm -f "$work/out" "$work/read" "$work/pipe" "$work/late"
    must write_line '' "$work/out"
    must mkfifo "$work/pipe"
    session=setsid
    command -v setsid >/dev/null 2>&1 || session=''
    # Whatever a command prints, no more of it is kept than this; a reader that ends before would end the command. Fed by a pipe
    # without a name: of one that has one, `tail` of uutils 0.12 waits for more when all have closed it.
    # shellcheck disable=SC2016
    $session sh -c '{ cat && echo >"$1/read"; } | { tail -c 4096 >"$1/out"; cat >/dev/null; }' sh "$work" \
        <"$work/pipe" >/dev/null 2>&1 &
    reader=$!
    (
        cd "$2" 2>/dev/null || { echo "cannot enter $2" && exit 1; }
        # A session of its own, so that all of it can be ended. It is no group's leader, and so keeps its number.
        # shellcheck disable=SC2086
        exec $session sh -c "$3"
    ) >"$work/pipe" 2>&1 &
    child=$!
    # For whoever has to end it in our place.
    printf '%s\n' "$child" >"$work/gate"
    (
        nap=''
        trap 'kill -9 $nap 2>/dev/null; exit 0' TERM
        sleep "$1" &
        nap=$!
        wait "$nap" || exit 0
        : >"$work/late"
        kill -9 "-$child" || kill -9 "$child"
    ) >/dev/null 2>&1 &
    timer=$!
    wait "$child" 2>/dev/null
    attempt_code=$?
    kill -TERM "$timer" 2>/dev/null
    # What it left running would hold on to the pipe.
    kill -9 "-$child" 2>/dev/null
    waited=0
    while kill -0 "$reader" 2>/dev/null && [ "$waited" -lt 20 ]; do
        [ "$waited" -eq 0 ] || sleep 0.1 2>/dev/null || sleep 1
        waited=$((waited + 1))
    done
    if [ "$attempt_code" != 0 ] && [ ! -e "$work/read" ] && ! kill -0 "$reader" 2>/dev/null; then
        attempt_code=lost
    fi
    kill -9 "-$reader" 2>/dev/null || kill -9 "$reader" 2>/dev/null
    [ ! -e "$work/late" ] || attempt_code=late
}
