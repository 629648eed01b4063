#!/bin/sh
# Runs what ssh asked for on one host of the sandbox, the way that host would: in its home, with its faults.
# sshd's ForceCommand; SANDBOX_DIR, SANDBOX_HOST and SANDBOX_CONNECTION come from the supervisor by sshd's SetEnv.

sandbox=$SANDBOX_DIR
host=$SANDBOX_HOST
HOME=$sandbox/hosts/$host
TMPDIR=$HOME/.tmp
HOSTNAME=$host
# sshd sees a socket pair of the supervisor's and would say UNKNOWN.
SSH_CONNECTION=$SANDBOX_CONNECTION
SSH_CLIENT=${SANDBOX_CONNECTION% * *}
SSH_CLIENT="$SSH_CLIENT ${SANDBOX_CONNECTION##* }"
# The same on every host, whatever sshd was compiled with.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin$SANDBOX_PATH
export HOME TMPDIR HOSTNAME SSH_CONNECTION SSH_CLIENT PATH
unset MAIL

fault() {
    fault=
    if [ -r "$sandbox/faults/$host" ]; then
        read -r fault <"$sandbox/faults/$host"
    fi
    kind=${fault%%:*}
    amount=${fault#*:}
}

fault
if [ "$kind" = hang-exec ]; then
    # The host wakes up when the fault is taken away; a command whose connection has gone by then is not run.
    while [ "$kind" = hang-exec ]; do
        kill -0 "$PPID" 2>/dev/null || exit 255
        sleep 1
        fault
    done
    kill -0 "$PPID" 2>/dev/null || exit 255
fi

case $kind in
dies)
    PATH=$sandbox/bin/dies:$PATH
    SANDBOX_AMOUNT=$amount
    export SANDBOX_AMOUNT
    ;;
no-rsync)
    # shellcheck disable=SC2123 # the search path is what is meant: a copy of it without the tool
    PATH=$sandbox/path/no-rsync
    ;;
wrong-python)
    # shellcheck disable=SC2123 # the search path is what is meant: a copy of it without the tool
    PATH=$sandbox/path/wrong-python
    ;;
lies)
    PYTHONPATH=$sandbox/stale
    export PYTHONPATH
    ;;
sick)
    MINEWATCH_CALIBRATION=$sandbox/sick/calibration.json
    export MINEWATCH_CALIBRATION
    ;;
esac

# These two need a view of the files that only this host has: a mount namespace that the supervisor keeps.
case $kind in
full | wrong-python)
    how=
    if [ -z "$SANDBOX_INSIDE" ] && [ -r "$sandbox/run/$host" ]; then
        read -r how pid <"$sandbox/run/$host"
    fi
    SANDBOX_INSIDE=1
    export SANDBOX_INSIDE
    case $how in
    mount)
        exec nsenter --target "$pid" --mount "$0"
        ;;
    user)
        # A second user namespace, so that the host's user is itself again and not a root that cannot chown.
        exec nsenter --target "$pid" --user --mount --preserve-credentials \
            unshare --user --map-user="$(id -u)" --map-group="$(id -g)" "$0"
        ;;
    limit)
        # The honest fallback: no file may grow over the limit, and says "File too large" where a disk would be full.
        trap '' XFSZ
        ulimit -f $(((amount + 511) / 512))
        ;;
    esac
    ;;
esac
unset SANDBOX_INSIDE

cd "$HOME" || exit 255
if [ -n "$SSH_ORIGINAL_COMMAND" ]; then
    exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"
fi
# shellcheck disable=SC2016 # the shell of the host expands it at each prompt
PS1="$host"':$PWD\$ '
export PS1
exec "${SHELL:-/bin/sh}"
