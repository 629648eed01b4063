# shellcheck shell=sh
# What stood in the link's place before the first release came.

# Keeps the folder that stands in the link's place as a release, and puts a link to it there.
#
# Where neither `mv` (coreutils 9.5) nor Python can exchange two names, it takes two renames and the name is missing between
# them, for about a millisecond. The mark lets the next contact finish what a crash cut in two.
adopt() {
    learn stat -c %d .
    device=$learned
    learn stat -c %d "./$p_link"
    [ "$device" = "$learned" ] || fail io "$PWD/$p_link is a file system of its own and cannot become a link"
    work_here
    version=''
    if [ -n "$p_version_command" ]; then
        attempt 10 "./$p_link" "$p_version_command"
        [ "$attempt_code" != 0 ] || find_version
    fi
    is_name "$version" && [ "${#version}" -le 100 ] || version=adopted
    [ ! -f "./$p_link/MANIFEST" ] || rename "./$p_link/MANIFEST" "./$p_link/MANIFEST.before-coalmine"
    write_manifest "./$p_link"
    digest_of "./$p_link"
    adopted_id=$version-${digest%"${digest#????????}"}
    is_name "$adopted_id" || fail io "cannot read $PWD/$p_link/MANIFEST"
    scrap "releases/$adopted_id"
    rm -f "releases/$adopted_id" ".coalmine/flip.$p_nonce"
    write "$adopted_id" ".coalmine/adopting.$p_link"
    # Nobody but a person removes it, whatever is adopted later.
    write "$p_rollout" ".coalmine/kept.$adopted_id"
    settle .
    # The link lies where the folder is going, and the two change places.
    must ln -s "releases/$adopted_id" "releases/$adopted_id"
    if ! exchange "releases/$adopted_id" "./$p_link"; then
        rename "releases/$adopted_id" ".coalmine/flip.$p_nonce"
        rename "./$p_link" "releases/$adopted_id"
        rename ".coalmine/flip.$p_nonce" "./$p_link"
    fi
    settle .
    note "kept the folder $p_link as $adopted_id"
}

# Sets `version` to the first word that a command printed which looks like one.
find_version() {
    tr -s '\000-\040\177' '\n' <"$output" >"$work/words" || fail io "cannot read what the version command printed"
    while read -r word; do
        case $word in
        [0-9]* | v[0-9]*)
            if is_name "$word"; then
                version=$word
                return 0
            fi
            ;;
        esac
    done <"$work/words"
}

# Lets two names change places by one renameat2(2).
exchange() {
    mv --exchange -T "$1" "$2" 2>/dev/null && return 0
    command -v python3 >/dev/null 2>&1 || return 1
    python3 -I -c 'import ctypes, os, sys
a, b = (os.fsencode(name) for name in sys.argv[1:3])
sys.exit(ctypes.CDLL(None).renameat2(-100, a, -100, b, 2) != 0)' "$1" "$2" 2>/dev/null
}

# Finishes an adoption that was cut in two.
finish_adoption() {
    [ -r ".coalmine/adopting.$p_link" ] || return 0
    read -r adopted_id <".coalmine/adopting.$p_link"
    is_name "$adopted_id" || adopted_id=.
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
