# shellcheck shell=sh
# Confirms a switch. The dead man's switch has fired already, or it cannot any more: one rename decides.

phase_confirm() {
    enter
    fence briefly
    if mv -f -T ".coalmine/armed.$p_rollout" ".coalmine/confirmed.$p_rollout" 2>/dev/null &&
        [ ! -e ".coalmine/armed.$p_rollout" ]; then
        remove ".coalmine/back.$p_rollout"
        note "switch confirmed"
        say confirmed
    elif [ -e ".coalmine/fired.$p_rollout" ] || [ -e ".coalmine/reverted.$p_rollout" ]; then
        fail reverted "it went back by itself: nothing had confirmed the switch in time"
    elif [ -e ".coalmine/armed.$p_rollout" ]; then
        fail io "cannot take the dead man's switch away"
    else
        # Confirmed before, or never armed.
        say confirmed
    fi
}
