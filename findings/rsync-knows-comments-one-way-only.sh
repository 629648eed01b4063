#!/bin/sh
# GUESS     A list for --files-from means the same whichever way the files go. The manual says that entries that begin with # or
#           ; are comments; whoever does not know that takes them for names, with --from0 in any case.
# HAPPENS   Both are right. Pushing, they are comments, after a NUL as well: of `git ls-files -z` the files #notes# and ;old stay
#           behind, exit 0. Pulling with the very same list they are names: both files come, and a list with a real
#           comment ends with exit 23, no such file. The list that lies at the far end (--files-from=:list) has comments
#           again: what counts is whether the sender opens the file itself or is sent it. ./#notes# goes both ways.
# VERSIONS  rsync 3.5.0 (Debian 12) at both ends, over a remote shell that stays on this machine
# SOURCE    rsync(1) 3.5.0, --files-from; rsync issue 646 and pull request 977, where --from0 was first guessed otherwise
# NEEDS     Debian 12's packages, git. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v git >/dev/null || { echo "no git here" >&2; exit 77; }
apt-get -qq -o APT::Sandbox::User=root download rsync=3.5.0+ds1-0+deb12u1 \
    || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract rsync_*.deb root
rsync=$work/root/usr/bin/rsync
if ldd "$rsync" | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi
"$rsync" --version | head -n 1

# The remote shell: forgets the host's name and runs the command.
printf '#!/bin/sh\nshift\nexec "$@"\n' >here
chmod +x here
mkdir tree
for name in '#notes#' ';old' tool; do
    echo "$name" >"tree/$name"
done
git -C tree init --quiet
git -C tree add .
git -C tree ls-files -z >names
printf '# The tool alone\ntool\n' >commented

# Prints the status, and what has come.
arrives() {
    way=$1
    shift
    rm -rf there
    status=0
    case $way in
    push) "$rsync" -a --rsh="$work/here" --rsync-path="$rsync" "$@" tree/ "host:$work/there/" 2>/dev/null || status=$? ;;
    pull) "$rsync" -a --rsh="$work/here" --rsync-path="$rsync" "$@" "host:$work/tree/" there/ 2>/dev/null || status=$? ;;
    esac
    echo "$way $*: exit $status, $(find there -type f -printf '%P\n' | sort | paste -s -d ' ')" | sed "s|$work/||"
}
{
    arrives push --from0 --files-from=names
    arrives pull --from0 --files-from=names
    arrives pull --from0 --files-from=":$work/names"
    arrives push --files-from=commented
    arrives pull --files-from=commented
} >seen
cat seen
diff - seen <<'TOLD'
push --from0 --files-from=names: exit 0, tool
pull --from0 --files-from=names: exit 0, #notes# ;old tool
pull --from0 --files-from=:names: exit 0, tool
push --files-from=commented: exit 0, tool
pull --files-from=commented: exit 23, tool
TOLD
