#!/bin/sh
# GUESS     `sed -i` of root changes what is in a file: its mode and its owner stay, as with GNU's and busybox's, which give the new
#           file to the old one's owner. uutils' sed is GNU's sed anew, and -i is one of the options that it has.
# HAPPENS   The mode stays, the owner does not: a file of tool:tool with 0640 is root:root with 0640 then, and the tool, running
#           as tool, cannot read its own configuration at the next start. Exit 0, no word. It is so whether a line changes or
#           not: a playbook that finds nothing to do has done it. --follow-symlinks is the same; a .bak keeps its owner.
# VERSIONS  sed 0.3.0 (uutils, crates.io), GNU sed 4.9, busybox 1.35.0
# SOURCE    sed(1), -i; GNU's sed/execute.c: output_file, fchown; toybox issue 52, which was the same. Seen by running
# NEEDS     cargo, crates.io, Debian 12's packages, root; a few minutes. Exits 0: as told; 1: it behaves otherwise; 77: cannot be
#           installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
[ "$(id -u)" = 0 ] || { echo "to be run as root" >&2; exit 77; }
for package in sed=4.9-1+deb12u1 busybox-static=1:1.35.0-4+deb12u1+b1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
CARGO_TARGET_DIR=$work/target cargo install --quiet --locked --root "$work" sed@0.3.0 \
    || { echo "not to be installed here" >&2; exit 77; }
bin/sed --version | head -n 1

# Edits a file of another owner, and prints its owner, mode and content then.
edits() {
    name=$1
    shift
    echo 'retries = 3' >conf
    chmod 640 conf
    chown 4711:4712 conf
    ln -sf conf link
    status=0
    "$@" || status=$?
    echo "$name: exit $status, $(stat -c '%u:%g %a' conf), $(cat conf)"
    rm -f conf link conf.bak
}
{
    edits 'GNU' root/bin/sed -i s/3/5/ conf
    edits 'busybox' root/bin/busybox sed -i s/3/5/ conf
    edits 'uutils' bin/sed -i s/3/5/ conf
    edits 'uutils, nothing to do' bin/sed -i s/4/5/ conf
    edits 'uutils, by a link' bin/sed -i --follow-symlinks s/3/5/ link
    edits 'uutils, -n p' bin/sed -n -i p conf
} >seen
cat seen
diff - seen <<'TOLD'
GNU: exit 0, 4711:4712 640, retries = 5
busybox: exit 0, 4711:4712 640, retries = 5
uutils: exit 0, 0:0 640, retries = 5
uutils, nothing to do: exit 0, 0:0 640, retries = 3
uutils, by a link: exit 0, 0:0 640, retries = 5
uutils, -n p: exit 0, 0:0 640, retries = 3
TOLD
