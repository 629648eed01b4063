#!/bin/sh
# GUESS     `crontab.crontab(command="tool backup", hour=4, minute=0)` moves the job `tool backup` to four o'clock. pyinfra's docs: "the
#           command is used to identify crontab entries", so a command is to be there once.
# HAPPENS   It is found by the whole command, and then changed by a pattern: each line that has the words in it becomes the new line.
#           `0 5 * * 0 tool backup --full` and `tool backup >/dev/null` behind a test are now `0 4 * * * tool backup` as well, so it
#           runs three times at once and the weekly one is gone; pyinfra tells of one change. present=False of `tool purge` takes
#           `tool purge-cache` along, and a comment with the words. If no line is that command, one is added and the
#           others stay, so a first run shows nothing. A cron_name does not help: it finds its line, and changes by the words.
# VERSIONS  pyinfra 3.10.0 (PyPI, 2026)
# SOURCE    pyinfra/operations/crontab.py: existing_crontab_match = f".*{existing_crontab_match}.*", for sed
# NEEDS     python3 with venv, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyinfra==3.10.0 || { echo "not to be installed here" >&2; exit 77; }
venv/bin/pip list --disable-pip-version-check | grep pyinfra

# A crontab command whose table is a file here.
mkdir bin
cat >bin/crontab <<SH
#!/bin/sh
case \$1 in
-l) cat "$work/table" ;;
*) cat "\$1" >"$work/table" ;;
esac
SH
chmod +x bin/crontab
# Runs one operation here, on the table that is given, and prints what it says and the table it leaves.
operation() {
    cat >table
    printf 'from pyinfra.operations import crontab\n\ncrontab.crontab(%s)\n' "$1" >deploy.py
    PATH=$work/bin:$PATH venv/bin/pyinfra -y @local deploy.py >log 2>&1
    echo "$1: exit $?, $(grep -c 'Success$' log) done"
    sed 's/^/    /' table
}
{
    operation 'command="tool backup", minute=0, hour=4' <<'TABLE'
0 3 * * * tool backup
0 5 * * 0 tool backup --full
30 6 * * * test -x /srv/tool && tool backup >/dev/null
15 1 * * * tool purge
TABLE
    operation 'command="tool backup", minute=0, hour=4' <<'TABLE'
0 5 * * 0 tool backup --full
TABLE
    operation 'command="tool backup", cron_name="nightly", minute=0, hour=4' <<'TABLE'
# pyinfra-name=nightly
0 3 * * * tool backup
0 5 * * 0 tool backup --full
TABLE
    operation 'command="tool purge", present=False' <<'TABLE'
15 1 * * * tool purge
# tool purge-cache is slow
20 1 * * * tool purge-cache
0 2 * * * tool watch
TABLE
} >seen
cat seen
diff - seen <<'TOLD'
command="tool backup", minute=0, hour=4: exit 0, 1 done
    0 4 * * * tool backup
    0 4 * * * tool backup
    0 4 * * * tool backup
    15 1 * * * tool purge
command="tool backup", minute=0, hour=4: exit 0, 1 done
    0 5 * * 0 tool backup --full
    
    0 4 * * * tool backup
command="tool backup", cron_name="nightly", minute=0, hour=4: exit 0, 1 done
    # pyinfra-name=nightly
    0 4 * * * tool backup
    0 4 * * * tool backup
command="tool purge", present=False: exit 0, 1 done
    0 2 * * * tool watch
TOLD
