# shellcheck shell=sh
# Takes the host's lock, or renews it, and asks what the host has.

phase_lock() {
    # Nothing travels yet.
    require_tools rsync
    enter
    take_lease
    say locked
    probe
}
