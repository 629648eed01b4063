#!/bin/sh
# GUESS     `logger.add("tool.log", rotation=…, retention=3)` keeps three of the files that rotating tool.log has made, and a second
#           log, tool.audit.log with a retention of ten years, is kept by its own rule.
# HAPPENS   Whatever tool.*.log finds is tool.log's: the log of the audit as well, with all that was rotated of it. The first time
#           that tool.log rotates the audit's file is removed while it is open; all that is logged to it from then on goes to
#           a file without a name, no error, and is gone with the process. With retention="10 days" the open file is spared
#           if it was written to within these, and the audit of ten years is that of ten days. In tool_{time}.log the {time}
#           is a star, so tool_audit_{time}.log is no better; audit.log and audit_{time}.log are left alone.
# VERSIONS  loguru 0.7.3 (PyPI)
# SOURCE    loguru/_file_sink.py: _make_glob_patterns and _terminate_file. Seen by running
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib loguru==0.7.3 \
    || { echo "not to be installed here" >&2; exit 77; }
echo "loguru 0.7.3"

cat >log.py <<'PYTHON'
import os
import tempfile
import time

from loguru import logger


def lines(folder):
    """What the files of the audit hold."""
    found = []
    for name in sorted(os.listdir(folder)):
        if "audit" in name:
            with open(os.path.join(folder, name)) as log:
                found += log.read().split()
    return ", ".join(found) or "nothing"


def run(tool, audit, retention):
    with tempfile.TemporaryDirectory() as folder:
        logger.remove()
        # What the audit's own rotation left behind a month ago.
        past = os.path.join(folder, audit.replace(".log", ".2026-01-01_00-00-00_000000.log").replace("{time}", "2026-01-01"))
        with open(past, "w") as log:
            log.write("past\n")
        os.utime(past, (time.time() - 30 * 86400,) * 2)
        logger.add(os.path.join(folder, tool), format="{message}", rotation="1 kB", retention=retention,
                   filter=lambda record: record["message"].startswith("tool"))
        logger.add(os.path.join(folder, audit), format="{message}", rotation="1 MB", retention="10 years",
                   filter=lambda record: record["message"].startswith("audit"))
        logger.info("audit-1")
        time.sleep(0.05)
        for _ in range(60):
            logger.info("tool " + "-" * 60)
            time.sleep(0.01)
        logger.info("audit-2")
        print(f"{tool}, {retention}, and {audit}: {lines(folder)}")
        logger.remove()


for retention in (3, "10 days"):
    run("tool.log", "tool.audit.log", retention)
    run("tool_{time}.log", "tool_audit_{time}.log", retention)
    run("tool.log", "audit.log", retention)
    run("tool_{time}.log", "audit_{time}.log", retention)
PYTHON
PYTHONPATH=lib python3 log.py >seen
cat seen
diff - seen <<'TOLD'
tool.log, 3, and tool.audit.log: nothing
tool_{time}.log, 3, and tool_audit_{time}.log: nothing
tool.log, 3, and audit.log: past, audit-1, audit-2
tool_{time}.log, 3, and audit_{time}.log: past, audit-1, audit-2
tool.log, 10 days, and tool.audit.log: audit-1, audit-2
tool_{time}.log, 10 days, and tool_audit_{time}.log: audit-1, audit-2
tool.log, 10 days, and audit.log: past, audit-1, audit-2
tool_{time}.log, 10 days, and audit_{time}.log: past, audit-1, audit-2
TOLD
