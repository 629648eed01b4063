# shellcheck shell=sh
# What every phase begins with. POSIX sh, coreutils or busybox.
#
# The functions arrive whole or not at all: they are one group of commands, whose last line calls `begin` or `serve`. So a
# link that is lost while they are sent leaves a syntax error, and nothing was done.
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
# Who this is; set by `know_me`.
me='' my_name='' my_group=''
# Whether this shell does one step after the other; see session.sh.
in_session=''
# When the clock was asked last, by the time that the machine runs; see `ask_time`.
asked_at='' asked_time=''
# What a session saw of the root when it began; see `look_around`.
around=''
# This shell's own group and start, which are asked once; see `read_own`.
own_group='' own_start=''
# Whether what others left was removed, and no tool found missing, which is looked at once in a session.
tidied='' looked=''
# Whether nobody else may write here, as a step of this session found, which folder that is, and whether its folders are on one
# device; set by `trust`.
trusted='' here='' one_device=''

# Sets what is one step's to what it is when a step begins.
forget_step() {
    # What a step may be told by the other side, and is told nothing of it: what ends at once has nothing for any of them.
    read -r p_rollout p_fence p_over p_slot p_name p_owner p_reason p_link p_version_command p_tool p_python_path p_to p_back p_id \
        p_digest p_plain p_deep p_rehash p_pack p_tops p_folders p_removals p_own p_tracker p_limit p_upload </dev/null || :
    # Where temporary files are; made by `work_here`. And what stands before and behind the names of those of a command; see attempt.sh.
    work='' aside='' behind=''
    # What ends a session and all that it began once nobody listens any more; see session.sh. And the aria2 that fetches and shares; see fetch.sh.
    guard='' aria=''
    # The file that is older than what is proven; see `begin_record`. And the release whose proof counts for what a folder shares with it; see
    # `find_base`.
    began='' base=''
    # A file in a folder that is proven which does not count, `./` before its name; see seal.sh.
    unlisted=''
    # The lease as this phase has made it, and the mark of a phase that needs no longer one; see lease.sh.
    held='' brief=''
}
forget_step

say() {
    printf '%s %s\n' "$p_token" "$*"
}

# Ends the phase with a failure: a word that the other side sorts by, and a line for people. Forks nothing: where no
# process can be had, that is what has to be told.
fail() {
    word=$1
    shift
    text=$*
    while :; do
        case $text in
        *"$newline"*) text="${text%%"$newline"*} ${text#*"$newline"}" ;;
        *) break ;;
        esac
    done
    say fail "$word" "${text:-nothing is known of why}"
    finish
}

finish() {
    end_step
    exit 0
}

end_step() {
    [ -z "$held" ] || let_go
    clean_up
    trap - EXIT
    say end
}

# Does what must succeed; the last line that it printed is the failure's text.
must() {
    if ! must_said=$("$@" 2>&1); then
        must_said=${must_said##*"$newline"}
        fail io "${must_said:-$1 failed}"
    fi
}

# learn COMMAND…: sets `learned` to what a command prints, and ends the phase where it fails or prints nothing: a tool that
# was killed, or that no process could be had for, prints nothing or half, and that is no value. The one way to take a
# value from a tool; one that may be nothing gets something behind it by the command. Not for subshells: it could not
# end more than those.
learn() {
    if learned=$("$@") && [ -n "$learned" ]; then
        return 0
    fi
    # Asked again for the reason only.
    why=$("$@" 2>&1 >/dev/null)
    why=${why##*"$newline"}
    fail io "$* gave no answer${why:+: $why}"
}

# require_tools BUT: refuses a host before anything is begun there, by what it lacks, but for a tool that is not needed yet.
require_tools() {
    look_for_tools
    [ -z "$missing" ] || [ "$missing" = "$1" ] || fail tool "$missing"
}

# write TEXT FILE: writes lines by the shell alone; where that fails, by a tool that can say why.
write() {
    printf '%s\n' "$1" 2>/dev/null >"$2" || must write_by_tool "$1" "$2"
}

# Makes an empty file; no disk is too full for it.
mark() {
    printf '' 2>/dev/null >"$1" || must mark_by_tool "$1"
}

mark_by_tool() {
    : >"$1"
}

# Of a full disk `cat` says that it is one; printf of dash does not.
write_by_tool() {
    printf '%s\n' "$1" | cat >"$2"
}

# Removes files and links of those that are there.
remove() {
    for left; do
        shift
        if [ -e "$left" ] || [ -h "$left" ]; then
            set -- "$@" "$left"
        fi
    done
    [ $# -eq 0 ] || rm -f "$@"
}

# Removes what may not be there any more, and believes it when nothing stands there.
erase() {
    hold
    must rm -f "$1"
    ! { [ -e "$1" ] || [ -h "$1" ]; } || fail io "rm did not remove $1"
}

# Moves a thing to another name, and believes it when the old one is gone.
rename() {
    hold
    must mv -f -T "$1" "$2"
    if [ -e "$1" ] || [ -h "$1" ] || { [ ! -e "$2" ] && [ ! -h "$2" ]; }; then
        fail io "mv did not move $1 to $2"
    fi
}

hex() {
    od -An -v -tx1
}

# Sets `hexed` to the bytes of a file as hexadecimal digits, for what may hold anything; fails where they cannot be read.
hex_file() {
    hexed=''
    [ -s "$1" ] || return 0
    hexed=$(hex <"$1") || hexed=''
    join_digits
}

# Sets `plain` to what a file has where that is one line of printable ASCII, which can be told as it is; fails where it is anything else.
read_plain() {
    plain='' more=''
    {
        IFS= read -r plain
        ! IFS= read -r more && [ -z "$more" ]
    } <"$1" || return 1
    case $plain in
    '' | *[!\ -~]*) return 1 ;;
    esac
}

# Sets `hexed` to a text in such digits; to none only where the text is empty.
hex_of() {
    hexed=''
    [ -n "$1" ] || return 0
    if ! hexed=$(printf '%s' "$1" | hex) || [ -z "$hexed" ]; then
        fail io "od gave no answer"
    fi
    join_digits
}

# Splits, and joins without blanks.
join_digits() {
    # shellcheck disable=SC2086
    set -- $hexed
    IFS=''
    hexed="$*"
    IFS=" $tab$newline"
    [ -n "$hexed" ]
}

# What a phase calls; the shell itself has the rest. A host that lacks one is refused by its name.
tools='awk cat chmod cp date df find grep id ln mkdir mv od paste readlink rm rmdir rsync sed sha256sum sleep sort stat sync
    tail touch tr uname xargs'

# Sets `missing` to the tools that are not here.
look_for_tools() {
    missing=''
    [ -z "$looked" ] || return 0
    for tool in $tools; do
        command -v "$tool" || missing="$missing $tool"
    done >/dev/null 2>&1
    missing=${missing# }
    [ -n "$missing" ] || looked=$in_session
}

# Sets `time`, in seconds, some seconds old at most. The host's clock is asked where it was not for ten seconds; in between the kernel's
# count of seconds goes on from there, and a clock that was set is seen soon enough.
ask_time() {
    read_uptime
    if is_number "$runs" && is_number "$asked_at" && [ "$((runs - asked_at))" -lt 10 ]; then
        # Both counts are cut to seconds: one less is never ahead of what the clock shows.
        time=$((asked_time + runs - asked_at))
        [ "$runs" = "$asked_at" ] || time=$((time - 1))
        return 0
    fi
    for _ in 1 2 3; do
        time=$(date +%s)
        if is_number "$time"; then
            asked_at=$runs asked_time=$time
            return 0
        fi
    done
    return 1
}

# Sets `runs` to how many seconds the machine has been running.
read_uptime() {
    runs=''
    read -r runs _ 2>/dev/null </proc/uptime
    runs=${runs%%.*}
}

know_time() {
    ask_time || fail io "date gave no answer"
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

# Makes the folder of what is temporary. Its name, as that of all that is temporary, has this shell's number in it, so that who comes later
# knows whether its owner lives. To try more room takes a shell as long as ten processes; whoever may need more goes by `move_work`.
work_here() {
    find_room 65536 || no_room
}

# move_work: goes on in the root, where the folder of temporary files is in another place that is full; fails where it is not. What
# was written so far may be half, and is written again.
move_work() {
    case $work in
    "$PWD/.coalmine/work.$p_nonce") return 1 ;;
    esac
    ! has_room 1048576 || return 1
    cp -R "$work" "$PWD/.coalmine/work.$p_nonce" 2>/dev/null || return 1
    rm -rf "$work"
    work=$PWD/.coalmine/work.$p_nonce
    aside=$work/
    has_room 1048576
}

no_room() {
    fail full "no room for temporary files in ${TMPDIR:-/tmp}, nor in $PWD/.coalmine"
}

# find_room BYTES: makes the folder of temporary files where there is room for them: where they belong, or else in the root.
find_room() {
    [ -z "$work" ] || return 0
    # Who needs files may take long.
    [ -z "$in_session" ] || [ -n "$guard" ] || guard
    for work in "${TMPDIR:-/tmp}/coalmine.$p_nonce" "$PWD/.coalmine/work.$p_nonce"; do
        aside=$work/ behind=''
        mkdir -m 700 "$work" 2>/dev/null && has_room "$1" && return 0
        rm -rf "$work"
    done
    work='' aside=''
    return 1
}

# has_room BYTES: tells whether so many can be written beside the temporary files; what fills a folder may be the release itself.
has_room() {
    room=0
    printf "%${1}s" '' 2>/dev/null >"${aside}room$behind" || room=1
    printf '' 2>/dev/null >"${aside}room$behind"
    return "$room"
}

# Reads what df said: sets `room_all`, `room_free` and `room_where`; fails where it said nothing.
read_room() {
    # Where the device's name is long, some put the rest on a line of its own in spite of -P.
    set -f
    # shellcheck disable=SC2086
    set -- ${1#*"$newline"}
    set +f
    room_all='' room_free='' room_where=''
    while [ $# -gt 4 ]; do
        case $4 in
        *% | -)
            # A mount point may have blanks in it.
            room_all=$1 room_free=$3
            shift 4
            room_where=$*
            return 0
            ;;
        esac
        shift
    done
    return 1
}

# Reads a process's state, who began it, its group and when it began, by which a number that was given anew is told from the old one.
# A line of these is as much work for a shell as some dozens of commands.
read_stat() {
    stat=''
    read -r stat 2>/dev/null <"/proc/$1/stat"
    split_stat
}

split_stat() {
    stat_state='' stat_parent='' stat_group='' stat_start=''
    # Behind the name, which may have anything in it: state, parent, group, and the start as the 20th (proc_pid_stat(5)).
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    [ "$#" -lt 20 ] || stat_state=$1 stat_parent=$2 stat_group=$3 stat_start=${20}
}

# Sets `own_group` and `own_start`.
read_own() {
    [ -n "$own_start" ] || { read_stat "$$" && own_group=$stat_group own_start=$stat_start; }
}

# Tells whether something temporary has no owner any more: the shell whose number it bears is dead. What bears none is old
# when nobody touched it for two hours. The mark of a phase says before that when its shell began: a number is given anew, and somebody waits for
# a phase.
is_litter() {
    litter_shell=${1%.*}
    litter_began=${litter_shell%.*}
    litter_shell=${litter_shell##*.} litter_began=${litter_began##*.s}
    if is_number "$litter_shell"; then
        if [ "$litter_shell" = "$$" ]; then
            read_own
            stat_state='' stat_start=$own_start
        else
            read_stat "$litter_shell"
        fi
        # Dead, and not reaped: where nobody does that it stays so.
        [ "$stat_state" != Z ] || return 0
        if is_number "$litter_began"; then
            [ "$stat_start" != "$litter_began" ]
        else
            [ "$litter_shell" != "$$" ] && ! kill -0 "$litter_shell" 2>/dev/null
        fi
    else
        [ -n "$(find "$1" -prune -mmin +120 2>/dev/null)" ]
    fi
}

# Removes what scripts of this user left that were killed: nothing of theirs did it for them.
tidy() {
    [ -z "$tidied" ] || return 0
    tidied=$in_session
    set --
    for left in "${TMPDIR:-/tmp}"/coalmine.* .coalmine/work.* .coalmine/lock.* .coalmine/phase.* \
        .coalmine/link.* .coalmine/flip.* .coalmine/log.* .coalmine/state.new.* .coalmine/run.* \
        .coalmine/proven.new.* .coalmine/ref.* .coalmine/swarm.* .coalmine/relay.*; do
        # Somebody else may be at it.
        if [ -O "$left" ] && [ ! -h "$left" ] && is_litter "$left"; then
            set -- "$@" "$left"
        fi
    done
    for left in ./.coalmine-link.*; do
        if [ -h "$left" ] && is_litter "$left"; then
            set -- "$@" "$left"
        fi
    done
    [ $# -eq 0 ] || rm -rf "$@" 2>/dev/null
}

# Removes a folder of what is temporary where those who write there have just been told to end: what one of them still writes as it ends stands
# in the way of the folder's removal, and comes once.
remove_work() {
    rm -rf "$1" || { sleep 1 && rm -rf "$1"; }
}

# Ends this script, and whatever it started, when it has taken too long: a local timeout does not stop what runs here. And
# when it is gone without a word, as one that was killed: what it started would live on, and so would this watch.
# The group is this script's own: sshd makes a session of every command, and so does our side where there is no sshd.
watch() {
    (
        nap=''
        trap 'kill -9 $nap 2>/dev/null; exit 0' TERM
        left=$p_deadline
        while [ "$left" -gt 0 ] && kill -0 "$$"; do
            span=5
            [ "$left" -ge "$span" ] || span=$left
            sleep "$span" >/dev/null &
            nap=$!
            # A host that cannot sleep is not watched from there.
            wait "$nap" || exit 0
            left=$((left - span))
        done
        [ "$left" -gt 0 ] || say late
        # The command of a gate has a session of its own.
        end_gate "$p_root/.coalmine/run.gate.$$.0"
        end_gate "${TMPDIR:-/tmp}/coalmine.$p_nonce/gate"
        remove_work "${TMPDIR:-/tmp}/coalmine.$p_nonce"
        kill -9 0
    ) </dev/null 2>/dev/null &
    watchdog=$!
}

# end_gate FILE: ends the command whose number a file has.
end_gate() {
    if read -r gate 2>/dev/null <"$1" && is_number "$gate"; then
        kill -9 "-$gate" 2>/dev/null || kill -9 "$gate" 2>/dev/null
        forget_gate "$1"
    fi
}

# forget_gate FILE: a number that is free may be another's.
forget_gate() {
    [ ! -s "$1" ] || printf '' 2>/dev/null >"$1"
}

clean_up() {
    [ -z "$aria" ] || kill -9 "$aria" 2>/dev/null
    [ -z "$watchdog" ] || kill -TERM "$watchdog" 2>/dev/null
    if [ -n "$guard" ]; then
        # It would read the next step. A shell that has just begun may lose any other signal: it forgets its parent's traps, and what came by them.
        kill -9 "$guard" 2>/dev/null
        wait "$guard" 2>/dev/null
    fi
    set -- ${work:+"$work"}
    # The mark of a step, or what one left that failed; here only if the root was entered.
    for left in .coalmine/*."$p_nonce" "./.coalmine-link.$p_nonce"; do
        if [ -n "$in_session" ] && [ "$left" = "$brief" ]; then
            # It goes with the lock, or with what is left of this session.
            printf 'over\n' 2>/dev/null >"$left"
        elif [ -e "$left" ] || [ -h "$left" ]; then
            set -- "$@" "$left"
        fi
    done
    [ $# -eq 0 ] || rm -rf "$@"
    work=''
}

# drop_work FILE…: removes the folder of temporary files before the step is over, and what else is of no use any more, by one process.
drop_work() {
    rm -rf "$work" "$@" 2>/dev/null
    work='' aside=''
}

# begin PHASE: runs a phase from its begin to its end. Within a session the other side watches the time (see `serve`).
begin() {
    p_nonce=$$.$p_nonce
    # A greeting may have ended without a line feed.
    printf '\n'
    say begin
    watchdog=''
    if [ -z "$in_session" ]; then
        forget_gate "$p_root/.coalmine/run.gate.$$.0"
        watch
    fi
    trap clean_up EXIT
    # Where the link is cut it is the next word that finds out.
    trap 'exit 1' HUP INT TERM PIPE
    "$1" </dev/null
    end_step
    [ -n "$in_session" ] || exit 0
}

# Goes into the root, made where it is missing: from here on every path is relative to it.
enter() {
    [ -d "$p_root" ] || must mkdir -p "$p_root"
    cd "$p_root" 2>/dev/null || fail io "cannot enter $p_root"
    if [ ! -d releases ] || [ ! -d .coalmine ]; then
        must mkdir -p releases .coalmine
    fi
    trust
    for folder in releases .coalmine; do
        if [ ! -w "$folder" ]; then
            # Not everything that cannot be written is another's: a disk may have been mounted read-only.
            must touch "$folder"
            know_me || my_name='this user'
            fail io "$PWD/$folder cannot be written by $my_name"
        fi
    done
    tidy
    honour_dead_men
}

# Sets `me` and `my_name`, and `my_group` where nobody else is in it.
know_me() {
    [ -z "$me" ] || return 0
    # uid=1000(anna) gid=1000(anna) groups=1000(anna),4(adm); a number without a name has no parentheses (id(1p)).
    who=$(id) || return 1
    number=${who#uid=} my_group=${who#*" gid="}
    my_name=${number#*"("} number=${number%%[!0-9]*} my_name=${my_name%%")"*}
    case ${who#"uid=$number"} in
    "("*) ;;
    *) my_name=$number ;;
    esac
    case ${my_group#"${my_group%%[!0-9]*}"} in
    "($my_name)"*) my_group=${my_group%%[!0-9]*} ;;
    *) my_group='' ;;
    esac
    case $who in
    # What is allowed goes by that.
    *" euid="*) number=${who#*" euid="} number=${number%%[!0-9]*} my_group='' ;;
    esac
    is_number "$number" || return 1
    me=$number
}

# What `trust` and the clock are asked with, in one.
to_look_at='%f %u %g %d:%i %Y'

# Sets `around` to what `trust` asks of the root, and looks at the clock with the same process: the kernel gives the folder of a process that has
# just begun the time at which it is looked at first (proc_pid(5)). That is believed where it is near the time on the other side.
look_around() {
    if [ ! -d "$p_root/releases" ] || [ ! -d "$p_root/.coalmine" ] || [ ! -d /proc/self/. ]; then
        return 0
    fi
    read_uptime
    around=$(cd "$p_root" 2>/dev/null && exec stat -c "$to_look_at" . releases/. .coalmine/. /proc/self/. 2>/dev/null) || around=''
    # shellcheck disable=SC2086
    set -- $around
    if [ $# -ne 20 ] || ! is_number "${20}"; then
        around=''
        return 0
    fi
    # shellcheck disable=SC2154 # set beside the library
    apart=$((${20} - p_now))
    if [ "${apart#-}" -le 30 ] && is_number "$runs"; then
        asked_at=$runs asked_time=${20}
    fi
}

# Refuses what others may write, as sshd does (StrictModes, sshd_config(5)): names and links in here say what is switched.
# A group with nobody else in it is no other: where every user has one of the same name, folders are made for it. What was
# so at the first step of a session is not asked again: nobody else could have changed it since. Sets `here` to the root's device
# and inode.
trust() {
    [ -z "$trusted" ] || return 0
    # Through a link, which only who may write the folder above it makes; what is not there yet is made by us.
    folders=.
    for folder in releases .coalmine; do
        if [ -e "$folder" ] || [ -h "$folder" ]; then
            folders="$folders $folder/."
        fi
    done
    learned=''
    [ "$folders" != '. releases/. .coalmine/.' ] || learned=$around
    # shellcheck disable=SC2086
    [ -n "$learned" ] || learn stat -c "$to_look_at" $folders
    # shellcheck disable=SC2086
    set -- $learned
    here=${4:-} one_device=yes
    for folder in $folders; do
        [ $# -ge 5 ] || fail io "cannot look at who may write $PWD"
        case $1 in
        # The write bits of others, and of the group, in hexadecimal digits.
        *[!0-9a-f]* | *[2367abef]) refuse_writer ;;
        *[13579bdf]?)
            know_me || fail io "id gave no answer"
            [ "$3" = "$my_group" ] || refuse_writer
            ;;
        esac
        [ -O "$folder" ] || [ "$2" = 0 ] || refuse_writer
        [ "${4%:*}" = "${here%:*}" ] || one_device=''
        shift 5
    done
    trusted=yes
}

refuse_writer() {
    case $folder in
    .) folder=$PWD ;;
    *) folder=$PWD/${folder%/.} ;;
    esac
    know_me || fail io "id gave no answer"
    fail trust "$folder must be a folder of $my_name or root that nobody else may write"
}

# Tells the host's own log what was done here; never a reason to fail.
note() {
    ask_time || return 0
    spell_time
    printf '%s %s %s\n' "$stamp" "${p_rollout:--}" "$*" 2>/dev/null >>.coalmine/log || :
}

# Sets `stamp` to the time for people, as RFC 3339 has it. Counted from the first of March, the days of a year are those of any other, with that
# of a leap year at their end; 719468 days before 1970 the count begins, and 146097 later the calendar begins anew.
spell_time() {
    second=$((time % 86400)) day=$((time / 86400 + 719468))
    era=$((day / 146097)) day=$((day % 146097))
    year=$(((day - day / 1460 + day / 36524 - day / 146096) / 365))
    day=$((day - 365 * year - year / 4 + year / 100))
    month=$(((5 * day + 2) / 153))
    day=$((day - (153 * month + 2) / 5 + 1)) year=$((year + 400 * era)) month=$((month + 3))
    [ "$month" -le 12 ] || month=$((month - 12)) year=$((year + 1))
    hour=$((second / 3600)) minute=$((second / 60 % 60)) second=$((second % 60))
    stamp=$year
    for part in "-$month" "-$day" "T$hour" ":$minute" ":$second"; do
        case $part in
        ??) part="${part%?}0${part#?}" ;;
        esac
        stamp=$stamp$part
    done
    stamp=${stamp}Z
}

# Brings what was written under a path to the disk; older utilities know no argument and do all of it.
settle() {
    sync -f "$1" 2>/dev/null || sync
}

# Removes a folder; its name is gone before its files are, so nothing half-removed ever looks whole.
scrap() {
    [ -e "$1" ] || return 0
    hold
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
            know_time
            [ "$until" -lt "$time" ] || continue
            ;;
        esac
        fire "${dead#.coalmine/*.}"
    done
}

# Lets a dead man's switch fire.
fire() {
    is_name "$1" || return 0
    sh -c "$p_dead_man" sh "$1" 0 </dev/null >/dev/null 2>&1 3<&-
}
