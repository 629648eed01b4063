#!/bin/sh
# Stands before the host's rsync and kills it with -9 once it has been sent SANDBOX_AMOUNT bytes, as a machine short of
# memory would. What rsync has not read by then is lost with it.

self=${0%/*}
PATH=${PATH#"$self:"}
pipe=$HOME/.tmp/dies.$$
mkfifo "$pipe" || exit 14
exec 3<&0
{
    exec >"$pipe"
    rm -f "$pipe"
    head -c "$SANDBOX_AMOUNT" <&3
    # rsync forks its receiver: both die, and this process, a child of the same parent, last.
    me=$(exec sh -c 'echo "$PPID"')
    read -r children <"/proc/$$/task/$$/children"
    for child in $children; do
        [ "$child" = "$me" ] || kill -9 "$child"
    done
    kill -9 $$
} &
exec rsync "$@" <"$pipe" 3<&-
