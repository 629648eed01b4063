# shellcheck shell=sh
# How a fresh host installs a release by itself, from a master: both sides of the conversation, and no deploy server.
#
# Every step is a phase in a subshell, as in a session, under the lock that rollouts take too. So whoever comes second, another of
# these or a rollout, finds it taken and waits, or finds all of it done.

tell() {
    printf 'coalmine: %s\n' "$*" >&2
}

# Ends with what went wrong; what was half-done is removed, and the lock freed.
stop() {
    tell "$2"
    # What still comes is for nobody.
    [ -z "$transfer" ] || kill "$transfer" 2>/dev/null
    [ -z "$p_fence" ] || (begin phase_unlock) >/dev/null 2>&1
    exit "$1"
}

# step PHASE: runs it; sets `records` to what it said, and where it refused `word` and `refusal`.
step() {
    word='' refusal=''
    records=$( (begin "$1") 2>&1)
    case $records in
    *"$newline$p_token fail "*)
        refusal=${records#*"$newline$p_token fail "}
        refusal=${refusal%%"$newline"*}
        word=${refusal%% *} refusal=${refusal#* }
        return 1
        ;;
    *"$newline$p_token end") return 0 ;;
    esac
    word='silent' refusal="$1 ended without a word"
    return 1
}

# heard WORD: sets `said` to what stands behind a word of the last step.
heard() {
    said=''
    case $records in
    *"$newline$p_token $1 "*)
        said=${records#*"$newline$p_token $1 "}
        said=${said%%"$newline"*}
        ;;
    *) return 1 ;;
    esac
}

# No link can be cut, and whoever started this can end it.
guard() {
    :
}

is_heard() {
    :
}

# Says `fresh` where the release is to be installed, and `settled` where nothing is: a host that rollouts have brought something
# else is theirs, however old the text of this script.
phase_look_around() {
    [ -d "$p_root" ] || { say fresh host && finish; }
    cd "$p_root" 2>/dev/null || fail io "cannot enter $p_root"
    read_state
    look "$p_link"
    case $link_is in
    missing) say fresh host ;;
    release)
        digest_of "./$p_link"
        if [ "$link_id" = "$p_id" ]; then
            if [ "$digest" = "$p_digest" ] && [ "$state_good" = "$p_id" ]; then
                say settled "$p_id is installed"
            else
                say fresh half
            fi
        elif [ -n "$digest" ]; then
            say settled "$link_id is installed, and $p_id is for fresh hosts only"
        else
            say fresh host
        fi
        ;;
    *) fail other "$PWD/$p_link was not installed by coalmine, and is left as it is: to take it over, bootstrap it from the deploy server" ;;
    esac
}

phase_take() {
    require_tools ''
    enter
    take_lease
    say locked
}

# Tries the release where it lies, before anything is switched to it.
phase_try() {
    enter
    fence long
    work_here
    look "$p_link"
    [ "$link_id" != "$p_id" ] || finish
    attempt 60 "releases/$p_id" "$p_check"
    [ "$attempt_code" != 0 ] || finish
    learn tail -n 1 "$output"
    fail unhealthy "$p_id does not work here ($attempt_code): $learned"
}

# Fetches the release into the staging folder, and renews the lock while that lasts.
fetch() {
    shell=${RSYNC_RSH:-"$p_ssh${2:+ -p $2}"}
    rsync -s --recursive --links --perms --times --omit-dir-times --ignore-times --chmod=D755,Fugo-w,Fa+rX --timeout=60 \
        -e "$shell" -- "$1:$p_source/releases/$p_id/" "$staging/" </dev/null >&2 &
    transfer=$!
    seconds=0
    while kill -0 "$transfer" 2>/dev/null; do
        sleep 1
        seconds=$((seconds + 1))
        [ "$((seconds % 60))" -ne 0 ] || (begin phase_renew) >/dev/null 2>&1
    done
    wait "$transfer"
    fetched=$?
    transfer=''
    return "$fetched"
}

# Takes the lock, or finds that there is nothing to do.
take() {
    waited=0
    while :; do
        step phase_look_around || stop 1 "$refusal"
        if heard settled; then
            tell "$said: nothing to do"
            exit 0
        fi
        if step phase_take && heard lease; then
            p_fence=$said
            break
        fi
        [ "$word" = locked ] || stop 1 "$refusal"
        [ "$waited" -lt "${COALMINE_WAIT:-600}" ] || stop 75 "$refusal"
        [ "$waited" -gt 0 ] || tell "waiting: $refusal"
        sleep 2
        waited=$((waited + 2))
    done
    # Whoever had the lock before may have done all of it.
    step phase_look_around || stop 1 "$refusal"
    ! heard settled || stop 0 "$said: nothing to do"
}

# Has the release here, proven: from the first master that gives it whole.
bring() {
    step phase_stage || stop 1 "$refusal"
    case $records in
    *"$newline$p_token already"*) return 0 ;;
    esac
    heard staged || stop 1 "nothing is known of where the release goes"
    p_goal=${said%% *}
    staging=${said#* }
    staging=${staging#* }
    # The one place that rsync may write to.
    case $staging in
    /*"/releases/.$p_id.$p_rollout") ;;
    *) stop 1 "$staging is no place for a release" ;;
    esac
    set -f
    # shellcheck disable=SC2086
    set -- ${COALMINE_MASTERS:-$p_masters}
    set +f
    for master in "$@"; do
        port=''
        case $master in *:*) port=${master##*:} ;; esac
        tell "fetching $p_id from ${master%:*}"
        if fetch "${p_login:+$p_login@}${master%:*}" "$port" && step phase_seal; then
            case $records in
            *"$newline$p_token sealed"*) return 0 ;;
            esac
            refusal="what ${master%:*} gave is not $p_id"
        fi
        tell "${refusal:-${master%:*} did not give it}"
    done
    stop 1 "no master gave $p_id, and nothing was switched"
}

bootstrap() {
    in_session=yes
    transfer=''
    if [ -n "$p_user" ] && [ "$(id -un)" != "$p_user" ]; then
        tell "this is to be run by $p_user, as by: su -s /bin/sh $p_user -c 'sh SCRIPT'"
        exit 1
    fi
    # Where a relative root begins.
    case $p_root in
    /*) ;;
    *) cd "${HOME:-/nonexistent}" || stop 1 "HOME must be the login folder of $(id -un): that is where $p_root begins" ;;
    esac
    ask_time || stop 1 "date gave no answer"
    p_rollout=bootstrap-$time-$$
    p_owner=$(id -un)@$(uname -n)
    trap 'stop 1 interrupted' HUP INT TERM
    take
    bring
    for phase in phase_try phase_activate phase_finalize; do
        step "$phase" || stop 1 "$refusal"
    done
    tell "$p_id is installed"
    exit 0
}
