# shellcheck shell=sh
# Frees the lock if it is this rollout's, and removes what the rollout left half-done.

phase_unlock() {
    cd "$p_root" 2>/dev/null || return
    [ -d .coalmine ] || return
    read_lease
    holds_lease || return
    trust
    tidy
    honour_dead_men
    for left in releases/.*."$p_rollout" releases/.*."$p_rollout.new"; do
        [ ! -d "$left" ] || scrap "$left"
    done
    remove ".coalmine/linked.$p_rollout" ".coalmine/linked.at.$p_rollout" ".coalmine/linked.before.$p_rollout" \
        ".coalmine/linked.made.$p_rollout" .coalmine/phase.*".$$".* .coalmine/run.*".$$".0
    free_lease
}
