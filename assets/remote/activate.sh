# shellcheck shell=sh
# Switches a link to a release that is here.

phase_activate() {
    enter
    fence briefly
    finish_adoption
    swap_repaired "$p_id"
    is_release "$p_id" || fail missing "$PWD/releases/$p_id is not here, or its manifest is another's"
    look "$p_link"
    may_have_name || fail io "$hindrance"
    read_state
    adopted_id=''
    case $link_is in
    file) fail io "$PWD/$p_link is a file, neither link nor folder" ;;
    folder)
        adopt
        # For the way back, whatever happens from here on.
        state_adopted=$adopted_id
        write_state
        rm -f ".coalmine/adopting.$p_link"
        look "$p_link"
        ;;
    foreign)
        # Somebody else's link: kept as it is.
        remove ".coalmine/link.$p_nonce" ".coalmine/adopted.$p_link"
        must ln -s "$link_target" ".coalmine/link.$p_nonce"
        rename ".coalmine/link.$p_nonce" ".coalmine/adopted.$p_link"
        state_adopted='link'
        write_state
        ;;
    esac
    # Before the switch: where this cannot be written, nothing is switched.
    state_rollout=$p_rollout
    state_pending=$p_id
    [ "$state_good" != "$p_id" ] || state_pending=''
    state_current=$p_id
    if [ "$link_id" = "$p_id" ]; then
        give_name
        say activated already
        try_write_state
    else
        take_name
        state_name=$p_name
        write_state
        [ "$p_confirm" -eq 0 ] || arm
        flip "$p_link" "releases/$p_id"
        give_name
        note "$p_link switched to $p_id from ${link_id:-$link_is}"
        [ "$p_confirm" -eq 0 ] || see_armed
        say activated "${adopted_id:--}"
    fi
}
