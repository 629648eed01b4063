# shellcheck shell=sh

phase_probe() {
    say_facts
    say_machine
    if cd "$p_root" 2>/dev/null; then
        # A link may be what a dead man's switch would have put back: it does so when something is changed here next.
        if [ -d .coalmine ]; then
            trust
        fi
        tidy
        probe
        say_lock
    elif [ -e "$p_root" ]; then
        fail io "cannot enter $p_root"
    else
        say link missing
    fi
}
