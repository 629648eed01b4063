# shellcheck shell=sh
# Runs gates in the release's folder, one after the other, until one fails. $p_gates, one call of `gate` each, is written by
# our side.

# gate INDEX SECONDS RETRIES DRY COMMAND SETTINGS: fails where the gates after it do not run.
gate() {
    tries=0
    lost=0
    while :; do
        whole=''
        [ ! -f ./MANIFEST ] || whole=yes
        attempt "$2" . "$5" "${6:-}"
        # Whatever it says of a release that is gone with it.
        [ -z "$whole" ] || [ -f ./MANIFEST ] || attempt_code=gone
        case $attempt_code in
        0 | 75 | gone) break ;;
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
    if read_plain "$output"; then
        say gate "$1" "$attempt_code" "$tries" "=$plain"
    else
        hex_file "$output"
        say gate "$1" "$attempt_code" "$tries" "$hexed"
    fi
    [ "$attempt_code" = 0 ] || [ "$4" = dry ]
}

phase_check() {
    cd "$p_root" 2>/dev/null || fail io "cannot enter $p_root"
    # The end of what each prints; to try more takes a shell as long as a process. They go with the lock, or with what is left of this shell.
    aside=$PWD/.coalmine/run. behind=.$$.0
    has_room 65536 || find_room 65536 || no_room
    # Through the link once: a check never sees half of two releases.
    root=$PWD
    cd -P "./$p_link/." 2>/dev/null || fail io "$PWD/$p_link is no folder"
    eval "$p_gates"
    cd "$root" || exit 1
}
