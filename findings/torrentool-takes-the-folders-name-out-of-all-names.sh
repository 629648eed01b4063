#!/bin/sh
# GUESS     `Torrent.create_from('tool')`, run beside the folder, makes a torrent whose files are named as they are in tool: what is
#           before the folder is not part of their names.
# HAPPENS   Wherever the four letters stand they are taken out: tool/bin/toolbox is bin/box, tool/etc/tool.conf is etc/.conf, and
#           tool/bin/tool is a file without a name, bin. The sizes and hashes are right, so the torrent is valid, and who
#           downloads it has a release that nobody made; the seeder's own client, pointed at the folder, finds nothing of it
#           there. Given /srv/tool, the whole path, which occurs once, it is right: wrong is the short name, which people type.
# VERSIONS  torrentool 1.2.0, libtorrent 2.1.1 (PyPI)
# SOURCE    torrentool/torrent.py: _get_target_files_info, fpath.replace(src_path, ''). Seen by running
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib \
    torrentool==1.2.0 libtorrent==2.1.1 || { echo "not to be installed here" >&2; exit 77; }

mkdir -p tool/bin tool/etc
for name in bin/tool bin/toolbox etc/hosts etc/tool.conf; do
    echo "This is $name." >"tool/$name"
done
PYTHONPATH=lib python3 -W ignore - <<'PYTHON' >seen
import os
import time

import libtorrent
from torrentool.api import Torrent

session = libtorrent.session({"listen_interfaces": "", "enable_dht": False, "enable_lsd": False})
for source in ("tool", os.path.abspath("tool")):
    made = Torrent.create_from(source)
    made.to_file("tool.torrent")
    info = libtorrent.torrent_info("tool.torrent")
    handle = session.add_torrent({"ti": info, "save_path": "."})
    for _ in range(300):
        status = handle.status()
        if status.state in (status.downloading, status.finished, status.seeding):
            break
        time.sleep(0.1)
    print("the short name:" if source == "tool" else "the whole path:")
    print("  torrentool:", *sorted(os.path.relpath(file.name, "tool") for file in made.files))
    files = info.files()
    print("  libtorrent:", *sorted(files.file_path(index) for index in range(files.num_files())))
    print(f"  of the folder it finds {sum(handle.file_progress())} of {info.total_size()} bytes")
    session.remove_torrent(handle)
PYTHON
cat seen
diff - seen <<'TOLD'
the short name:
  torrentool: bin bin/box etc/.conf etc/hosts
  libtorrent: tool/bin.1 tool/bin/box tool/etc/.conf tool/etc/hosts
  of the folder it finds 0 of 81 bytes
the whole path:
  torrentool: bin/tool bin/toolbox etc/hosts etc/tool.conf
  libtorrent: tool/bin/tool tool/bin/toolbox tool/etc/hosts tool/etc/tool.conf
  of the folder it finds 81 of 81 bytes
TOLD
