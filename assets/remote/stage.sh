# shellcheck shell=sh
# Prepares the folder into which a release travels: releases/.ID.ROLLOUT, hard links of a release that is there already.
#
# Answers `already`, or `absent` with what could be linked, or `staged` with where, and what is known to be wrong with it.

require() {
    for tool in awk cp find rsync sha256sum stat xargs; do
        command -v "$tool" >/dev/null 2>&1 || fail tool "$tool"
    done
    [ -z "$p_python_path" ] && return 0
    machine=$(uname -m)
    [ "$machine" = "$p_machine" ] || fail interpreter "was built for $p_machine, the host is $machine"
    [ -x "$p_python_path" ] || fail interpreter "needs $p_python_path, which is not there"
    # Extensions and bytecode are of all bug-fix releases of one series.
    python_says=$("$p_python_path" --version 2>&1 </dev/null)
    case ${python_says#Python } in
    "$p_python_series" | "$p_python_series"[!0-9]*) ;;
    *) fail interpreter "needs Python $p_python_series, $p_python_path is ${python_says:-no Python}" ;;
    esac
}

# The last fields of df's line for this folder: what is free, and where it is mounted.
room() {
    # Where the device's name is long, some put the rest on a line of its own in spite of -P.
    df -P -k . 2>/dev/null | awk 'NR > 1 { line = line " " $0 } END { n = split(line, f, " "); for (i = 2; i < n; i++) if (f[i] ~ /%$/) break
        mount = f[i + 1]; for (j = i + 2; j <= n; j++) mount = mount " " f[j]; print f[i - 1], mount }'
}

enough_room() {
    is_free=$(room)
    free=${is_free%% *}
    if is_number "$free" && [ "$free" -lt "$p_need_kib" ]; then
        say room "$p_need_kib" "$free" "${is_free#* }"
        fail room "no space"
    fi
    inodes=$(df -P -i . 2>/dev/null | awk 'NR > 1 { line = line " " $0 } END { n = split(line, f, " "); for (i = 2; i < n; i++) if (f[i] ~ /%$/) break
        print f[i - 1], f[i - 3] }')
    # A file system that counts none says 0 of 0, or a dash.
    if is_number "${inodes%% *}" && is_number "${inodes##* }" && [ "${inodes##* }" -gt 0 ] &&
        [ "${inodes%% *}" -lt "$p_need_inodes" ]; then
        fail inodes "needs $p_need_inodes inodes, ${inodes%% *} are free on ${is_free#* }"
    fi
}

staged() {
    say_rsync
    # Who looks for it finds that it is in use.
    touch "$staging" 2>/dev/null
    say staged "$1" "$2" "$(printf '%s' "$PWD/$staging" | hex)"
    finish
}

# link_copy FROM: makes the staging folder as hard links, whole or not at all.
link_copy() {
    scrap "$staging.new"
    if ! cp -al "$1" "$staging.new" 2>/dev/null; then
        # Files of another owner, or another file system: everything travels, then.
        scrap "$staging.new"
        return 1
    fi
    find "$staging.new" -type d ! -perm -700 -exec chmod u+rwx {} + 2>/dev/null
}

main() {
    enter
    not_locked_by_another
    require
    sweep
    staging=releases/.$p_id.$p_rollout
    goal=$p_id
    broken=''
    for there in "releases/$p_id" "releases/.$p_id.repair"; do
        [ -d "$there" ] || continue
        if prove "$there" "$p_verify" "$p_digest"; then
            printf '%s\n' "$p_rollout" >".coalmine/primed.$p_id" 2>/dev/null
            say already
            finish
        fi
        if [ "$there" = "releases/$p_id" ]; then
            broken=$there
            # What a link names is replaced beside, and swapped when it is switched to.
            ! is_linked "$there" || goal=.$p_id.repair
            for list in wrong kind extra; do
                cp "$work/$list" "$work/$list.broken"
            done
        elif is_linked "$there"; then
            # Somebody changed the copy that replaces the one that somebody changed.
            goal=.$p_id.repair
        fi
    done
    if [ -d "$staging" ]; then
        staged "$goal" resumed
    fi
    if [ -n "$broken" ] && enough_room && link_copy "$broken"; then
        for list in wrong kind extra; do
            must mv -f "$work/$list.broken" "$work/$list"
        done
        mend "$staging.new"
        must mv -f -T "$staging.new" "$staging"
        say_wrong
        staged "$goal" self
    fi
    case $p_base in
    '')
        # Our side chooses among them.
        look "$p_link"
        say_rsync
        [ -z "$link_id" ] || say has "$link_id"
        # shellcheck disable=SC2012
        ls -1t releases | while read -r name; do
            is_name "$name" && [ -f "releases/$name/MANIFEST" ] && say has "$name"
        done
        say absent
        finish
        ;;
    -) ;;
    *)
        [ -d "releases/$p_base" ] || fail base "$p_base is gone"
        enough_room
        if link_copy "releases/$p_base"; then
            removals
            must mv -f -T "$staging.new" "$staging"
            staged "$goal" base
        fi
        # Nothing can be linked, so everything travels; our side knows how much that is.
        fail base "$p_base cannot be linked"
        ;;
    esac
    enough_room
    must mkdir "$staging"
    staged "$goal" nothing
}

# Removes what our side listed, plain names at once and odd ones each by itself; the list is written by our side.
removals() {
    work_here
    removal_list >"$work/removals"
    # shellcheck disable=SC1003
    {
        grep -v '\\' "$work/removals" | tr '\n' '\000'
        grep '\\' "$work/removals" | while IFS= read -r path; do
            printf '%b\000' "$path"
        done
    } | remove_listed "$staging.new"
}
