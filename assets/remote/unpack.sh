# shellcheck shell=sh
# Unpacks what travelled in one file, where it lies: in the folder that it is meant for.
#
# An archive is written by us and proven afterwards as files are. That nothing of it lands elsewhere hangs on what stands there: not
# every `tar` removes a link before it writes, and none asks who made a folder's place a link. So what it puts there must not be
# there, and what it puts something into must be a folder.

# unpack PACK: what cannot be unpacked is told, and then everything that is missing is sent by itself.
unpack() {
    pack=$1
    why=''
    if is_clear "${pack%/*}"; then
        work_here
        case $p_pack in
        *.zst) unpack_by zstd -dcq ;;
        *.gz) unpack_by gzip -dc ;;
        *) unpack_by cat ;;
        esac
    fi
    if [ -n "$why" ]; then
        # It may be in the way of what is sent in its place.
        erase "$pack"
        pack=''
        say unpack "$why"
    fi
}

# unpack_by COMMAND…: sets `why` where it fails. Of the first of the two nothing is heard but what it complains of; that everything came
# is proven by the manifest.
unpack_by() {
    "$@" <"$pack" 2>"$work/unpack" | tar -xof - -C "${pack%/*}" 2>>"$work/unpack" && return 0
    read -r why 2>/dev/null <"$work/unpack" || :
    why=${why:-tar failed and does not say why}
}

# Tells whether a pack can be unpacked in a folder; sets `why` where something is in the way.
is_clear() {
    set -f
    IFS=$newline
    folder=''
    for path in $p_folders; do
        in_folder || continue
        if [ -h "$1/$path" ] || [ ! -d "$1/$path" ]; then
            why="$path is no folder"
            break
        fi
        [ -w "$1/$path" ] || make_writable "$1"
    done
    folder=''
    for path in $p_tops; do
        in_folder || continue
        if [ -e "$1/$path" ] || [ -h "$1/$path" ]; then
            why="$path is there already"
            break
        fi
    done
    set +f
    IFS=" $tab$newline"
    [ -z "$why" ]
}

# Puts the folder that the last line with a slash at its end named before `path`, and undoes the escapes of a manifest; fails for such a line.
in_folder() {
    case $path in
    */)
        folder=${path#/}
        return 1
        ;;
    esac
    path=$folder$path
    case $path in
    *\\*)
        path=$(printf '%b_' "$path")
        path=${path%_}
        ;;
    esac
}
