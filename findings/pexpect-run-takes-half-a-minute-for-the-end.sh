#!/bin/sh
# GUESS     pexpect.run(command) "runs the given command; waits for it to finish; then returns all output". With withexitstatus=True it
#           gives the exit status as well, and a command that is cut off shows there, or raises TIMEOUT as expect() does.
# HAPPENS   After 30 seconds it returns what has come so far, and ends the command by SIGHUP. No exception; the status is None, which
#           `if status:` takes for a success. A copy of a release that takes 20 seconds at home and 40 on the slow site is cut off
#           there each time, and counts as done. It is 30 seconds from the start, not of silence: a command that prints a line each
#           second has them too. What has no timeout in the call has this one; timeout=None waits.
# VERSIONS  pexpect 4.9.0, ptyprocess 0.7.0 (PyPI)
# SOURCE    pexpect/run.py: run, whose docs do not say it; spawn's docs: "timeout" is of expect(), which raises TIMEOUT
# NEEDS     python3 with pip, PyPI; three minutes. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib pexpect==4.9.0 ptyprocess==0.7.0 \
    || { echo "not to be installed here" >&2; exit 77; }

# Copies one file a second, says so, and fails if it is told to.
cat >copy <<'SH'
#!/bin/sh
seconds=0
while [ "$seconds" -lt "$1" ]; do
    sleep 1
    seconds=$((seconds + 1))
    echo "file $seconds"
done
echo "$1" >done
exit "$2"
SH
chmod +x copy
cat >runs.py <<'PYTHON'
import os
import time

import pexpect

print("pexpect", pexpect.__version__)
for seconds, status, options in (5, 0, {}), (5, 3, {}), (40, 0, {}), (40, 3, {}), (40, 3, {"timeout": None}):
    begun = time.monotonic()
    output, got = pexpect.run(f"./copy {seconds} {status}", withexitstatus=True, **options)
    took = time.monotonic() - begun
    verdict = "failed" if got else "done"
    ended = os.path.exists("done")
    if ended:
        os.remove("done")
    print(
        f"of {seconds} seconds, to end with {status}, {options}: after {'30' if 29 < took < 33 else 'all'} seconds,"
        f" {'all' if len(output.splitlines()) == seconds else 'some'} lines, status {got}, so {verdict}; came to its end: {ended}"
    )
PYTHON
PYTHONPATH=lib python3 runs.py >seen
cat seen
diff - seen <<'TOLD'
pexpect 4.9.0
of 5 seconds, to end with 0, {}: after all seconds, all lines, status 0, so done; came to its end: True
of 5 seconds, to end with 3, {}: after all seconds, all lines, status 3, so failed; came to its end: True
of 40 seconds, to end with 0, {}: after 30 seconds, some lines, status None, so done; came to its end: False
of 40 seconds, to end with 3, {}: after 30 seconds, some lines, status None, so done; came to its end: False
of 40 seconds, to end with 3, {'timeout': None}: after all seconds, all lines, status 3, so failed; came to its end: True
TOLD
