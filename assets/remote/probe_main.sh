# shellcheck shell=sh

phase_probe() {
    say_facts
    say_machine
    if cd "$p_root" 2>/dev/null; then
        tidy
        [ ! -w .coalmine ] || honour_dead_men
        probe
    elif [ -e "$p_root" ]; then
        fail io "cannot enter $p_root"
    else
        say link missing
    fi
}
