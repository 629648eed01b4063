#!/bin/sh
# GUESS     jsonnet is one language with a specification, so an inventory that std.parseYaml reads has the same hosts and ports wherever
#           the jsonnet comes from; and PyPI's jsonnet and gojsonnet have even the same version and the same API.
# HAPPENS   Where hosts take their defaults from an anchor, jsonnet gives them the word "*defaults" for what they should have, and a key
#           "<<": no port, no user, no error. jrsonnet gives the defaults below the key "<<". gojsonnet has the port, and for it
#           renames keys: the site `no` (Norway) is "false", `y` is "true", and of `on` and `y` beside each other one is gone with
#           what is below it. A mode of 0644 is the text "0644", 420 and 420; `gate: off` the text "off", false, and the text.
# VERSIONS  jsonnet and gojsonnet 0.22.0, rjsonnet 0.5.6 (PyPI)
# SOURCE    the pages of std.parseYaml: "best-effort", and nothing of these; google/jsonnet issue 1162 (an abort, by now a word), and
#           go-jsonnet issue 894
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --only-binary :all: --target lib \
    jsonnet==0.22.0 gojsonnet==0.22.0 rjsonnet==0.5.6 || { echo "not to be installed here" >&2; exit 77; }

cat >inventory.yml <<'YAML'
defaults: &defaults
  port: 2201
  user: deploy
  mode: 0644
  gate: off
web1:
  <<: *defaults
  rack: a
web2: *defaults
sites:
  se: web1
  no: web2
stages:
  on: web1
  x: web1
  y: web2
YAML
cat >main.jsonnet <<'JSONNET'
local inventory = std.parseYaml(importstr 'inventory.yml');
{
  web1: inventory.web1,
  web2: inventory.web2,
  mode: inventory.defaults.mode,
  gate: inventory.defaults.gate,
  sites: std.objectFields(inventory.sites),
  stages: std.objectFields(inventory.stages),
}
JSONNET
PYTHONPATH=lib python3 - >seen <<'PYTHON'
import importlib
import importlib.metadata
import json

for package, module in (("jsonnet", "_jsonnet"), ("gojsonnet", "_gojsonnet"), ("rjsonnet", "rjsonnet")):
    print(package, importlib.metadata.version(package))
    read = json.loads(importlib.import_module(module).evaluate_file("main.jsonnet"))
    for name, value in sorted(read.items()):
        print(f"  {name}: {json.dumps(value, sort_keys=True)}")
PYTHON
cat seen
diff - seen <<'TOLD'
jsonnet 0.22.0
  gate: "off"
  mode: "0644"
  sites: ["no", "se"]
  stages: ["on", "x", "y"]
  web1: {"<<": "*defaults", "rack": "a"}
  web2: "*defaults"
gojsonnet 0.22.0
  gate: false
  mode: 420
  sites: ["false", "se"]
  stages: ["true", "x"]
  web1: {"gate": false, "mode": 420, "port": 2201, "rack": "a", "user": "deploy"}
  web2: {"gate": false, "mode": 420, "port": 2201, "user": "deploy"}
rjsonnet 0.5.6
  gate: "off"
  mode: 420
  sites: ["no", "se"]
  stages: ["on", "x", "y"]
  web1: {"<<": {"gate": "off", "mode": 420, "port": 2201, "user": "deploy"}, "rack": "a"}
  web2: {"gate": "off", "mode": 420, "port": 2201, "user": "deploy"}
TOLD
