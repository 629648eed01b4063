# shellcheck shell=sh
# Switching a link, forwards and back.

# Tells whether a release can be switched to: its manifest is the one that its name promises. What its files are was
# proven when it got its name.
is_release() {
    is_digest=$(digest_of "releases/$1") || return 1
    case $is_digest in
    "${1##*-}"*) return 0 ;;
    esac
    return 1
}

# Puts the repaired copy of a release in the place of the broken one, under the feet of every link that names it: each
# names the copy while its final name is made, so none ever names nothing. Can be broken off and begun again at any point.
swap_repaired() {
    copy=releases/.$1.repair
    [ -d "$copy" ] || return 0
    for link in ./* "./$p_link"; do
        if [ -h "$link" ] && [ "$(readlink "$link")" = "releases/$1" ]; then
            flip "${link#./}" "$copy"
        fi
    done
    scrap "releases/$1"
    scrap "releases/.$1.$p_rollout.new"
    must cp -al "$copy" "releases/.$1.$p_rollout.new"
    must mv -f -T "releases/.$1.$p_rollout.new" "releases/$1"
    settle releases
    for link in ./* "./$p_link"; do
        if [ -h "$link" ] && [ "$(readlink "$link")" = "$copy" ]; then
            flip "${link#./}" "releases/$1"
        fi
    done
    scrap "$copy"
    note "repaired $1"
}

# Keeps the folder that stands in the link's place as a release, and puts a link to it there.
#
# Where neither `mv` (coreutils 9.5) nor Python can exchange two names, it takes two renames and the name is missing between
# them, for about a millisecond. The mark lets the next contact finish what a crash cut in two.
adopt() {
    here=$(stat -c %d . 2>/dev/null)
    there=$(stat -c %d "./$p_link" 2>/dev/null)
    [ "$here" = "$there" ] || fail io "$PWD/$p_link is a file system of its own and cannot become a link"
    work_here
    version=''
    if [ -n "$p_version_command" ]; then
        attempt 10 "./$p_link" "$p_version_command"
        # The last word of the first line that has a version in it.
        [ "$attempt_code" != 0 ] || version=$(tr -s '\000-\040\177' '\n' <"$work/out" | grep '^v*[0-9][A-Za-z0-9._+~-]*$' | head -n 1)
    fi
    is_name "$version" && [ "${#version}" -le 100 ] || version=adopted
    [ ! -f "./$p_link/MANIFEST" ] || must mv -f -T "./$p_link/MANIFEST" "./$p_link/MANIFEST.before-coalmine"
    write_manifest "./$p_link"
    adopted_digest=$(digest_of "./$p_link") || fail io "cannot read $PWD/$p_link/MANIFEST"
    adopted_id=$version-$(printf '%s' "$adopted_digest" | cut -c 1-8)
    scrap "releases/$adopted_id"
    rm -f "releases/$adopted_id" ".coalmine/flip.$p_nonce"
    must write_line "$adopted_id" ".coalmine/adopting.$p_link"
    settle .
    # The link lies where the folder is going, and the two change places.
    must ln -s "releases/$adopted_id" "releases/$adopted_id"
    if ! exchange "releases/$adopted_id" "./$p_link"; then
        must mv -f -T "releases/$adopted_id" ".coalmine/flip.$p_nonce"
        must mv -f -T "./$p_link" "releases/$adopted_id"
        must mv -f -T ".coalmine/flip.$p_nonce" "./$p_link"
    fi
    settle .
    note "kept the folder $p_link as $adopted_id"
}

# Lets two names change places by one renameat2(2).
exchange() {
    mv --exchange -T "$1" "$2" 2>/dev/null && return 0
    command -v python3 >/dev/null 2>&1 || return 1
    python3 -I -c 'import ctypes, os, sys
a, b = (os.fsencode(name) for name in sys.argv[1:3])
sys.exit(ctypes.CDLL(None).renameat2(-100, a, -100, b, 2) != 0)' "$1" "$2" 2>/dev/null
}

write_line() {
    printf '%s\n' "$1" >"$2"
}

# Finishes an adoption that was cut in two.
finish_adoption() {
    [ -r ".coalmine/adopting.$p_link" ] || return 0
    read -r adopted_id <".coalmine/adopting.$p_link"
    [ ! -h "releases/$adopted_id" ] || rm -f "releases/$adopted_id"
    if is_name "$adopted_id" && [ -d "releases/$adopted_id" ]; then
        look "$p_link"
        [ "$link_is" != missing ] || flip "$p_link" "releases/$adopted_id"
        read_state
        state_adopted=$adopted_id
        write_state
    fi
    rm -f ".coalmine/adopting.$p_link"
}

# Arms the dead man's switch before the link is switched. It lives in a session of its own, away from this connection.
arm() {
    disarm
    rm -f ".coalmine/reverted.$p_rollout" ".coalmine/confirmed.$p_rollout" ".coalmine/slot.$p_rollout"
    kind=none
    if [ "$link_is" != missing ]; then
        must ln -s "$link_target" ".coalmine/back.$p_rollout"
        kind=link
    fi
    [ -z "$p_slot" ] || : >".coalmine/slot.$p_rollout"
    must write_line "$(($(now) + p_confirm)) $kind $p_link" ".coalmine/arming.$p_rollout"
    must mv -f -T ".coalmine/arming.$p_rollout" ".coalmine/armed.$p_rollout"
    settle .coalmine
    # Each of the three redirections matters: ssh waits for whoever holds its channel.
    if command -v setsid >/dev/null 2>&1; then
        setsid sh -c "$p_dead_man" sh "$p_rollout" "$p_confirm" </dev/null >/dev/null 2>&1 &
    else
        nohup sh -c "$p_dead_man" sh "$p_rollout" "$p_confirm" </dev/null >/dev/null 2>&1 &
    fi
}

# Takes the dead man's switch away, or waits until it has done what it began.
disarm() {
    mv -f -T ".coalmine/armed.$p_rollout" ".coalmine/disarmed.$p_rollout" 2>/dev/null
    waited=0
    while [ -e ".coalmine/fired.$p_rollout" ] && [ "$waited" -lt 10 ]; do
        sleep 1
        waited=$((waited + 1))
    done
    rm -f ".coalmine/disarmed.$p_rollout" ".coalmine/back.$p_rollout"
}
