#!/bin/sh
# GUESS     A line `w /srv/tool/RELEASE - - - - 4.9` in tmpfiles.d writes 4.9 into that file, as its manual has it: "Write the
#           argument parameter to a file, if the file exists." With w+ it would be appended.
# HAPPENS   It writes over the file's first bytes and leaves the rest: what held 4.283.0 holds 4.983.0 then, a version that nobody
#           made, and debug=no over debug=yes is debug=nos. Exit 0, and so at each boot. Below /sys, where such lines mostly
#           go, there is no difference, and where the new text is as long or longer all is well. w+ hangs it behind the last
#           line; f+ is what writes the file anew.
# VERSIONS  systemd 252.38 (Debian 12)
# SOURCE    tmpfiles.d(5), w and f+; systemd issue 9566 is its kin, of StandardOutput=file. Seen by running
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in systemd libsystemd-shared libsystemd0; do
    apt-get -qq -o APT::Sandbox::User=root download "$package=252.38-1~deb12u1" \
        || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'libsystemd*.so*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH LC_ALL=C
tmpfiles=$work/root/bin/systemd-tmpfiles
if ldd "$tmpfiles" | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi
"$tmpfiles" --version | sed -n 1p

mkdir -p host/srv/tool
# Prints what a line makes of a file.
makes() {
    printf '%s\n' "$2" >host/srv/tool/RELEASE
    printf '%s /srv/tool/RELEASE - - - - %s\n' "$1" "$3" >line.conf
    "$tmpfiles" --root="$work/host" --create "$work/line.conf"
    echo "$2, $1 $3: $(paste -s -d ' ' host/srv/tool/RELEASE)"
}
{
    makes w 4.283.0 4.9
    makes w debug=yes debug=no
    makes w 4.9 4.283.0
    makes w+ 4.283.0 4.9
    makes f+ 4.283.0 4.9
} >seen
cat seen
diff - seen <<'TOLD'
4.283.0, w 4.9: 4.983.0
debug=yes, w debug=no: debug=nos
4.9, w 4.283.0: 4.283.0
4.283.0, w+ 4.9: 4.283.0 4.9
4.283.0, f+ 4.9: 4.9
TOLD
