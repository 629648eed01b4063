#!/bin/sh
# GUESS     nr.run(task=deploy) runs a task on all hosts of the inventory, and nr.run(task=rollback) after it another one, on the same
#           hosts. nr.filter(name="web2") is web2. A result that has not failed is one of all hosts.
# HAPPENS   A host on which a task has failed is left out of every run that follows: the rollback goes to those on which the deploy went
#           well, and not to the one that needs it. The result has no entry of it, failed is False, and nothing warns.
#           nr.filter(name="web2") has the one host, and runs on none of them: failed is False again, with a warning in the
#           log this time. A run can be told on_failed=True, and then is of all. A check at the end is as blind: the fleet is well
#           without web2. With raise_on_error=True nobody is left out.
# VERSIONS  nornir 3.6.0 (PyPI)
# SOURCE    nornir/core/__init__.py: "Run task over all the hosts in the inventory"; on_failed, "whether to run or not this task on
#           hosts marked as failed". The tutorial's page on failed tasks tells of it
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib nornir==3.6.0 \
    || { echo "not to be installed here" >&2; exit 77; }
python3 -c 'import importlib.metadata as m; print("nornir", next(m.distributions(name="nornir", path=["lib"])).version)'

printf 'web1: {}\nweb2: {}\nweb3: {}\n' >hosts.yaml
cat >fleet.py <<'PYTHON'
from nornir import InitNornir
from nornir.core.exceptions import NornirExecutionError

live = {}


def deploy(task):
    live[task.host.name] = "2"
    if task.host.name == "web2":
        raise RuntimeError("does not come up")


def rollback(task):
    live[task.host.name] = "1"


def check(task):
    if live[task.host.name] != "1":
        raise RuntimeError("is not on 1")


def fleet(**core):
    return InitNornir(
        runner={"plugin": "threaded"},
        inventory={"plugin": "SimpleInventory", "options": {"host_file": "hosts.yaml"}},
        logging={"enabled": False},
        core=core,
    )


def tell(what, result):
    releases = " ".join(f"{host}={release}" for host, release in sorted(live.items()))
    print(f"{what}: failed {result.failed}, ran on {' '.join(sorted(result)) or 'none'}; live {releases}")


nr = fleet()
tell("deploy", nr.run(task=deploy))
tell("rollback", nr.run(task=rollback))
tell("check", nr.run(task=check))
tell("rollback of web2", nr.filter(name="web2").run(task=rollback))
tell("check, on_failed", nr.run(task=check, on_failed=True))
tell("rollback, on_failed", nr.run(task=rollback, on_failed=True))
nr = fleet(raise_on_error=True)
try:
    nr.run(task=deploy)
except NornirExecutionError as error:
    tell("deploy, raise_on_error", error.result)
tell("rollback", nr.run(task=rollback))
PYTHON
PYTHONPATH=lib python3 fleet.py 2>errors >seen || { cat errors; exit 1; }
cat seen
diff - seen <<'TOLD'
deploy: failed True, ran on web1 web2 web3; live web1=2 web2=2 web3=2
rollback: failed False, ran on web1 web3; live web1=1 web2=2 web3=1
check: failed False, ran on web1 web3; live web1=1 web2=2 web3=1
rollback of web2: failed False, ran on none; live web1=1 web2=2 web3=1
check, on_failed: failed True, ran on web1 web2 web3; live web1=1 web2=2 web3=1
rollback, on_failed: failed False, ran on web1 web2 web3; live web1=1 web2=1 web3=1
deploy, raise_on_error: failed True, ran on web1 web2 web3; live web1=2 web2=2 web3=2
rollback: failed False, ran on web1 web2 web3; live web1=1 web2=1 web3=1
TOLD
