#!/bin/sh
# A job of a continuous integration: builds a branch, installs it on a throw-away fleet of sshd hosts as it would be installed anywhere,
# with canary and gate, and runs a test of the product on every host.
#
#   sh test-branch.sh CHECKOUT [REVISION]      # the head of what is checked out, where none is named
#
# It needs coalmine, git, OpenSSH's server and rsync on the machine that runs it; no host, no key, no network. These say what is built:
# TOOL (its name), BUILD (what installs it into {prefix}), CHECK (run in the finished release), TEST (run on every host, in its release).
# Its exit code is that of what failed: the build 1, the rollout 6 (see coalmine(1)), the test its own.
set -eu

checkout=$(cd "${1:?which checkout?}" && pwd)
revision=${2:-HEAD}
tool=${TOOL:-tool}
build=${BUILD:-"make install DESTDIR={prefix}"}
check=${CHECK:-bin/$tool version}
test=${TEST:-bin/$tool selftest}

work=$(mktemp -d)
fleet=$work/fleet
trap 'coalmine sandbox down --dir "$fleet"; rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

coalmine sandbox up --hosts 3 --dir "$fleet"

cat >"$work/coalmine.toml" <<END
[product]
name = "$tool"
repository = "$checkout"
remote = ""

[build]
kind = "command"
commands = ['$build']
check = '$check'

[target]
root = "$tool"

[ssh]
config = "$fleet/ssh_config"

[groups]
all = { file = "$fleet/targets" }

[environments.ci]
hosts = "@all"

[[environments.ci.stages]]
name = "canary"
count = 1
soak = "0s"

[[environments.ci.stages]]
name = "fleet"
soak = "0s"

[[gates]]
name = "answers"
on = "host"
run = '$check'
END

on_fleet() {
    coalmine -c "$work/coalmine.toml" --state-dir "$work/state" "$@"
}

on_fleet install-world --rev "$revision" --yes --headless --reason "the job of $revision"
on_fleet hosts '@all' >"$work/hosts"
while read -r host; do
    echo "$host: $test"
    ssh -n -F "$fleet/ssh_config" "$host" "cd '$tool/current' && $test"
done <"$work/hosts"
