#!/bin/sh
# GUESS     A file with several names comes out of a cpio archive under each of them, as links to one file or as copies: the kernel
#           unpacks its initramfs so, and so do GNU cpio, busybox and libarchive.
# HAPPENS   toybox makes every name but the last an empty file, exit 0, no word. newc stores the bytes once, with the last name,
#           and the size 0 with each before it; toybox takes the 0 for what it says. So a multi-call program that was
#           installed by `ln` is one program and many empty files of mode 0755, which a shell runs and finds to succeed.
#           `toybox cpio -t` lists all. What toybox packs itself it also unpacks: it stores the bytes with each name.
# VERSIONS  toybox 0.8.9, busybox 1.35.0, cpio 2.13, libarchive 3.6.2 (Debian 12)
# SOURCE    the kernel's buffer-format.rst, c_nlink; u-root issue 1301, which had the same. Seen by running
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in toybox=0.8.9+dfsg-1 busybox-static=1:1.35.0-4+deb12u1+b1 cpio=2.13+dfsg-7.1 \
    libarchive-tools=3.6.2-1+deb12u5 libarchive13=3.6.2-1+deb12u5; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
PATH=$work/root/bin:$work/root/usr/bin:$PATH
if ldd root/bin/toybox root/bin/cpio root/usr/bin/bsdcpio | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi
toybox --version

mkdir release
cd release
# shellcheck disable=SC2016 # Each is to say its own name.
printf '#!/bin/sh\necho "${0##*/} does it"\n' >migrate
chmod +x migrate
ln migrate rollback
ln migrate serve
printf '%s\n' migrate rollback serve | cpio --quiet -o -H newc >../by-gnu
printf '%s\n' migrate rollback serve | bsdcpio --quiet -o -H newc >../by-libarchive
printf '%s\n' migrate rollback serve | toybox cpio -o -H newc >../by-toybox
cd ..

# Unpacks an archive with the command given, and prints its status and what each program there does.
unpacks() {
    archive=$1
    shift
    mkdir out
    cd out
    status=0
    "$@" <"../$archive" || status=$?
    says=
    for name in *; do
        says="$says; $(sh -c "./$name" || echo "$name fails")"
    done
    cd ..
    rm -r out
    echo "$archive, $1: exit $status$says"
}
{
    for archive in by-gnu by-libarchive by-toybox; do
        unpacks "$archive" cpio --quiet -i
        unpacks "$archive" bsdcpio --quiet -i
        unpacks "$archive" busybox cpio -i 2>/dev/null
        unpacks "$archive" toybox cpio -i
    done
} >seen
cat seen
diff - seen <<'TOLD'
by-gnu, cpio: exit 0; migrate does it; rollback does it; serve does it
by-gnu, bsdcpio: exit 0; migrate does it; rollback does it; serve does it
by-gnu, busybox: exit 0; migrate does it; rollback does it; serve does it
by-gnu, toybox: exit 0; ; ; serve does it
by-libarchive, cpio: exit 0; migrate does it; rollback does it; serve does it
by-libarchive, bsdcpio: exit 0; migrate does it; rollback does it; serve does it
by-libarchive, busybox: exit 0; migrate does it; rollback does it; serve does it
by-libarchive, toybox: exit 0; ; ; serve does it
by-toybox, cpio: exit 0; migrate does it; rollback does it; serve does it
by-toybox, bsdcpio: exit 0; migrate does it; rollback does it; serve does it
by-toybox, busybox: exit 0; migrate does it; rollback does it; serve does it
by-toybox, toybox: exit 0; migrate does it; rollback does it; serve does it
TOLD
