#!/bin/sh
# GUESS     A patch of JSON Patch that replaces /web1/tool/version changes the version of web1. And jsonpatch's own make_patch makes a
#           patch of two documents that leads from the one to the other.
# HAPPENS   Where the inventory came from YAML with an anchor, as in `<<: *defaults`, all hosts that share it get the new version, and
#           so do the defaults: apply() copies the document with what its parts share, and changes the part. One operation in
#           the patch, five places in the result, and no word. The usual check does not find it either: `test` looks where it
#           is told to. Of the same inventory read from JSON it changes one host. DeepDiff's Delta and dictdiffer.patch do alike.
# VERSIONS  jsonpatch 1.47, deepdiff 9.1.0, dictdiffer 0.10.0, PyYAML 6.0.4 (PyPI)
# SOURCE    jsonpatch.py: JsonPatch.apply, copy.deepcopy, which keeps what is shared; RFC 6902, 4.3. The docs say of apply that it
#           works on a copy
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib jsonpatch==1.47 \
    deepdiff==9.1.0 dictdiffer==0.10.0 PyYAML==6.0.4 || { echo "not to be installed here" >&2; exit 77; }

cat >inventory.yml <<'YAML'
defaults: &defaults
  tool: {version: 2.0.9, port: 8080}
web1: {<<: *defaults, rack: a}
web2: {<<: *defaults, rack: b}
db1: {<<: *defaults, rack: a}
db2: *defaults
YAML
PYTHONPATH=lib python3 - >seen <<'PYTHON'
import copy
import json

import deepdiff
import dictdiffer
import jsonpatch
import yaml

with open("inventory.yml", encoding="ascii") as file:
    shared = yaml.safe_load(file)
plain = json.loads(json.dumps(shared))
wanted = copy.deepcopy(plain)
wanted["web1"]["tool"]["version"] = "2.1.0"


def show(name, inventory):
    new = [host for host, values in inventory.items() if values["tool"]["version"] == "2.1.0"]
    print(f"{name}: {', '.join(new)}; as wanted: {inventory == wanted}")


patch = jsonpatch.make_patch(shared, wanted)
print("patch:", patch)
tested = jsonpatch.JsonPatch([{"op": "test", "path": "/web2/tool/version", "value": "2.0.9"}, *patch.patch])
show("jsonpatch of YAML", patch.apply(shared))
show("jsonpatch of YAML, with a test", tested.apply(shared))
show("jsonpatch of JSON", patch.apply(plain))
show("deepdiff of YAML", shared + deepdiff.Delta(deepdiff.DeepDiff(shared, wanted)))
show("dictdiffer of YAML", dictdiffer.patch(dictdiffer.diff(shared, wanted), shared))
print("the inventory itself is as it was:", shared == plain)
PYTHON
cat seen
diff - seen <<'TOLD'
patch: [{"op": "replace", "path": "/web1/tool/version", "value": "2.1.0"}]
jsonpatch of YAML: defaults, web1, web2, db1, db2; as wanted: False
jsonpatch of YAML, with a test: defaults, web1, web2, db1, db2; as wanted: False
jsonpatch of JSON: web1; as wanted: True
deepdiff of YAML: defaults, web1, web2, db1, db2; as wanted: False
dictdiffer of YAML: defaults, web1, web2, db1, db2; as wanted: False
the inventory itself is as it was: True
TOLD
