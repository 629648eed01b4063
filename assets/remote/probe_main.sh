# shellcheck shell=sh

phase_probe() {
    say_facts
    came_from=$PWD
    # A link may be what a dead man's switch would have put back: it does so when something is changed here next.
    if [ -d "$p_root/.coalmine" ] && cd "$p_root" 2>/dev/null; then
        trust
        case $p_root in
        /*) ;;
        *) cd "$came_from" || fail io "cannot enter $came_from" ;;
        esac
    fi
    say_machine
    if cd "$p_root" 2>/dev/null; then
        tidy
        probe
        say_lock
    elif [ -e "$p_root" ]; then
        fail io "cannot enter $p_root"
    else
        say_unpackers
        say_address
        say link missing
        say_package
    fi
}
