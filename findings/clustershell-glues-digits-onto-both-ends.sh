#!/bin/sh
# GUESS     mw1[9-10] means two hosts, mw19 and mw110: the digit belongs to the name, the range stands for 9 and 10.
# HAPPENS   ClusterShell writes the digit before both ends and takes the result for one range: mw[19-110], 92 hosts.
#           Written out it is no better: mw1[9,10] is folded to 9-10 first, and is the same 92; mw1[9,11] is two.
#           Where both ends have as many digits the two readings agree, so all is well until a range crosses 9, 99, …
#           A digit behind the brackets is done name by name: mw[9-10]1 is two hosts. python-hostlist counts two each time.
# VERSIONS  ClusterShell 1.10.1 (July 2026), python-hostlist 2.3.0
# SOURCE    ClusterShell/NodeSet.py: ParsingEngine._amend_leading_digits
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$work/lib" \
    ClusterShell==1.10.1 python-hostlist==2.3.0 || { echo "not to be installed here" >&2; exit 77; }

PYTHONPATH=$work/lib python3 - <<'PYTHON'
import sys
from importlib.metadata import version

import hostlist
from ClusterShell.NodeSet import NodeSet

print("ClusterShell", version("clustershell"), "beside python-hostlist", version("python-hostlist"))
told = {"mw1[9-10]": 92, "mw1[9,10]": 92, "mw1[9,11]": 2, "mw1[8-9]": 2, "mw[9-10]1": 2}
as_told = True
for text, count in told.items():
    nodes = NodeSet(text)
    seen = len(nodes), len(hostlist.expand_hostlist(text))
    print(f"{text:12} ClusterShell: {seen[0]:3} hosts, {nodes}; python-hostlist: {seen[1]}")
    as_told = as_told and seen == (count, 2)
sys.exit(0 if as_told else 1)
PYTHON
