#!/bin/sh
# GUESS     fasteners' InterProcessLock has, by its README, "the same API as the threading.Lock", and is not reentrant: who has it and
#           asks for it again is refused, or waits for himself. And it is released when the holder releases it.
# HAPPENS   Who asks again gets it, with the same object or with one of his own, in another thread too: two threads that deploy are both
#           in. When the inner one leaves, the lock is gone for the outer: the other process comes in while the first is not done, and
#           the outer's release says nothing of it. With the same object it raises an error then, when the work is done. Who
#           merely reads the file of the lock, to tell whose it is, has lost it as well. filelock and zc.lockfile refuse.
# VERSIONS  fasteners 0.20, filelock 4.3.1 (PyPI, 2026), zc.lockfile 4.0 (PyPI)
# SOURCE    fasteners/process_mechanism.py: fcntl.lockf; fcntl(2): locks go when the process closes "any file descriptor
#           referring to that file"; fasteners' README, the table of process locks: fcntl and InterProcessLock, reentrant: no
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib fasteners==0.20 filelock==4.3.1 \
    zc.lockfile==4.0 || { echo "not to be installed here" >&2; exit 77; }
echo "fasteners 0.20, filelock 4.3.1, zc.lockfile 4.0"

cat >locks.py <<'PYTHON'
import subprocess
import sys
import threading

import fasteners
import filelock
import zc.lockfile


class Fasteners:
    def __init__(self, path):
        self.lock = fasteners.InterProcessLock(path)

    def take(self):
        return self.lock.acquire(blocking=False)

    def leave(self):
        self.lock.release()


class Filelock(Fasteners):
    def __init__(self, path):
        self.lock = filelock.FileLock(path)

    def take(self):
        try:
            self.lock.acquire(timeout=0)
        except filelock.Timeout:
            return False
        return True


class Zc:
    def __init__(self, path):
        self.path = path

    def take(self):
        try:
            self.lock = zc.lockfile.LockFile(self.path)
        except zc.lockfile.LockError:
            return False
        return True

    def leave(self):
        self.lock.close()


kinds = {kind.__name__: kind for kind in (Fasteners, Filelock, Zc)}
if len(sys.argv) > 1:
    print("in" if kinds[sys.argv[1]](sys.argv[2]).take() else "refused")
    sys.exit()


def other(name, path):
    return subprocess.run([sys.executable, __file__, name, path], capture_output=True, text=True).stdout.strip()


words = {True: "in", False: "refused"}
for name, kind in kinds.items():
    path = f"{name}.lock"
    outer = kind(path)
    print(f"{name}: first {words[outer.take()]}, another process {other(name, path)}")

    inner = kind(path)
    entered = inner.take()
    print(f"    a second lock in the same process {words[entered]}")
    if entered:
        inner.leave()
        print(f"    after the second left, another process {other(name, path)}")
    outer.leave()

    outer = kind(path)
    outer.take()
    seen = []
    thread = threading.Thread(target=lambda: seen.append(kind(path).take()))
    thread.start()
    thread.join()
    print(f"    another thread {words[seen[0]]}")
    outer.leave()

    outer = kind(path)
    outer.take()
    open(path).close()
    print(f"    after its file was read, another process {other(name, path)}")
    outer.leave()

lock = fasteners.InterProcessLock("same.lock")
print(f"the same object: {words[lock.acquire(blocking=False)]}, {words[lock.acquire(blocking=False)]}")
lock.release()
print(f"    after one release, another process {other('Fasteners', 'same.lock')}")
try:
    lock.release()
except threading.ThreadError as error:
    print(f"    the other release: {error}")
PYTHON
PYTHONPATH=lib python3 locks.py >seen
cat seen
diff - seen <<'TOLD'
Fasteners: first in, another process refused
    a second lock in the same process in
    after the second left, another process in
    another thread in
    after its file was read, another process in
Filelock: first in, another process refused
    a second lock in the same process refused
    another thread refused
    after its file was read, another process refused
Zc: first in, another process refused
    a second lock in the same process refused
    another thread refused
    after its file was read, another process refused
the same object: in, in
    after one release, another process in
    the other release: Unable to release an unaquired lock
TOLD
