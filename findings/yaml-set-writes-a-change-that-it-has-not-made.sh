#!/bin/sh
# GUESS     `yaml-set -g hosts.web02.port -a 24` of yamlpath makes that host's port 24: yaml-get says so afterwards. Where the host has its
#           port by `<<: *defaults`, it gets one of its own, as YAML's merge has it, or else the command fails.
# HAPPENS   Neither. It says "Applying changes to hosts.web02.port. Writing changed data as YAML", exits 0, and the port is 22 as before,
#           for yaml-get as for all others: what is inherited is found, and passed over when it is to be set. A port that the host
#           has itself is set, and a key that nobody has is added. So a script that gives hosts a new port, user or version one by one
#           leaves out all that have the default, and goes on as if they were done.
# VERSIONS  yamlpath 3.9.1 (PyPI, 2026), PyYAML 6.0.3 (PyPI)
# SOURCE    yamlpath/processor.py: _update_node, data.non_merged_items(); YAML's merge key: a key of the mapping itself comes before a
#           merged one; `yaml-set --help`: "Changes one or more Scalar values"
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib yamlpath==3.9.1 PyYAML==6.0.3 \
    || { echo "not to be installed here" >&2; exit 77; }
echo "yamlpath 3.9.1, PyYAML 6.0.3"

cat >before.yaml <<'YAML'
---
defaults: &defaults
  user: deploy
  port: 22
hosts:
  web01:
    <<: *defaults
    port: 2222
  web02:
    <<: *defaults
YAML
# What another reader of YAML has for both.
read_it() {
    PYTHONPATH=lib python3 -c '
import sys
import yaml
hosts = yaml.safe_load(open(sys.argv[1]))["hosts"]
print(", ".join(f"{name} {hosts[name]}" for name in sorted(hosts)))
' "$1"
}
{
    echo "before: $(read_it before.yaml)"
    for change in 'hosts.web01.port 24' 'hosts.web02.port 24' 'hosts.web02.user root' 'hosts.web02.zone north'; do
        cp before.yaml hosts.yaml
        # shellcheck disable=SC2086 # They are a path and a value.
        set -- $change
        PYTHONPATH=lib python3 lib/bin/yaml-set --verbose --change="$1" --value="$2" hosts.yaml </dev/null >told 2>&1 \
            && status=0 || status=$?
        echo "$1 $2: exits $status, $(paste -s -d ' ' told)"
        echo "    yaml-get: $(PYTHONPATH=lib python3 lib/bin/yaml-get --query="$1" hosts.yaml)"
        diff before.yaml hosts.yaml | sed -n 's/^[<>]/    &/p'
        echo "    read: $(read_it hosts.yaml)"
    done
} >seen
cat seen
diff - seen <<'TOLD'
before: web01 {'user': 'deploy', 'port': 2222}, web02 {'user': 'deploy', 'port': 22}
hosts.web01.port 24: exits 0, Applying changes to hosts.web01.port. Writing changed data as YAML to hosts.yaml.
    yaml-get: 24
    <     port: 2222
    >     port: 24
    read: web01 {'user': 'deploy', 'port': 24}, web02 {'user': 'deploy', 'port': 22}
hosts.web02.port 24: exits 0, Applying changes to hosts.web02.port. Writing changed data as YAML to hosts.yaml.
    yaml-get: 22
    read: web01 {'user': 'deploy', 'port': 2222}, web02 {'user': 'deploy', 'port': 22}
hosts.web02.user root: exits 0, Applying changes to hosts.web02.user. Writing changed data as YAML to hosts.yaml.
    yaml-get: deploy
    read: web01 {'user': 'deploy', 'port': 2222}, web02 {'user': 'deploy', 'port': 22}
hosts.web02.zone north: exits 0, Applying changes to hosts.web02.zone. Writing changed data as YAML to hosts.yaml.
    yaml-get: north
    >     zone: north
    read: web01 {'user': 'deploy', 'port': 2222}, web02 {'user': 'deploy', 'port': 22, 'zone': 'north'}
TOLD
