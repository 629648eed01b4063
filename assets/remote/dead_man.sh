# shellcheck shell=sh
# The dead man's switch: sh -c TEXT sh ROLLOUT SECONDS, in the root. Who renames `armed` first has decided.
#
# `armed.ROLLOUT` has one line: when it runs out, `link` or `none`, and the link's name; of a slot also its version's name, and the
# one before, `-` for none. What the link was before was put beside it as `back.ROLLOUT` when it was armed, so that a full disk
# cannot stop the way back.

rollout=$1
left=$2
cd . || exit 1
while [ "$left" -gt 0 ]; do
    sleep 1
    [ -e ".coalmine/armed.$rollout" ] || exit 0
    left=$((left - 1))
done
tries=0
while [ -e ".coalmine/armed.$rollout" ] && [ "$tries" -lt 10 ]; do
    mv -f -T ".coalmine/armed.$rollout" ".coalmine/fired.$rollout" 2>/dev/null && break
    tries=$((tries + 1))
    sleep 1
done
# Another one may have come so far and lost its power: every step below can be taken again.
read -r _ kind link name before <".coalmine/fired.$rollout" || exit 0
# Plain names, as they were written.
case $link in '' | .* | */*) exit 1 ;; esac
case $name in - | .* | */*) name='' ;; esac
case $before in - | .* | */*) before='' ;; esac
# A name is never untrue.
[ -z "$name" ] || [ ! -h "./$name" ] || rm -f "./$name" || exit 1
case $kind in
link)
    # First beside the link, where it leads to what it led to: `mv` of uutils replaces no link by one that leads nowhere.
    [ ! -h ".coalmine/back.$rollout" ] || mv -f -T ".coalmine/back.$rollout" "./.coalmine-back.$rollout" || exit 1
    [ ! -h ".coalmine/back.$rollout" ] || exit 1
    [ ! -h "./.coalmine-back.$rollout" ] || mv -f -T "./.coalmine-back.$rollout" "./$link" || exit 1
    [ ! -h "./.coalmine-back.$rollout" ] || exit 1
    ;;
none)
    rm -f "./$link" && [ ! -e "./$link" ] && [ ! -h "./$link" ] || exit 1
    ;;
*) exit 1 ;;
esac
[ -z "$before" ] || [ -e "./$before" ] || [ -h "./$before" ] || ln -s "$link" "./$before" || exit 1
target=none
[ ! -h "./$link" ] || target=$(readlink "./$link") || exit 1
state=.coalmine/state
[ ! -e ".coalmine/slot.$rollout" ] || state=.coalmine/state.$link
{
    while read -r key value; do
        case $key in
        current | pending | name) ;;
        *) printf '%s %s\n' "$key" "$value" || exit 1 ;;
        esac
    done <"$state"
    [ -z "$before" ] || printf 'name %s\n' "$before"
    [ "$target" = none ] || printf 'current %s\n' "${target#releases/}"
} >".coalmine/state.fired.$rollout" 2>/dev/null && mv -f -T ".coalmine/state.fired.$rollout" "$state"
printf '%s %s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$rollout" "not confirmed in time: $link went back to $target" >>.coalmine/log
mv -f -T ".coalmine/fired.$rollout" ".coalmine/reverted.$rollout"
