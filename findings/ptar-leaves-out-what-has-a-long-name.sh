#!/bin/sh
# GUESS     A name of more than 100 letters, as pnpm's and npm's folders have, is no matter for a tar of today: GNU's way and pax's
#           are decades old, and Perl's Archive::Tar, with its ptar, is in every Perl. What it cannot read it refuses.
# HAPPENS   It exits 0. Of what Python's tarfile writes, and GNU tar --format=pax, each long name is its first 100 letters: what has
#           these in common, a package's folders and files, is one name, and one of them is there, here an empty folder. Of
#           GNU's own format long names are read and long targets of links are not: the link leads to the first 100 letters,
#           and beside the release lies a file @LongLink. Nothing is said of either. What it packs itself it reads.
# VERSIONS  Archive::Tar 2.40 (perl 5.36, Debian 12), GNU tar 1.34, Python's tarfile
# SOURCE    Archive::Tar's _read_tar: PAX_HEADER and LONGLINK alone; POSIX, pax, "x". Seen by running
# NEEDS     Debian 12's packages, perl 5.36 and python3. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed
#           here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in perl=5.36.0-7+deb12u4 perl-modules-5.36=5.36.0-7+deb12u4 tar=1.34+dfsg-1.2+deb12u1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
PERL5LIB=$work/root/usr/share/perl/5.36.0
export PERL5LIB
perl -MArchive::Tar -e 'print "Archive::Tar $Archive::Tar::VERSION, perl $^V\n"' || { echo "not to be run here" >&2; exit 77; }

long=node_modules/.pnpm/@example+a-package@1.0.0_@example+peer@2.0.0/node_modules/@example/a-package/dist/esm/very/deep
mkdir -p "release/$long" release/bin
echo 'a module' >"release/$long/index.js"
echo 'a tool' >release/bin/tool
ln -s "../$long/index.js" release/bin/module
python3 -m tarfile -c python.tar release
root/bin/tar --format=pax -cf pax.tar release
root/bin/tar -cf gnu.tar release
perl root/usr/bin/ptar -c -f ptar.tar "release/$long/index.js"

# Unpacks with a command, and prints its status, what of the release has come, and what else.
unpacks() {
    archive=$1
    shift
    mkdir out
    cd out
    status=0
    "$@" >../said 2>&1 || status=$?
    echo "$archive, ${1##*/}: exit $status, tool $(cat release/bin/tool 2>/dev/null || echo none)," \
        "module $(cat "release/$long/index.js" 2>/dev/null || echo none)," \
        "by link $(cat release/bin/module 2>/dev/null || echo none)," \
        "$(grep -c 'checksum error' ../said || :) errors said, beside: $(find . -mindepth 1 -maxdepth 1 ! -name release | sed 's|^./||' | sort | paste -s -d ,)"
    cd ..
    rm -r out
}
ptar=$work/root/usr/bin/ptar
chmod +x "$ptar"
{
    for archive in python pax gnu ptar; do
        unpacks "$archive" "$work/root/bin/tar" -xf "../$archive.tar"
        unpacks "$archive" "$ptar" -x -f "../$archive.tar"
    done
} >seen
cat seen
diff - seen <<'TOLD'
python, tar: exit 0, tool a tool, module a module, by link a module, 0 errors said, beside: 
python, ptar: exit 0, tool a tool, module none, by link none, 0 errors said, beside: 
pax, tar: exit 0, tool a tool, module a module, by link a module, 0 errors said, beside: 
pax, ptar: exit 0, tool a tool, module none, by link none, 0 errors said, beside: 
gnu, tar: exit 0, tool a tool, module a module, by link a module, 0 errors said, beside: 
gnu, ptar: exit 0, tool a tool, module a module, by link none, 0 errors said, beside: @LongLink
ptar, tar: exit 0, tool none, module a module, by link none, 0 errors said, beside: 
ptar, ptar: exit 0, tool none, module a module, by link none, 0 errors said, beside: 
TOLD
