# shellcheck shell=sh
# Switches a link back: to a release (p_to=release), to what was kept when the first release came (adopted), or to
# nothing. Answers `rolled_back`, or `broken` where the target is not whole.
#
# It needs no room: where the release that is left has filled every folder, it goes back to what has the right manifest, and
# says that it is `unproven`.

# Proves the target as far as that can be done: 0 when it is whole, 1 when it is not, 2 when nobody can tell.
try_prove() {
    find_room 1048576 || return 2
    (
        say() { :; }
        finish() { exit 2; }
        prove_release "$@"
    )
}

# Proves the target, and ends the phase where it is not whole.
prove_way_back() {
    if ! is_release "$p_id"; then
        say drift 1 0 MANIFEST
        say broken
        finish
    fi
    try_prove "$p_id" "$p_verify" "${p_digest:-${p_id##*-}}"
    case $? in
    0) ;;
    1)
        # Files too many, as bytecode, do no harm to those that were proven.
        read -r proven wrong extra unread _ <"$work/verdict"
        if [ "$wrong" -gt 0 ]; then
            say_drift
            say broken
            finish
        fi
        ;;
    *) say unproven ;;
    esac
}

# Takes a release from what was good here before; what is good now is for a rollout to say that ends well.
forget_good() {
    [ "$state_good" != "$1" ] || return 0
    was=''
    found=''
    for name in $state_previous $state_was; do
        if [ "$name" = "$1" ]; then
            found=yes
        else
            was="$was $name"
        fi
    done
    [ -n "$found" ] || return 0
    # shellcheck disable=SC2086
    set -- "$1" $was
    bad=$1
    shift
    state_previous=${1:-}
    [ $# -eq 0 ] || shift
    state_was=$*
    state_bad="$bad $state_bad"
}

phase_roll_back() {
    enter
    fence briefly
    finish_adoption
    disarm
    read_state
    target=''
    case $p_to in
    release)
        # One that is being repaired counts as what its copy is.
        swap_repaired "$p_id"
        if [ ! -d "releases/$p_id" ]; then
            say gone
            say broken
            finish
        fi
        # Whose files nobody touched since they were proven has its manifest, too.
        was_proven "$p_id" "${p_digest:-${p_id##*-}}" || prove_way_back
        target=releases/$p_id
        ;;
    adopted) adopted_target ;;
    esac
    look "$p_link"
    case $link_is in
    # Nothing of ours stands there.
    folder | file) fail io "$PWD/$p_link is a $link_is, no link" ;;
    esac
    state_current=''
    if [ -n "$target" ]; then
        if [ "$link_target" != "$target" ]; then
            take_name
            flip "$p_link" "$target"
        fi
        give_name
        state_current=${target#releases/}
        is_id "$state_current" || state_current=''
    elif [ "$link_is" != missing ]; then
        take_name
        state_name=''
        erase "./$p_link"
        settle .
    fi
    note "$p_link went back to ${target:-nothing} from ${link_id:-$link_is}"
    state_pending=''
    state_rollout=$p_rollout
    # What was good here and is left now was found bad, unless something else is why (p_blames=no); what was not is the first to be removed.
    if [ -n "$link_id" ] && [ "releases/$link_id" != "$target" ]; then
        [ "$p_blames" = no ] || forget_good "$link_id"
        remove ".coalmine/primed.$link_id"
    fi
    # It has gone back; a full disk does not change that.
    try_write_state
    say rolled_back
}
