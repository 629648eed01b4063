#!/bin/sh
# GUESS     `serial: 4` with `max_fail_percentage: 0`, or with `any_errors_fatal`, is a rollout in waves of four that ends with the
#           first wave in which a host is lost. A host that cannot be reached any more is lost as surely as one whose task
#           failed, and worse.
# HAPPENS   It goes on to the next wave, and to each after it. No percentage is taken of what is UNREACHABLE: with three of the
#           four gone the fourth is worked on and the second wave follows. any_errors_fatal does end the wave, by marking all
#           four as failed, the lost one among them; a play ends where the failed and the unreachable are as many as the wave
#           has hosts, and these are five now. So a lost host saves the rollout: a task that fails on web1 ends it, and the
#           same failure with web2 lost beside it does not. The exit status, when all are done, is 4.
# VERSIONS  ansible-core 2.19.14 (2026)
# SOURCE    Ansible issue 56265, open, and 7686, of the percentage; strategy/linear.py, of any_errors_fatal; playbook_executor.py:
#           `len(batch) == failed_hosts_count`. Seen by running
# NEEDS     python3 from 3.11 on with pip, PyPI, ssh. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C.UTF-8

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v ssh >/dev/null || { echo "no ssh here" >&2; exit 77; }
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib ansible-core==2.19.14 \
    || { echo "not to be installed here" >&2; exit 77; }
export PYTHONPATH="$work/lib" ANSIBLE_HOME="$work/home" ANSIBLE_CONFIG="$work/ansible.cfg" ANSIBLE_INVENTORY="$work/hosts"
python3 -m ansible playbook --version >version
head -n 1 version

: >ansible.cfg
for host in 1 2 3 4 5 6 7 8; do
    echo "web$host"
done >hosts
# A host that is lost has nobody who listens for ssh, on this machine's port 1.
cat >play.yml <<'PLAY'
- hosts: all
  gather_facts: false
  serial: 4
  vars:
    ansible_connection: "{{ 'ssh' if inventory_hostname in lost.split(',') else 'local' }}"
    ansible_host: 127.0.0.1
    ansible_port: 1
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    ansible_ssh_common_args: -F none
  tasks:
    - name: Install
      ansible.builtin.command: "{{ 'false' if inventory_hostname in failing.split(',') else 'true' }}"
    - name: Restart
      ansible.builtin.command: touch {{ inventory_hostname }}.done
PLAY
sed 's/^  serial: 4$/&\n  max_fail_percentage: 0/' play.yml >percentage.yml
sed 's/^  serial: 4$/&\n  any_errors_fatal: true/' play.yml >any.yml
sed 's/^  serial: 4$/&\n  any_errors_fatal: true/' percentage.yml >both.yml

# Prints how a play ends where some hosts are lost and some fail, and which hosts have it all.
plays() {
    rm -f ./*.done
    status=0
    python3 -m ansible playbook -e "lost=$2 failing=$3" "$1.yml" >log 2>&1 || status=$?
    have=$(find . -name '*.done' | sed 's|./| |; s/.done//' | sort | paste -s -d ,)
    echo "$1, lost ${2:-none}, failing ${3:-none}: exit $status, done:$have"
}
{
    plays percentage '' ''
    plays percentage '' web1
    plays percentage web1 ''
    plays percentage web1,web2,web3 ''
    plays percentage web2 web1
    plays any '' web1
    plays any web1 ''
    plays any web2 web1
    plays both web1 ''
} >seen
cat seen
diff - seen <<'TOLD'
percentage, lost none, failing none: exit 0, done: web1, web2, web3, web4, web5, web6, web7, web8
percentage, lost none, failing web1: exit 2, done:
percentage, lost web1, failing none: exit 4, done: web2, web3, web4, web5, web6, web7, web8
percentage, lost web1,web2,web3, failing none: exit 4, done: web4, web5, web6, web7, web8
percentage, lost web2, failing web1: exit 4, done: web5, web6, web7, web8
any, lost none, failing web1: exit 2, done:
any, lost web1, failing none: exit 4, done: web5, web6, web7, web8
any, lost web2, failing web1: exit 4, done: web5, web6, web7, web8
both, lost web1, failing none: exit 4, done: web5, web6, web7, web8
TOLD
