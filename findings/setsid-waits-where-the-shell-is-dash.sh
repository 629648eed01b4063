#!/bin/sh
# GUESS     `ssh web01 'cd /srv/tool && setsid ./migrate'` ends when migrate ends, and as it ends, however it is written: the shell over
#           there runs setsid, and setsid runs migrate in a session of its own.
# HAPPENS   Where the account's shell is bash ssh ends at once, with 0, and migrate goes on behind it or has failed: bash turns into the
#           last command of its line, and so setsid leads a group, and then it forks and is done. Where the shell is dash, or
#           something stands behind, such as `; exit $?` or `|| exit 1`, it waits and hands on the status. So one script waits on
#           hosts of one kind and not on those of the other, and a line that looks at the status has one to look at. It is so
#           for all that sshd, Python's start_new_session or a supervisor starts, as leaders; dash does it for `exec setsid`.
#           --wait makes it one.
# VERSIONS  util-linux 2.38.1, bash 5.2.15, dash 0.5.12 (Debian 12)
# SOURCE    setsid(1): "calls fork(2) if already a process group leader"; --wait. That bash's last command is bash itself is in bash's
#           evalstring.c, optimize_connection_fork(). Seen by running, over sshd with root's bash as well
# NEEDS     Debian 12's packages, python3. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in util-linux=2.38.1-5+deb12u3 bash=5.2.15-2+b13 dash=0.5.12-2; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
PATH=$work/root/usr/bin:$work/root/bin:$PATH
export PATH
if ldd root/usr/bin/setsid root/bin/bash root/bin/dash | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi
setsid --version
bash --version | head -n 1

printf '#!/bin/sh\nsleep 1\nexit 3\n' >migrate
chmod +x migrate

cat >runs.py <<'PYTHON'
import subprocess
import time

# Runs a line in a shell that leads a session, as sshd starts it, and prints how it ended.
for line in (
    "setsid ./migrate",
    "cd . && setsid ./migrate",
    "true; setsid ./migrate",
    "exec setsid ./migrate",
    "setsid ./migrate; exit $?",
    "setsid ./migrate || exit 1",
    "cd . && setsid --wait ./migrate",
):
    for shell in "bash", "dash":
        began = time.monotonic()
        status = subprocess.run([shell, "-c", line], start_new_session=True).returncode
        print(f"{shell}, {line}: exit {status}, {'waited' if time.monotonic() - began > 0.9 else 'at once'}")
PYTHON
python3 runs.py >seen
cat seen
diff - seen <<'TOLD'
bash, setsid ./migrate: exit 0, at once
dash, setsid ./migrate: exit 3, waited
bash, cd . && setsid ./migrate: exit 0, at once
dash, cd . && setsid ./migrate: exit 3, waited
bash, true; setsid ./migrate: exit 0, at once
dash, true; setsid ./migrate: exit 3, waited
bash, exec setsid ./migrate: exit 0, at once
dash, exec setsid ./migrate: exit 0, at once
bash, setsid ./migrate; exit $?: exit 3, waited
dash, setsid ./migrate; exit $?: exit 3, waited
bash, setsid ./migrate || exit 1: exit 1, waited
dash, setsid ./migrate || exit 1: exit 1, waited
bash, cd . && setsid --wait ./migrate: exit 3, waited
dash, cd . && setsid --wait ./migrate: exit 3, waited
TOLD
