#!/bin/sh
# GUESS     `rsync -a -n -i --delete … | jc --rsync` is the plan as JSON: what would come, change and go. jc reads -i's lines.
# HAPPENS   What would go is not in it, and no symlink is: a line is read only if its second letter is one of fdlDS, and rsync
#           writes *deleting, and cL for a link. A run that only deletes is an empty list, [], exit 0: the same as
#           nothing to be done. --stats would tell how many go, as a number.
# VERSIONS  jc 1.26.1 (PyPI); rsync 3.5.0
# SOURCE    jc/parsers/rsync.py: file_line_re, whose table of meanings does have "*"; rsync(1), --itemize-changes
# NEEDS     python3 with pip, PyPI; rsync. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v rsync >/dev/null || { echo "no rsync here" >&2; exit 77; }
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib jc==1.26.1 \
    || { echo "not to be installed here" >&2; exit 77; }
rsync --version | head -n 1

mkdir new old
echo 'the tool' >new/tool
cp -p new/tool old/tool
ln -s tool new/link
echo 'data of the site' >old/data

# Prints rsync's own lines, and the names that jc makes of them.
plan() {
    rsync --archive --dry-run --itemize-changes --delete --omit-dir-times "$@" new/ old/ >lines
    PYTHONPATH=lib python3 -c 'import jc
print([entry["filename"] for run in jc.parse("rsync", open("lines").read()) for entry in run["files"]])'
    sed 's/^/    /' lines
}
all=$(plan)
deletions=$(plan --exclude=/link)
printf 'jc: %s\n' "$all"
printf 'without the link, jc: %s\n' "$deletions"
[ "$all" = "[]
    *deleting   data
    cL+++++++++ link -> tool" ]
[ "$deletions" = "[]
    *deleting   data" ]
echo 'more' >>new/tool
[ "$(plan | head -n 1)" = "['tool']" ]
