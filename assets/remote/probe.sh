# shellcheck shell=sh
# Asks what the host has; changes nothing but what a dead man's switch has coming.

say_facts() {
    say fact arch "$(uname -m)"
    os=$(
        # shellcheck disable=SC1091
        [ -r /etc/os-release ] && . /etc/os-release >/dev/null 2>&1 && printf '%s-%s' "${ID:-unknown}" "${VERSION_ID:-}"
    )
    [ -z "$os" ] || say fact os "${os%-}"
    if python=$(command -v python3); then
        version=$(python3 --version 2>&1 </dev/null)
        say fact python3 "${version#Python }"
        say fact python3-path "$python"
    fi
    if command -v rsync >/dev/null; then
        say_rsync
    fi
    missing=''
    for tool in awk chmod cp cut date df find grep head hostname id ln mkdir mktemp mv od paste readlink rm rmdir rsync sed \
        sha256sum sleep sort stat sync tail touch tr uname xargs; do
        command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
    done
    # Nothing breaks without it.
    missing=$(printf '%s' "$missing" | sed -e 's/ hostname//')
    [ -z "$missing" ] || say fact missing "${missing# }"
}

say_link() {
    look "$p_link"
    case $link_is in
    missing) say link missing ;;
    release)
        # Through the link, as whoever uses it does.
        digest=$(digest_of "./$p_link") || digest=-
        say link release "$link_id" "$digest"
        if [ "$p_deep" = yes ] || [ "$p_deep" = "$link_id" ]; then
            # Its own manifest may have been changed along with the rest: its name has the digest's begin.
            prove "./$p_link/." full "${link_id##*-}" || say_drift
        fi
        ;;
    *)
        say link unmanaged
        if [ "$p_deep" != no ] && [ -n "$p_version_command" ]; then
            work_here
            attempt 10 "./$p_link" "$p_version_command"
            [ "$attempt_code" != 0 ] || say version "$(hex <"$work/out")"
        fi
        ;;
    esac
}

probe() {
    say_link
    read_state
    for fact in "current $state_current" "good $state_good" "previous $state_previous" "rollout $state_rollout" \
        "pending $state_pending" "adopted $state_adopted"; do
        [ -z "${fact#* }" ] || say state "$fact"
    done
    # The newest first.
    # shellcheck disable=SC2012
    ls -1t releases 2>/dev/null | while read -r name; do
        is_name "$name" && [ -f "releases/$name/MANIFEST" ] && say release "$name"
    done
}
