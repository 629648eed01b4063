#!/bin/sh
# GUESS     `cvtsudoers -e -f csv` writes a table, one line a rule: user, host, runusers, rungroups, options, command, as its manual has
#           it, with quotes about a field with commas. So the table tells who may run what where, and a program can read it.
# HAPPENS   Where an alias of several stands beside something else, it gets quotes of its own within the field's, and the line falls
#           apart: "OPS, carol" on db01 becomes alice on the host bob", as the user carol", with no command, and dave's rule for
#           three hosts one for web01. The header has 7 fields, those lines have 9. Exit 0. Without -e lines are whole, and so
#           they are where an alias stands alone, which is how examples have it. As json and sudoers it is right.
# VERSIONS  sudo 1.9.13p3 (Debian 12); the sources of 2026 are alike
# SOURCE    plugins/sudoers/cvtsudoers_csv.c: print_member_list_csv, which calls itself and writes quotes each time;
#           cvtsudoers(1), "CSV output format"; RFC 4180
# NEEDS     Debian 12's packages, python3. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download sudo=1.9.13p3-1+deb12u4 || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract sudo_*.deb root
cvtsudoers() {
    LD_LIBRARY_PATH=$work/root/usr/libexec/sudo "$work/root/usr/bin/cvtsudoers" "$@"
}
cvtsudoers --version >version || { echo "no libraries for it here" >&2; exit 77; }
head -n 1 version

cat >rules <<'SUDOERS'
User_Alias OPS = alice, bob
Host_Alias WEB = web01, web02
Host_Alias FLEET = WEB, db01
OPS WEB = (root) /usr/bin/restart
OPS, carol db01 = (root) /usr/bin/restart
dave FLEET = (tool) /usr/bin/status
SUDOERS
for options in '' -e; do
    # shellcheck disable=SC2086 # None, or one.
    cvtsudoers $options -c /dev/null -f csv -o table.csv rules
    echo "cvtsudoers -f csv $options"
    python3 - <<'PYTHON'
import csv

with open("table.csv", encoding="ascii", newline="") as file:
    for row in csv.DictReader(file):
        words = ", ".join(f"{name} {row[name]}" for name in ("user", "host", "runusers", "command"))
        print(f"  {words}; fields: {len(row) - (None in row) + len(row.get(None, []))}")
PYTHON
done | sed 's, *$,,' >seen
cat seen
diff - seen <<'TOLD'
cvtsudoers -f csv
  user OPS, host WEB, runusers root, command /usr/bin/restart; fields: 7
  user OPS,carol, host db01, runusers root, command /usr/bin/restart; fields: 7
  user dave, host FLEET, runusers tool, command /usr/bin/status; fields: 7
cvtsudoers -f csv -e
  user alice,bob, host web01,web02, runusers root, command /usr/bin/restart; fields: 7
  user alice, host bob", runusers carol", command ; fields: 9
  user dave, host web01, runusers web02", command ; fields: 9
TOLD
