# shellcheck shell=sh
# Runs gates in the release's folder, one after the other, until one fails. $p_gates, one call of `gate` each, is written by
# our side.

# gate INDEX SECONDS RETRIES DRY COMMAND, in a subshell that has its environment: fails where the gates after it do not run.
gate() {
    tries=0
    lost=0
    while :; do
        attempt "$2" "$folder" "$5"
        case $attempt_code in
        0 | 75) break ;;
        lost)
            # Whoever read its output ended before it did, and so ended it: that says nothing of the release.
            lost=$((lost + 1))
            [ "$lost" -gt 2 ] || continue
            ;;
        esac
        [ "$tries" -lt "$3" ] || break
        tries=$((tries + 1))
        sleep 1
    done
    say gate "$1" "$attempt_code" "$tries" "$(hex <"$work/out")"
    [ "$attempt_code" = 0 ] || [ "$4" = dry ]
}

phase_check() {
    cd "$p_root" 2>/dev/null || fail io "cannot enter $p_root"
    # Through the link once: a check never sees half of two releases.
    folder=$(cd "./$p_link/." 2>/dev/null && pwd -P) || fail io "$PWD/$p_link is no folder"
    work_here
    eval "$p_gates"
}
