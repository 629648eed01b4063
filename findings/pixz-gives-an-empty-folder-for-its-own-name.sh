#!/bin/sh
# GUESS     `pixz -x PATH` takes out what its manual says: all members whose path begins with PATH. A folder's name as `pixz -l`
#           prints it, r/bin/, takes the folder with its files, as it does with tar.
# HAPPENS   It takes the folder alone: what arrives is an empty r/bin/, exit 0. r/bin, which -l does not print, takes all, and
#           r/bi nothing at all, though paths begin with it: exit 1. Compared is up to a slash, and the name has its own.
# VERSIONS  pixz 1.0.7 (Debian 12), GNU tar 1.34
# SOURCE    pixz(1), -x
# NEEDS     Debian 12's packages, tar. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in pixz=1.0.7-2 libarchive13=3.6.2-1+deb12u5; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
pixz=$work/root/usr/bin/pixz
if ldd "$pixz" | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi
"$pixz" -h 2>&1 | head -n 1

mkdir -p r/bin r/lib
echo tool >r/bin/tool
echo library >r/lib/library
tar --sort=name -cf r.tar r
"$pixz" r.tar r.tpxz
echo "names: $("$pixz" -l r.tpxz | paste -s -d ' ')"

# Prints what comes out for a path.
taken() {
    if "$pixz" -x "$1" <r.tpxz >part.tar 2>/dev/null; then
        echo "pixz -x $1: $(tar -tf part.tar | paste -s -d ' ')"
    else
        echo "pixz -x $1: refused"
    fi
}
{
    echo "tar -t r/bin/: $(tar -tf r.tar r/bin/ | paste -s -d ' ')"
    for path in r/bin/ r/bin r/bi; do
        taken "$path"
    done
} >seen
cat seen
diff - seen <<'TOLD'
tar -t r/bin/: r/bin/ r/bin/tool
pixz -x r/bin/: r/bin/
pixz -x r/bin: r/bin/ r/bin/tool
pixz -x r/bi: refused
TOLD
