# shellcheck shell=sh
# Ends the lease of a rollout by somebody's word. Whoever had it finds its token gone, and does nothing more.

phase_break() {
    cd "$p_root" 2>/dev/null || finish
    [ -d .coalmine ] || finish
    trust
    tries=0
    while once_more broken; do
        read_lease
        [ -n "$lease" ] || finish
        holds_lease || lost
        describe "$lease"
        if end_lease; then
            say broken "$described"
            note "the lock of rollout $lease_rollout was broken by $p_owner${p_reason:+: $p_reason}"
            finish
        fi
    done
}
