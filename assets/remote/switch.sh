# shellcheck shell=sh
# Switching a link, forwards and back.

# Tells whether a release can be switched to: its manifest is the one that its name promises. What its files are was
# proven when it got its name.
#
# Where this rollout proved it, it need not be asked again.
is_release() {
    if [ -O ".coalmine/primed.$1" ] && read -r by 2>/dev/null <".coalmine/primed.$1" && [ "$by" = "$p_rollout" ] &&
        [ -f "releases/$1/MANIFEST" ] && [ ! "releases/$1/MANIFEST" -nt ".coalmine/primed.$1" ]; then
        return 0
    fi
    digest_of "releases/$1"
    case $digest in
    '') return 1 ;;
    "${1##*-}"*) return 0 ;;
    esac
    return 1
}

# Puts the repaired copy of a release in the place of the broken one, under the feet of every link that names it: each
# names the copy while its final name is made, so none ever names nothing. Can be broken off and begun again at any point.
swap_repaired() {
    copy=releases/.$1.repair
    [ -d "$copy" ] || return 0
    move_links "releases/$1" "$copy"
    scrap "releases/$1"
    scrap "releases/.$1.$p_rollout.new"
    must cp -al "$copy" "releases/.$1.$p_rollout.new"
    rename "releases/.$1.$p_rollout.new" "releases/$1"
    settle releases
    move_links "$copy" "releases/$1"
    scrap "$copy"
    note "repaired $1"
}

# Points every link that names one target at another. One that leads there by way of a slot follows that.
move_links() {
    for link in ./* "./$p_link"; do
        if [ -h "$link" ] && [ "$link" -ef "$1" ]; then
            learn readlink "$link"
            case $learned in
            */"${1##*/}") flip "${link#./}" "$2" ;;
            esac
        fi
    done
}

# Arms the dead man's switch before the link is switched. It lives in a session of its own, away from this connection.
arm() {
    disarm
    remove ".coalmine/reverted.$p_rollout" ".coalmine/confirmed.$p_rollout" ".coalmine/slot.$p_rollout"
    kind=none
    if [ "$link_is" != missing ]; then
        must ln -s "$link_target" ".coalmine/back.$p_rollout"
        kind='link'
    fi
    [ -z "$p_slot" ] || : >".coalmine/slot.$p_rollout"
    know_time
    write "$((time + p_confirm)) $kind $p_link${p_slot:+ ${p_name:--} ${taken:--}}" ".coalmine/arming.$p_rollout"
    rename ".coalmine/arming.$p_rollout" ".coalmine/armed.$p_rollout"
    settle .coalmine
    # Each of the redirections matters: ssh waits for whoever holds its channel.
    if command -v setsid >/dev/null 2>&1; then
        setsid sh -c "$p_dead_man" sh "$p_rollout" "$p_confirm" </dev/null >/dev/null 2>&1 3<&- &
    else
        nohup sh -c "$p_dead_man" sh "$p_rollout" "$p_confirm" </dev/null >/dev/null 2>&1 3<&- &
    fi
}

# Takes the dead man's switch away, or waits until it has done what it began.
disarm() {
    [ ! -e ".coalmine/armed.$p_rollout" ] ||
        mv -f -T ".coalmine/armed.$p_rollout" ".coalmine/disarmed.$p_rollout" 2>/dev/null
    await_dead_man
    [ ! -e ".coalmine/armed.$p_rollout" ] || fail io "cannot take the dead man's switch away"
    remove ".coalmine/disarmed.$p_rollout" ".coalmine/back.$p_rollout" "./.coalmine-back.$p_rollout"
}

await_dead_man() {
    waited=0
    while [ -e ".coalmine/fired.$p_rollout" ] && [ "$waited" -lt 10 ]; do
        sleep 1
        waited=$((waited + 1))
    done
}

# Ends a switch that came later than its dead man's: that had nothing to take back then, or not all, and nobody else would any more.
see_armed() {
    [ -e ".coalmine/fired.$p_rollout" ] || [ -e ".coalmine/reverted.$p_rollout" ] || return 0
    await_dead_man
    if [ -n "$p_slot" ] && [ -n "$p_name" ] && [ "$p_name" != "$taken" ] && [ -h "./$p_name" ]; then
        learn readlink "./$p_name"
        [ "$learned" != "$p_slot" ] || erase "./$p_name"
    fi
    if [ "$link_is" = missing ]; then
        erase "./$p_link"
    elif [ ! "./$p_link" -ef "$link_target" ]; then
        flip "$p_link" "$link_target"
    fi
    note "$p_link went back to ${link_target:-none}: its time was over before it was switched"
    fail reverted "it went back by itself: nothing had confirmed the switch in time"
}

# Sets `target` to what the link was before the first release came, or fails where that is gone.
adopted_target() {
    target=''
    case $state_adopted in
    '') fail missing "nothing was kept of what $PWD/$p_link was before" ;;
    link)
        [ -h ".coalmine/adopted.$p_link" ] || fail missing "$PWD/.coalmine/adopted.$p_link is gone"
        target=$(readlink ".coalmine/adopted.$p_link")
        [ -n "$target" ] || fail io "cannot read $PWD/.coalmine/adopted.$p_link"
        [ -e "$target" ] || fail missing "$target, which $PWD/$p_link named before, was removed"
        ;;
    *)
        target=releases/$state_adopted
        [ -d "$target" ] || fail missing "$PWD/$target, which was $p_link before, was removed"
        ;;
    esac
}
