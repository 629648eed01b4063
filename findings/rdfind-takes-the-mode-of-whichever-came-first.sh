#!/bin/sh
# GUESS     `rdfind -makehardlinks true releases` saves the room that equal files take in several releases. What is equal becomes
#           one file; a tool for that sees to what a link would change, as `hardlink` of util-linux does: it takes files of
#           one mode, one owner and one time.
# HAPPENS   rdfind looks at the bytes alone. Two names of one file have one mode, one owner and one time, and they are those of
#           whichever name ranks first, by folder and depth: a tool that was packed without its x, and mended in the next
#           release, is without it in both, the live one too, and a key with 0600 is open to all where a sample beside it is.
#           Exit 0, and the same bytes: a check by sums finds both whole. Its manual tells of ranks, and not what of. -dryrun
#           names the files alone. fdupes and jdupes are asked for it (--permissions, -p); `hardlink` does it unasked.
# VERSIONS  rdfind 1.5.0, hardlink of util-linux 2.38.1 (Debian 12)
# SOURCE    seen by running; rdfind(1), RANKING and -makehardlinks; hardlink(1), --ignore-mode
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in rdfind=1.5.0-1.1+b1 libnettle8=3.8.1-2 util-linux=2.38.1-5+deb12u3; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --show "$package"
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH

# Makes two releases, of which the second has the tool with its x and a key that is not for all.
releases() {
    rm -rf releases
    mkdir -p releases/1/bin releases/2/bin releases/2/share
    echo 'the tool' >releases/1/bin/tool
    cp releases/1/bin/tool releases/2/bin/tool
    chmod 644 releases/1/bin/tool
    chmod 755 releases/2/bin/tool
    echo 'a key' >releases/2/sample
    cp releases/2/sample releases/2/share/key
    chmod 644 releases/2/sample
    chmod 600 releases/2/share/key
}
tell() {
    echo "$1:"
    find releases -type f -printf '    %P %m, %n names\n' | sort
}
{
    releases
    tell 'before'
    root/usr/bin/rdfind -makehardlinks true -makeresultsfile false releases >log
    tell "rdfind, exit $?"
    releases
    root/usr/bin/hardlink releases >log
    tell "hardlink, exit $?"
} >seen
cat seen
diff - seen <<'TOLD'
before:
    1/bin/tool 644, 1 names
    2/bin/tool 755, 1 names
    2/sample 644, 1 names
    2/share/key 600, 1 names
rdfind, exit 0:
    1/bin/tool 644, 2 names
    2/bin/tool 644, 2 names
    2/sample 644, 2 names
    2/share/key 644, 2 names
hardlink, exit 0:
    1/bin/tool 644, 1 names
    2/bin/tool 755, 1 names
    2/sample 644, 1 names
    2/share/key 600, 1 names
TOLD
