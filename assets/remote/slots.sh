# shellcheck shell=sh
# The names of versions: links beside slots, with the version in their name, each of which leads to the slot that has it. `p_name`
# is the one that the slot is to have; none where it has none. Such a name may be missing for a moment, and is never untrue: it
# goes before its slot leads elsewhere, and comes after.

# Tells whether the slot may have its name, or has none to have; else sets `hindrance` to what stands in the way.
may_have_name() {
    hindrance=''
    [ -n "$p_slot" ] && [ -n "$p_name" ] || return 0
    if ! is_name "$p_name" || [ "$p_name" = "$p_slot" ]; then
        hindrance="no link can be named $p_name"
    elif [ -h "./$p_name" ]; then
        learn readlink "./$p_name"
        [ "$learned" != "$p_slot" ] || return 0
        if is_name "$learned" && [ -f ".coalmine/state.$learned" ] && [ -h "./$learned" ]; then
            hindrance="$PWD/$p_name leads to slot $learned already: a version has one slot"
        else
            hindrance="$PWD/$p_name is a link to $learned that coalmine did not make"
        fi
    elif [ -e "./$p_name" ]; then
        hindrance="$PWD/$p_name stands where the link of that version belongs"
    fi
    [ -z "$hindrance" ]
}

# Takes its version's name from the slot; sets `taken` to it.
take_name() {
    taken=''
    [ -n "$p_slot" ] && [ -n "$state_name" ] || return 0
    taken=$state_name
    [ -h "./$taken" ] || return 0
    learn readlink "./$taken"
    [ "$learned" = "$p_slot" ] || return 0
    erase "./$taken"
}

# Gives the slot its version's name, where it has it not already, and may have it; what was switched stays so without.
give_name() {
    state_name=''
    [ -n "$p_slot" ] && [ -n "$p_name" ] || return 0
    if ! may_have_name; then
        note "$p_slot has no name: $hindrance"
        return 0
    fi
    state_name=$p_name
    [ -h "./$p_name" ] || flip "$p_name" "$p_slot"
}

# Says which links beside the one that was asked for name a release, and of slots what else is known.
say_slots() {
    slot_names=' '
    for file in .coalmine/state.*; do
        slot=${file#.coalmine/state.}
        if [ -f "$file" ] && is_name "$slot" && [ -h "./$slot" ]; then
            read_slot
            say named "$slot" "${slot_name:--}" "${slot_since:--}"
            slot_names="$slot_names$slot=$slot "
            [ -z "$slot_name" ] || slot_names="$slot_names$slot_name=$slot "
        fi
    done
    for link in ./*; do
        if [ -h "$link" ] && [ "$link" != "./$p_link" ] && is_name "${link#./}"; then
            link=${link#./}
            look "$link"
            [ "$link_is" = release ] || continue
            [ -e ".coalmine/state.$link" ] || is_direct "$link" || continue
            say slot "$link" "$link_id"
        fi
    done
}

# Sets what is remembered of a slot: its version's name, and which rollout finalized what it has.
read_slot() {
    slot_name='' slot_since=''
    while read -r key value; do
        is_name "$value" || continue
        case $key in
        name) slot_name=$value ;;
        since) slot_since=$value ;;
        esac
    done <"$file"
}

# Tells whether a link that is no slot of ours leads to a release by itself. One that leads to a slot, or to a version's name, is
# somebody's who uses that, which is said.
is_direct() {
    learn readlink "./$1"
    case $learned in
    "releases/$link_id" | */"releases/$link_id") return 0 ;;
    esac
    leads=${learned#"$PWD/"} leads=${leads#./}
    case $slot_names in
    *" $leads="*)
        slot=${slot_names#*" $leads="}
        slot=${slot%% *}
        case $slot_names in
        # A version's name.
        *" $1=$slot "*) ;;
        *) say used "$slot" "$1" ;;
        esac
        ;;
    esac
    return 1
}
