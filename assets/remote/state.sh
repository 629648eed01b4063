# shellcheck shell=sh
# The facts and links of a host.

# Tells whether a name is that of a release of ours: VERSION-DIGEST8.
is_id() {
    is_name "$1" || return 1
    case $1 in
    ?*-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]) return 0 ;;
    esac
    return 1
}

# Tells whether a folder below releases/ was made by us: its name, and a manifest that has the digest of which the name tells.
# The root is shared: whatever else stands there is neither counted nor removed.
is_ours() {
    is_id "$1" || return 1
    digest_of "releases/$1"
    case $digest in
    '') return 1 ;;
    "${1##*-}"*) return 0 ;;
    esac
    return 1
}

# Reads .coalmine/state, or a slot's own. What was good here is `good`, before that `previous`, and before that each `was`, the
# latest first; `bad` is what was good here and then left by a way back. Of a slot, `name` is its version's, and `since` the rollout
# that finalized what it has. All else is of the one link whose root this is, `link`.
read_state() {
    state=.coalmine/state${p_slot:+.$p_slot}
    forget_state
    [ -e "$state" ] || return 0
    [ -r "$state" ] || fail io "cannot read $PWD/$state"
    while read -r key value; do
        is_name "$value" || continue
        case $key in
        current) state_current=$value ;;
        good) state_good=$value ;;
        previous) state_previous=$value ;;
        rollout) state_rollout=$value ;;
        pending) state_pending=$value ;;
        adopted) state_adopted=$value ;;
        was) state_was="$state_was $value" ;;
        bad) state_bad="$state_bad $value" ;;
        name) state_name=$value ;;
        since) state_since=$value ;;
        link) state_link=$value ;;
        esac
    done <"$state"
    # What another link had is nothing to go back to, unless it is the old name of this one, which has what that had.
    case $state_link in
    '' | "$p_link") ;;
    *) [ "./$p_link" -ef "releases/$state_current" ] || forget_state ;;
    esac
}

forget_state() {
    state_current='' state_good='' state_previous='' state_rollout='' state_pending='' state_adopted=''
    state_was='' state_bad='' state_name='' state_since='' state_link=''
}

# Sets `owner` to the link whose root this is, and `astray` to why nothing may be switched here where that is another: what is good here and what is
# pruned is remembered of one link. It is ours where nothing has the owner's name any more, or what has it leads to ours: so a link is renamed.
# A slot has a state of its own, and may be called as it likes, but not as that link.
find_owner() {
    owner='' astray='' switched=''
    if [ -r .coalmine/state ]; then
        while read -r key value; do
            case $key in
            link) owner=$value ;;
            current) switched=$value ;;
            esac
        done <.coalmine/state
    fi
    is_name "$owner" || owner=''
    # Where an earlier coalmine did not say, and ours is not there, it is the link that has what was switched to last.
    if [ -z "$owner$p_slot" ] && is_id "$switched" && [ ! -h "./$p_link" ]; then
        for link in ./*; do
            if [ "$link" -ef "releases/$switched" ] && [ -h "$link" ] && [ ! -e ".coalmine/state.${link#./}" ]; then
                learn readlink "$link"
                [ "$learned" != "releases/$switched" ] || owner=${link#./}
            fi
        done
    fi
    if [ -n "$p_slot" ]; then
        [ "$owner" != "$p_slot" ] || astray="$PWD/$p_slot is the link whose root that is, and no slot"
    elif [ -f ".coalmine/state.$p_link" ] && [ -h "./$p_link" ]; then
        astray="$PWD/$p_link is a slot there, and not the link whose root that is"
    elif [ -n "$owner" ] && [ "$owner" != "$p_link" ] && { [ -h "./$owner" ] || [ -e "./$owner" ]; }; then
        learned=''
        [ ! -h "./$owner" ] || learn readlink "./$owner"
        case $learned in
        "$p_link" | "./$p_link" | "$PWD/$p_link") ;;
        *) astray="$PWD is the root of the link $owner, and not of $p_link" ;;
        esac
    fi
}

# Ends the phase where the root is another link's; a lock that was taken is freed.
refuse_others() {
    find_owner
    [ -z "$astray" ] || { free_lease && fail root "$astray"; }
}

# Goes on in the root of a link that has another name now, or is gone.
take_over() {
    [ -n "$owner" ] && [ -z "$p_slot" ] && [ "$owner" != "$p_link" ] || return 0
    read_state
    [ ! -h ".coalmine/adopted.$owner" ] || rename ".coalmine/adopted.$owner" ".coalmine/adopted.$p_link"
    write_state
    note "the root of the link $owner is that of $p_link now"
}

# Sets `facts` to what is remembered, a line each.
gather_facts() {
    facts=''
    [ -n "$p_slot" ] || facts="${newline}link $p_link"
    for fact in "current $state_current" "good $state_good" "previous $state_previous" "rollout $state_rollout" \
        "pending $state_pending" "adopted $state_adopted" "name $state_name" "since $state_since"; do
        [ -z "${fact#* }" ] || facts="$facts$newline$fact"
    done
    for name in $state_was; do
        facts="$facts${newline}was $name"
    done
    for name in $state_bad; do
        facts="$facts${newline}bad $name"
    done
    facts=${facts#"$newline"}
}

write_state() {
    gather_facts
    write "$facts" ".coalmine/state.new.$p_nonce"
    rename ".coalmine/state.new.$p_nonce" "$state"
}

# Writes it where it can be.
try_write_state() {
    gather_facts
    hold
    printf '%s\n' "$facts" 2>/dev/null >".coalmine/state.new.$p_nonce" &&
        mv -f -T ".coalmine/state.new.$p_nonce" "$state" 2>/dev/null
}

# Looks at a link: sets `link_is` to missing, release, foreign, folder or file, and of a release `link_id`. A release that
# is being replaced by a whole copy of itself stands beside its final name for a moment.
look() {
    link_id='' link_target=''
    if [ -h "./$1" ]; then
        link_is=release
        # Without a tool, where it leads to a release.
        for found in releases/*-???????? releases/.*-????????.repair; do
            [ "./$1" -ef "$found" ] && [ ! -h "$found" ] && link_target=$found && name_link && return 0
        done
        learn readlink "./$1"
        link_target=$learned
        # Others keep their releases in a folder of that name, too.
        name_link || link_is=foreign
    elif [ -d "./$1" ]; then
        link_is=folder
    elif [ -e "./$1" ]; then
        link_is='file'
    else
        link_is=missing
    fi
}

# Sets `link_id` to the release that a link's target is.
name_link() {
    case $link_target in
    releases/.*.repair) link_id=${link_target#releases/.} link_id=${link_id%.repair} ;;
    releases/*) link_id=${link_target#releases/} ;;
    esac
    is_id "$link_id" && return 0
    link_id=''
    return 1
}

# Tells whether any link under the root leads to a folder.
is_linked() {
    for link in ./* "./$p_link"; do
        [ ! -h "$link" ] || [ ! "$link" -ef "$1" ] || return 0
    done
    return 1
}

# Points a link at a target by one rename(2): `ln -sfn` of busybox removes the old one first. The new one is made beside it,
# where its target resolves as it will: `mv` of uutils 0.12 looks through both, and refuses one that leads nowhere.
flip() {
    remove "./.coalmine-link.$p_nonce"
    must ln -s "$2" "./.coalmine-link.$p_nonce"
    hold
    must mv -f -T "./.coalmine-link.$p_nonce" "./$1"
    [ -h "./$1" ] || fail io "$PWD/$1 is no link after it was switched"
    [ "./$1" -ef "$2" ] || fail io "$PWD/$1 does not name $2 after it was switched"
    settle .
}

# Sets `digest` to the SHA-256 of a folder's manifest, to nothing where it has none.
digest_of() {
    digest=''
    [ -f "$1/MANIFEST" ] || return 1
    learn sha256sum "$1/MANIFEST"
    # A name that has to be escaped is marked so.
    digest=${learned#\\}
    digest=${digest%% *}
    [ "${#digest}" -eq 64 ] || fail io "sha256sum said $digest of $1/MANIFEST"
}

# Sets `listed` to the releases that are here, the newest first.
list_releases() {
    listed=''
    for found in releases/*-????????; do
        [ -d "$found" ] || continue
        is_id "${found##*/}" || continue
        sorted='' placed=''
        for name in $listed; do
            if [ -z "$placed" ] && [ "$found" -nt "releases/$name" ]; then
                placed=yes sorted="$sorted ${found##*/}"
            fi
            sorted="$sorted $name"
        done
        [ -n "$placed" ] || sorted="$sorted ${found##*/}"
        listed=$sorted
    done
}

# Says what is here, a record each.
say_releases() {
    list_releases
    for name in $listed; do
        [ -f "releases/$name/MANIFEST" ] || continue
        # Whoever wants to go back asks for what proves the way.
        digest=''
        [ "$p_deep" != yes ] || digest_of "releases/$name"
        say "$1" "$name" "$digest"
    done
}

# Removes what dead rollouts left: half-made releases, and half-removed ones. A live one's is left alone: while the lock is
# ours no other is alive, and else we know only that what was touched within the hour may be in use.
sweep() {
    read_lease
    for left in releases/.*; do
        case ${left##*/} in
        . | .. | *.repair) continue ;;
        .?*-[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f].*) ;;
        # Not of our making.
        *) continue ;;
        esac
        case ${left##*/} in
        *".$p_rollout" | *".$p_rollout.new") continue ;;
        *.gone.*) ;;
        *)
            if [ "$lease_rollout" != "$p_rollout" ]; then
                [ -z "$lease_rollout" ] || case $left in *".$lease_rollout" | *".$lease_rollout.new") continue ;; esac
                [ -n "$(find "$left" -prune -mmin +60 2>/dev/null)" ] || continue
            fi
            ;;
        esac
        [ -d "$left" ] || continue
        hold
        shred_folder "$left"
    done
}

# Says which rsync is here, and whether it can compress for less than the wire costs.
say_rsync() {
    rsync_says=$(rsync --version 2>/dev/null </dev/null) || return 0
    version=${rsync_says#*version }
    say fact rsync "${version%% *}"
    case $rsync_says in
    *zstd*) say fact rsync-zstd yes ;;
    esac
}
