# shellcheck shell=sh
# The dead man's switch: sh -c TEXT sh ROLLOUT SECONDS, in the root. Who renames `armed` first has decided.
#
# `armed.ROLLOUT` has one line: when it runs out, `link` or `none`, and the link's name. What the link was before was put beside it
# as `back.ROLLOUT` when it was armed, so that a full disk cannot stop the way back.

rollout=$1
left=$2
cd . || exit 1
while [ "$left" -gt 0 ]; do
    sleep 1
    [ -e ".coalmine/armed.$rollout" ] || exit 0
    left=$((left - 1))
done
mv -f -T ".coalmine/armed.$rollout" ".coalmine/fired.$rollout" 2>/dev/null
# Another one may have come so far and lost its power: every step below can be taken again.
read -r _ kind link <".coalmine/fired.$rollout" || exit 0
case $kind in
link) [ ! -h ".coalmine/back.$rollout" ] || mv -f -T ".coalmine/back.$rollout" "$link" || exit 1 ;;
none) rm -f -- "./$link" ;;
*) exit 1 ;;
esac
target=$(readlink "./$link") || target=none
state=.coalmine/state
[ ! -e ".coalmine/slot.$rollout" ] || state=.coalmine/state.$link
{
    grep -v -e '^current ' -e '^pending ' "$state" 2>/dev/null
    [ "$target" = none ] || printf 'current %s\n' "${target#releases/}"
} >".coalmine/state.fired.$rollout" && mv -f -T ".coalmine/state.fired.$rollout" "$state"
printf '%s %s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$rollout" "not confirmed in time: $link went back to $target" >>.coalmine/log
mv -f -T ".coalmine/fired.$rollout" ".coalmine/reverted.$rollout"
