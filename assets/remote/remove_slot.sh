# shellcheck shell=sh
# Removes a slot: its link, and what is remembered of it, so that nothing keeps its release any more. Broken off, it is done again
# by whoever asks again. The usual link is no slot. The name of its version goes first.

phase_remove_slot() {
    cd "$p_root" 2>/dev/null || fail io "cannot enter $p_root"
    fence briefly
    is_name "$p_slot" || fail io "no slot was named"
    look "$p_slot"
    read_state
    case $link_is in
    missing) take_name ;;
    release)
        take_name
        erase "./$p_slot"
        settle .
        note "slot $p_slot removed, which named $link_id"
        ;;
    *) fail io "$PWD/$p_slot is a $link_is that coalmine did not make" ;;
    esac
    erase ".coalmine/state.$p_slot"
    settle .coalmine
    say removed
}
