# shellcheck shell=sh
# What every phase begins with. POSIX sh, coreutils or busybox.
#
# A script arrives whole or not at all: it is functions and assignments up to its last line, which calls `begin`. So a
# link that is lost while it is sent leaves a syntax error, and nothing was done.
#
# Whatever the phase has to tell it tells by `say`: a line that begins with a token only this run knows. All else on
# standard output is chatter: a greeting, a profile, the product. Without the line `end` the outcome is unknown.

set -u
umask 022
LC_ALL=C
PYTHONDONTWRITEBYTECODE=1
export LC_ALL PYTHONDONTWRITEBYTECODE
unset CDPATH
IFS=' 	
'
tab='	'
newline='
'
# Where temporary files are; made by `work_here`.
work=''

say() {
    printf '%s %s\n' "$p_token" "$*"
}

# Ends the phase with a failure: a word that the other side sorts by, and a line for people.
fail() {
    word=$1
    shift
    say fail "$word" "$(printf '%s' "$*" | tr '\000-\037\177' ' ')"
    finish
}

finish() {
    say end
    exit 0
}

# Does what must succeed; the last line that it printed is the failure's text.
must() {
    if ! must_said=$("$@" 2>&1); then
        must_said=${must_said##*"$newline"}
        fail io "${must_said:-$1 failed}"
    fi
}

# Bytes as hexadecimal digits, for what may hold anything.
hex() {
    od -An -v -tx1 | tr -d ' \n'
}

now() {
    date +%s
}

# A name that can be part of a path as it is.
is_name() {
    case $1 in
    '' | .* | *[!A-Za-z0-9._+~-]*) return 1 ;;
    esac
}

is_number() {
    case $1 in
    '' | *[!0-9]*) return 1 ;;
    esac
}

work_here() {
    [ -z "$work" ] || return 0
    work=$(mktemp -d "${TMPDIR:-/tmp}/coalmine.XXXXXX" 2>/dev/null) && return 0
    # No room, or no right, where temporary files belong.
    work=$PWD/.coalmine/work.$p_nonce
    must mkdir -p "$work"
}

# Ends this script, and whatever it started, when it has taken too long: a local timeout does not stop what runs here.
# The group is this script's own: sshd makes a session of every command, and so does our side where there is no sshd.
watch() {
    (
        nap=''
        trap 'kill -9 $nap 2>/dev/null; exit 0' TERM
        sleep "$p_deadline" >/dev/null &
        nap=$!
        wait "$nap"
        say late
        kill -9 0
    ) </dev/null 2>/dev/null &
    watchdog=$!
}

clean_up() {
    kill -TERM "$watchdog" 2>/dev/null
    [ -z "$work" ] || rm -rf "$work"
}

begin() {
    # A greeting may have ended without a line feed.
    printf '\n'
    say begin
    watch
    trap clean_up EXIT
    trap 'exit 1' HUP INT TERM
    main </dev/null
    finish
}

# Goes into the root, made where it is missing: from here on every path is relative to it.
enter() {
    [ -d "$p_root" ] || must mkdir -p "$p_root"
    cd "$p_root" 2>/dev/null || fail io "cannot enter $p_root"
    for folder in releases .coalmine; do
        [ -d "$folder" ] || must mkdir -p "$folder"
        [ -w "$folder" ] || fail io "$PWD/$folder cannot be written by $(id -un)"
    done
    honour_dead_men
}

# Tells the host's own log what was done here; never a reason to fail.
note() {
    printf '%s %s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "${p_rollout:--}" "$*" >>.coalmine/log 2>/dev/null || :
}

# Brings what was written under a path to the disk; older utilities know no argument and do all of it.
settle() {
    sync -f "$1" 2>/dev/null || sync
}

# Removes a folder; its name is gone before its files are, so nothing half-removed ever looks whole.
scrap() {
    [ -e "$1" ] || return 0
    gone=releases/.${1##*/}
    gone=releases/.${gone##*/.}.gone.$p_nonce
    mv -f -T "$1" "$gone" 2>/dev/null || gone=$1
    shred_folder "$gone"
}

# Folders that nobody may write hold on to their files. Files share their inodes with other releases and are left alone.
shred_folder() {
    rm -rf "$1" 2>/dev/null && return 0
    find "$1" -type d ! -perm -700 -exec chmod u+rwx {} + 2>/dev/null
    rm -rf "$1" 2>/dev/null
}

# Goes back where a dead man's switch ran out while nobody watched it, as after a reboot.
honour_dead_men() {
    for dead in .coalmine/armed.* .coalmine/fired.*; do
        [ -e "$dead" ] || continue
        case $dead in
        .coalmine/armed.*)
            read -r until _ <"$dead" || continue
            is_number "$until" || continue
            [ "$until" -lt "$(now)" ] || continue
            ;;
        esac
        sh -c "$p_dead_man" sh "${dead#.coalmine/*.}" 0 </dev/null >/dev/null 2>&1
    done
}
