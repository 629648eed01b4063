# shellcheck shell=sh
# Switches a link back: to a release (p_to=release), to what was kept when the first release came (adopted), or to
# nothing. Answers `rolled_back`, or `broken` where the target is not whole.

main() {
    enter
    fence
    finish_adoption
    disarm
    read_state
    target=''
    case $p_to in
    release)
        # One that is being repaired counts as what its copy is.
        swap_repaired "$p_id"
        if ! prove "releases/$p_id" "$p_verify" "${p_digest:-${p_id##*-}}"; then
            # Files too many, as bytecode, do no harm to those that were proven.
            if [ -s "$work/wrong" ] || [ ! -d "releases/$p_id" ]; then
                say_drift
                [ -d "releases/$p_id" ] || say gone
                say broken
                finish
            fi
        fi
        target=releases/$p_id
        ;;
    adopted)
        case $state_adopted in
        '') fail missing "nothing was kept of what $PWD/$p_link was before" ;;
        link)
            [ -h ".coalmine/adopted.$p_link" ] || fail missing "$PWD/.coalmine/adopted.$p_link is gone"
            target=$(readlink ".coalmine/adopted.$p_link")
            ;;
        *)
            [ -d "releases/$state_adopted" ] || fail missing "$PWD/releases/$state_adopted is gone"
            target=releases/$state_adopted
            ;;
        esac
        ;;
    esac
    look "$p_link"
    case $link_is in
    # Nothing of ours stands there.
    folder | file) fail io "$PWD/$p_link is a $link_is, no link" ;;
    esac
    state_current=''
    if [ -n "$target" ]; then
        [ "$link_target" = "$target" ] || flip "$p_link" "$target"
        state_current=${target#releases/}
        is_name "$state_current" || state_current=''
    elif [ "$link_is" != missing ]; then
        must rm -f "./$p_link"
        settle .
    fi
    note "$p_link went back to ${target:-nothing} from ${link_id:-$link_is}"
    state_pending=''
    state_rollout=$p_rollout
    # It has gone back; a full disk does not change that.
    try_write_state
    say rolled_back
}

begin
