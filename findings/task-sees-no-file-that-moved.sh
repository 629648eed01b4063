#!/bin/sh
# GUESS     A task with `sources: [release/**/*]` runs again when anything of the release is another: what a file holds, what it
#           is called, where it lies. That is what its checksum is for, and a rename does count.
# HAPPENS   Only the last part of a name is counted. A file that goes to another folder is seen if that alters its place in the
#           sorted list of all, and is not if it keeps it: from cron.hourly to cron.daily, out of disabled/ or into it, and
#           a whole folder renamed. The task is up to date then, and what was packed has the old places. --force packs, and
#           leaves the same checksum.
# VERSIONS  Task 3.54.0 (go-task-bin, PyPI)
# SOURCE    internal/fingerprint/sources_checksum.go: the base name of each, so that a rename is seen, and what it holds
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib go-task-bin==3.54.0 \
    || { echo "not to be installed here" >&2; exit 77; }
task=$work/lib/bin/task
echo "Task $("$task" --version)"

cat >Taskfile.yml <<'YAML'
version: '3'
tasks:
  pack:
    sources: ['release/**/*']
    cmds: ['tar -cf packed.tar release']
YAML
mkdir -p release/bin release/cron.hourly release/cron.daily
echo 'the tool' >release/bin/tool
echo 'tidy up' >release/cron.hourly/tidy
echo 'what is new' >release/news

# Packs, and prints what happened and which files are packed.
pack() {
    if "$task" pack 2>&1 | grep -q 'up to date'; then done='up to date'; else done='packs'; fi
    printf '%-26s %s: %s\n' "$1" "$done" "$(tar -tf packed.tar | sed -n 's,^release/\(.*[^/]\)$,\1,p' | sort | paste -s -d ' ')"
}
{
    pack first
    mv release/cron.hourly/tidy release/cron.daily/tidy
    pack 'to another folder'
    mv release/bin release/app
    pack 'folder renamed'
    mv release/cron.daily/tidy release/cron.daily/clean
    pack 'renamed'
    mv release/cron.daily/clean release/clean
    pack 'to the top'
    mv release/clean release/zero
    pack 'renamed and behind another'
} >seen
cat seen
diff - seen <<'TOLD'
first                      packs: bin/tool cron.hourly/tidy news
to another folder          up to date: bin/tool cron.hourly/tidy news
folder renamed             up to date: bin/tool cron.hourly/tidy news
renamed                    packs: app/tool cron.daily/clean news
to the top                 up to date: app/tool cron.daily/clean news
renamed and behind another packs: app/tool news zero
TOLD
