#!/bin/sh
# Stands before the host's rsync and kills it with -9 once it has been sent about SANDBOX_AMOUNT bytes, as a machine short of
# memory would. What rsync has not read by then is lost with it.

self=${0%/*}
PATH=${PATH#"$self:"}
pipe=$HOME/.tmp/dies.$$
mkfifo "$pipe" || exit 14
exec 3<&0
{
    exec >"$pipe"
    rm -f "$pipe"
    # Small blocks, passed on at once: rsync talks, and head would keep what was said until there is more of it.
    dd bs=64 count=$(((SANDBOX_AMOUNT + 63) / 64)) <&3 2>/dev/null
    # rsync forks its receiver: both die, and this process, a child of the same parent, last.
    me=$(exec sh -c 'echo "$PPID"')
    read -r children <"/proc/$$/task/$$/children"
    for child in $children; do
        [ "$child" = "$me" ] || kill -9 "$child"
    done
    kill -9 $$
} &
exec rsync "$@" <"$pipe" 3<&-
