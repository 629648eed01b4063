#!/bin/sh
# GUESS     `zipcmp -p a.zip b.zip` compares names, sizes, sums, "extra fields and other meta data", and calls the checks paranoid: a
#           release whose tool cannot be run any more, or whose link has become a file, is not the release.
# HAPPENS   Exit 0, nothing to tell. A mode, and whether an entry is a file or a link, stand in the attributes of the entry, and these
#           are no meta data to zipcmp, with -p or without: a zip that was packed on a system without modes, or by a job whose
#           checkout has files for links, passes for the one before. A link's target is its content, so that a file of
#           four bytes, "tool", is the same as the link to tool. unzip makes of each what the attributes say.
# VERSIONS  zipcmp and libzip 1.7.3, zip 3.0 (Debian 12)
# SOURCE    zipcmp(1), -p; PKWARE's APPNOTE, 4.4.15, external file attributes. Seen by running
# NEEDS     Debian 12's packages, python3. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in zipcmp=1.7.3-1+b1 libzip4=1.7.3-1+b1 zip=3.0-13; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
root/usr/bin/zipcmp -V | head -n 1 || { echo "not to be run here" >&2; exit 77; }

# Packs the release, as it is or after a change.
pack() {
    rm -rf release
    mkdir -p release/bin
    echo 'the tool' >release/bin/tool
    chmod 755 release/bin/tool
    ln -s tool release/bin/alias
    case $1 in
    modeless) chmod 644 release/bin/tool ;;
    linkless) rm release/bin/alias && printf tool >release/bin/alias ;;
    other) echo 'another' >release/bin/tool && chmod 755 release/bin/tool ;;
    esac
    find release -exec touch --no-dereference -d '2026-01-01 00:00:00' {} +
    (cd release && find . | sort | "$work/root/usr/bin/zip" -q -X -y "../$1.zip" -@)
}
# Prints what an archive has, by Python's reading of the attributes.
has() {
    python3 -c 'import sys, zipfile
entries = [entry for entry in zipfile.ZipFile(sys.argv[1]).infolist() if not entry.is_dir()]
print(", ".join(f"{entry.filename} {entry.external_attr >> 16:o}" for entry in entries))' "$1.zip"
}
for archive in release modeless linkless other; do
    pack "$archive"
    same=0
    root/usr/bin/zipcmp -p release.zip "$archive.zip" >words || same=$?
    echo "$archive, $(has "$archive"): zipcmp -p $same"
done >seen
cat seen
diff - seen <<'TOLD'
release, bin/alias 120777, bin/tool 100755: zipcmp -p 0
modeless, bin/alias 120777, bin/tool 100644: zipcmp -p 0
linkless, bin/alias 100644, bin/tool 100755: zipcmp -p 0
other, bin/alias 120777, bin/tool 100755: zipcmp -p 1
TOLD
