#!/bin/sh
# GUESS     A gate such as `test "$errors" -le 5`, put before the step that goes on, stays shut where the number is missing or
#           unreadable: sh calls it an illegal number, and the test fails.
# HAPPENS   Task runs its commands by a shell of its own (mvdan/sh), which reads what is no whole number as 0 and says
#           nothing. The gate opens where the query had no answer, where it had NaN, and at 97.5 errors a second. In $(( ))
#           it is the same: a month of date's +%m is counted by 1 from January to July, and August and September
#           (08, 09) become 1, where sh stops. shellcheck finds nothing, and the same lines in a file that `sh` is told to
#           run do as ever.
# VERSIONS  Task 3.54.0 (go-task-bin, PyPI); dash 0.5.12, bash 5.2
# SOURCE    seen by running; POSIX's test: operands of -le are integers. Task's pages tell of another shell, not of this
# NEEDS     python3 with pip, PyPI, sh. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib go-task-bin==3.54.0 \
    || { echo "not to be installed here" >&2; exit 77; }
task=$work/lib/bin/task
echo "Task $("$task" --version)"

cat >gate.sh <<'SH'
if test "$errors" -le 5; then echo "goes on"; else echo "stops"; fi
SH
cat >month.sh <<'SH'
echo $((month + 1))
SH
{
    printf 'version: "3"\nsilent: true\ntasks:\n'
    for script in gate month; do
        printf '  %s:\n    cmds:\n      - |\n' "$script"
        sed 's/^/        /' "$script.sh"
    done
} >Taskfile.yml

# Prints what both make of a script with a variable set.
both() {
    printf '%s %s: Task %s, sh %s\n' "$1" "$2" "$(env "$2" "$task" "$1" 2>/dev/null || echo fails)" \
        "$(env "$2" sh "$1.sh" 2>/dev/null || echo fails)"
}
for errors in 3 97 97.5 NaN ''; do both gate "errors=$errors"; done >seen
for month in 07 08 09 10; do both month "month=$month"; done >>seen
cat seen
diff - seen <<'TOLD'
gate errors=3: Task goes on, sh goes on
gate errors=97: Task stops, sh stops
gate errors=97.5: Task goes on, sh stops
gate errors=NaN: Task goes on, sh stops
gate errors=: Task goes on, sh stops
month month=07: Task 8, sh 8
month month=08: Task 1, sh fails
month month=09: Task 1, sh fails
month month=10: Task 11, sh 11
TOLD
