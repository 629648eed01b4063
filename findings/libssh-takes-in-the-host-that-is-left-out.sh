#!/bin/sh
# GUESS     `Host *.site !gate.site` is for all hosts of a site but the gate by which they are reached, and so libssh, which
#           Ansible's network modules and many desktops log in with, reads ~/.ssh/config: first the hosts, then the gate's
#           own lines.
# HAPPENS   The first pattern that fits is enough, so what is left out behind it is in: gate.site has the user and the port
#           of the hosts behind it, and a ProxyJump of theirs would lead to the gate by way of the gate. `Host !gate.site
#           *.site`, the same to ssh, leaves it out, and so does `Match host` with the two in either order. `Match final`,
#           which is for ssh's second pass over the file, and `Match canonical` are taken in the first, and `Match
#           originalhost` is never.
# VERSIONS  libssh 0.12.0, of 2026, in ansible-pylibssh 1.4.0 (PyPI), and OpenSSH 9.2. 0.10.6 of Debian 12 does the same.
# SOURCE    ssh_config(5): PATTERNS, Host and Match; seen by running, through ssh_options_parse_config
# NEEDS     python3 with pip, ssh. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
ssh -V || { echo "no ssh here" >&2; exit 77; }
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib --no-deps \
    --only-binary :all: ansible-pylibssh==1.4.0 || { echo "not to be installed here" >&2; exit 77; }

cat >rest <<'REST'
Host gate.site
  User keeper
  Port 22
Host *
  User other
REST
while read -r name line; do
    printf '%s\n  User deploy\n  Port 2201\n' "$line" | cat - rest >"$name"
done <<'LINES'
hosts-first Host *.site !gate.site
gate-first Host !gate.site *.site
match Match host *.site,!gate.site
match-gate-first Match host !gate.site,*.site
final Match final
canonical Match canonical
original Match originalhost web1.site
LINES

cat >read.py <<'PYTHON'
import ctypes
import glob
import subprocess
import sys

library = ctypes.CDLL(glob.glob("lib/ansible_pylibssh.libs/libssh-*")[0])
library.ssh_version.restype = ctypes.c_char_p
library.ssh_new.restype = ctypes.c_void_p
library.ssh_options_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p]
library.ssh_options_parse_config.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
library.ssh_options_get.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]
library.ssh_options_get_port.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint)]
HOST, USER = 0, 4
print("libssh", library.ssh_version(0).decode().split("/")[0])


def by_libssh(file, host):
    session = library.ssh_new()
    library.ssh_options_set(session, HOST, host.encode())
    if library.ssh_options_parse_config(session, file.encode()):
        return "refused"
    user, port = ctypes.c_char_p(), ctypes.c_uint()
    library.ssh_options_get(session, USER, ctypes.byref(user))
    library.ssh_options_get_port(session, ctypes.byref(port))
    return f"{user.value.decode()} {port.value}"


def by_ssh(file, host):
    told = subprocess.run(["ssh", "-G", "-F", file, host], capture_output=True, text=True, check=True)
    words = dict(line.split(" ", 1) for line in told.stdout.splitlines() if " " in line)
    return f"{words['user']} {words['port']}"


for file in sys.argv[1:]:
    for host in ("web1.site", "gate.site"):
        print(f"{file}, {host}: ssh {by_ssh(file, host)}; libssh {by_libssh(file, host)}")
PYTHON
python3 read.py hosts-first gate-first match match-gate-first final canonical original >seen
cat seen
diff - seen <<'TOLD'
libssh 0.12.0
hosts-first, web1.site: ssh deploy 2201; libssh deploy 2201
hosts-first, gate.site: ssh keeper 22; libssh deploy 2201
gate-first, web1.site: ssh deploy 2201; libssh deploy 2201
gate-first, gate.site: ssh keeper 22; libssh keeper 22
match, web1.site: ssh deploy 2201; libssh deploy 2201
match, gate.site: ssh keeper 22; libssh keeper 22
match-gate-first, web1.site: ssh deploy 2201; libssh deploy 2201
match-gate-first, gate.site: ssh keeper 22; libssh keeper 22
final, web1.site: ssh other 2201; libssh deploy 2201
final, gate.site: ssh keeper 22; libssh deploy 2201
canonical, web1.site: ssh other 22; libssh deploy 2201
canonical, gate.site: ssh keeper 22; libssh deploy 2201
original, web1.site: ssh deploy 2201; libssh other 22
original, gate.site: ssh keeper 22; libssh keeper 22
TOLD
