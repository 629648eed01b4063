# shellcheck shell=sh
# Renews the lease of this conductor, beside whatever phase runs.

phase_renew() {
    cd "$p_root" 2>/dev/null || fail io "cannot enter $p_root"
    extend_lease needed
    say renewed
}
