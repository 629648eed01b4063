#!/bin/sh
# GUESS     fetch with processor=Untar() gives "the full path to all files in the extracted archive": those of the archive that was
#           just checked against its hash, in a folder that is named after it. One Untar() for all archives will do.
# HAPPENS   The list is what lies in the folder. After an update that is the new release, and whatever of the release before the new
#           one does not have; a plugin that was dropped is listed and loaded on. The object keeps the folder of its first
#           call: the second archive is unpacked into the first one's folder, over its files, and the list has both. With
#           members=["bin/tool"] the list has bin/tool.old as well, as names are compared by their beginning.
# VERSIONS  pooch 1.9.0 (PyPI)
# SOURCE    pooch/processors.py: ExtractorProcessor.__call__, what its documentation says it returns
# NEEDS     python3 with pip. Serves on the loopback. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib pooch==1.9.0 \
    || { echo "not to be installed here" >&2; exit 77; }
echo "pooch 1.9.0"

cat >fetch.py <<'PYTHON'
import functools
import hashlib
import http.server
import io
import logging
import os
import tarfile
import threading

import pooch

pooch.get_logger().setLevel(logging.ERROR)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def pack(name, files):
    with tarfile.open(f"served/{name}", "w") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    with open(f"served/{name}", "rb") as packed:
        return f"sha256:{hashlib.sha256(packed.read()).hexdigest()}"


os.mkdir("served")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory="served"))
threading.Thread(target=server.serve_forever, daemon=True).start()


def fetch(what, store, name, files, unpack):
    store = os.path.abspath(store)
    keeper = pooch.create(store, f"http://127.0.0.1:{server.server_port}/", registry={name: pack(name, files)})
    got = {os.path.relpath(path, store): open(path).read() for path in keeper.fetch(name, processor=unpack)}
    print(f"{what}: of {', '.join(files)} there is {', '.join(f'{path} ({text})' for path, text in sorted(got.items()))}")


fetch("first", "updated", "tool.tar", {"bin/tool": "1.0", "plugins/dropped": "1.0"}, pooch.Untar())
fetch("update", "updated", "tool.tar", {"bin/tool": "2.0", "plugins/new": "2.0"}, pooch.Untar())
unpack = pooch.Untar()
fetch("one of two", "shared", "tool.tar", {"bin/run": "tool"}, unpack)
fetch("two of two", "shared", "agent.tar", {"bin/run": "agent", "bin/agent": "agent"}, unpack)
fetch("members", "members", "tool.tar", {"bin/tool": "2.0", "bin/tool.old": "1.0"}, pooch.Untar(members=["bin"]))
fetch("fewer", "members", "tool.tar", {"bin/tool": "2.0", "bin/tool.old": "1.0"}, pooch.Untar(members=["bin/tool"]))
server.shutdown()
PYTHON
PYTHONPATH=lib python3 fetch.py >seen
cat seen
diff - seen <<'TOLD'
first: of bin/tool, plugins/dropped there is tool.tar.untar/bin/tool (1.0), tool.tar.untar/plugins/dropped (1.0)
update: of bin/tool, plugins/new there is tool.tar.untar/bin/tool (2.0), tool.tar.untar/plugins/dropped (1.0), tool.tar.untar/plugins/new (2.0)
one of two: of bin/run there is tool.tar.untar/bin/run (tool)
two of two: of bin/run, bin/agent there is tool.tar.untar/bin/agent (agent), tool.tar.untar/bin/run (agent)
members: of bin/tool, bin/tool.old there is tool.tar.untar/bin/tool (2.0), tool.tar.untar/bin/tool.old (1.0)
fewer: of bin/tool, bin/tool.old there is tool.tar.untar/bin/tool (2.0), tool.tar.untar/bin/tool.old (1.0)
TOLD
