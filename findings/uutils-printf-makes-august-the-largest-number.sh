#!/bin/sh
# GUESS     printf %d 08 either says that 08 is no octal number (GNU, dash, bash, busybox: exit 1, prints 0), or means 8.
# HAPPENS   uutils' printf prints 9223372036854775807, says nothing and exits 0: any number that it cannot read in the base
#           it settled on is the largest there is. 010 is 8, as elsewhere; %5.1f 08 is 8.0. What numbers a release by
#           `date +%m` has it in August and September only.
# VERSIONS  rust-coreutils 0.0.17 (Debian 12); GNU coreutils 9.1
# SOURCE    seen by running; POSIX, printf: a diagnostic and a non-zero status where an operand is not wholly converted
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download rust-coreutils=0.0.17-2 \
    || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract rust-coreutils_*.deb root
uutils=$work/root/usr/bin/coreutils

"$uutils" --help | head -n 1
changed=0
while read -r operand told; do
    status=0
    seen=$("$uutils" printf %d "$operand" 2>errors) || status=$?
    gnu_status=0
    gnu=$(env printf %d "$operand" 2>/dev/null) || gnu_status=$?
    printf '%-4s uutils: %s, exit %s, %s bytes of errors; GNU: %s, exit %s\n' \
        "$operand" "$seen" "$status" "$(wc -c <errors)" "$gnu" "$gnu_status"
    [ "$seen:$status" = "$told:0" ] && [ ! -s errors ] || changed=1
done <<'OPERANDS'
07 7
08 9223372036854775807
09 9223372036854775807
010 8
10 10
OPERANDS
exit "$changed"
