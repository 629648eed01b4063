#!/bin/sh
# GUESS     `fab -H web1,web2 deploy`, where deploy is @task(pre=[stop], post=[start]), stops, deploys and starts on each of the hosts: run
#           by itself, stop goes to the hosts of -H, and fabric's docs have tasks be given a Connection for them.
# HAPPENS   stop runs once, before all hosts, and start once behind them, and both on the machine that fab was called on: they are
#           given a Context without a host, whose run() is the local one. So the desk's own tool is stopped, web1 and web2
#           get their release while they run, and fab exits 0. `fab -H web1,web2 stop deploy` goes to the hosts with the first and
#           then to the desk for the second. A pre that was given hosts of its own goes to these, whatever -H says. What
#           shows it is a method that Context has not, put() for one. Plain calls, stop(c) in deploy, go to the host.
# VERSIONS  fabric 3.2.3 (PyPI, 2026)
# SOURCE    fabric/executor.py, expand_calls: self.expand_calls(call.pre, apply_hosts=False); issues 1890 and 1968 of 2018 and 2019, open
# NEEDS     python3 with venv, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check fabric==3.2.3 || { echo "not to be installed here" >&2; exit 77; }
venv/bin/fab --version | head -n 1

cat >fabfile.py <<'PYTHON'
from fabric import Connection, task


def step(c, name):
    if isinstance(c, Connection):
        # No host is called: the name tells where run() would go.
        print(f"{name}: on {c.host}")
    else:
        c.run(f"echo '{name}: here, in '$(basename $PWD)")


@task
def stop(c):
    step(c, "stop")


@task
def start(c):
    step(c, "start")


@task(hosts=["web9"])
def drain(c):
    step(c, "drain")


@task(pre=[stop], post=[start])
def deploy(c):
    step(c, "deploy")


@task(pre=[drain])
def roll(c):
    step(c, "roll")


@task
def called(c):
    stop(c)
    step(c, "called")
PYTHON
mkdir desk
fab() {
    echo "fab $*:"
    (cd desk && ../venv/bin/fab --search-root .. "$@" 2>&1 && echo "exit 0") | sed -e 's/^/    /'
}
{
    fab -H web1,web2 deploy
    fab -H web1 stop
    fab -H web1 stop deploy
    fab -H web1 drain
    fab -H web1 roll
    fab -H web1 called
} >seen
cat seen
diff - seen <<'TOLD'
fab -H web1,web2 deploy:
    stop: here, in desk
    deploy: on web1
    deploy: on web2
    start: here, in desk
    exit 0
fab -H web1 stop:
    stop: on web1
    exit 0
fab -H web1 stop deploy:
    stop: on web1
    stop: here, in desk
    deploy: on web1
    start: here, in desk
    exit 0
fab -H web1 drain:
    drain: on web1
    exit 0
fab -H web1 roll:
    drain: on web9
    roll: on web1
    exit 0
fab -H web1 called:
    stop: on web1
    called: on web1
    exit 0
TOLD
