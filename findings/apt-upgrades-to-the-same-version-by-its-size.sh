#!/bin/sh
# GUESS     A package that was built anew with the same version is no upgrade: apt compares versions, 1.0 is 1.0, and hosts keep what
#           they have until it is 1.0-1. Or, where apt sees that it is another file, all hosts get it.
# HAPPENS   It goes by the size in KiB. Where Installed-Size is the same, or any of five kinds of dependencies, the one and the other are
#           one version: nothing on upgrade, nothing on install, and nothing where the new file itself is given, exit 0, "0
#           upgraded". Where the tool has grown over the next KiB, it is an upgrade from 1.0 to 1.0, for upgrade as well, which
#           a nightly run does unasked. So one repository, filled twice with 1.0, gives hosts what came first or what came last,
#           by what was put into the second build. Bytes, the sums in Packages and Recommends do not count.
# VERSIONS  apt 2.6.2 (Debian 12)
# SOURCE    apt's debListParser::VersionHash(): Installed-Size, Depends, Pre-Depends, Conflicts, Breaks, Replaces; apt_preferences(5) has
#           versions and priorities alone. Seen by apt-get -s
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in apt=2.6.2 libapt-pkg6.0=2.6.2; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --show "$package"
    dpkg-deb --extract "$package" root
done
rm -- *.deb
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
if ldd root/usr/bin/apt-get root/usr/lib/apt/methods/file | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi

# A host whose apt knows nothing but one repository and one package.
mkdir -p repository state/lists/partial cache/archives/partial etc/preferences.d etc/apt.conf.d
cat >conf <<CONF
Dir::State "$work/state";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
Dir::Etc "$work/etc";
Dir::Bin::methods "$work/root/usr/lib/apt/methods";
APT::Sandbox::User "root";
CONF
export APT_CONFIG="$work/conf"
apt_get=$work/root/usr/bin/apt-get
echo "deb [trusted=yes] file:$work/repository ./" >etc/sources.list

# Builds tool 1.0 with the bytes and the line of control given, puts it into the repository, and has the host look at it.
build() {
    mkdir -p package/DEBIAN package/usr/bin
    printf '%s\n' 'Package: tool' 'Version: 1.0' 'Architecture: all' 'Maintainer: desk <desk@example.org>' "$2" \
        'Description: tool' >package/DEBIAN/control
    echo "$1" >package/usr/bin/tool
    dpkg-deb --build --root-owner-group package repository/tool_1.0_all.deb >/dev/null
    {
        cat package/DEBIAN/control
        echo 'Filename: ./tool_1.0_all.deb'
        echo "Size: $(wc -c <repository/tool_1.0_all.deb)"
        echo "SHA256: $(sha256sum <repository/tool_1.0_all.deb | cut -d ' ' -f 1)"
    } >repository/Packages
    rm -rf state/lists
    mkdir -p state/lists/partial
    "$apt_get" -qq update
}
# Prints what the host would do, by three ways.
would() {
    for way in upgrade 'install tool' 'install ./repository/tool_1.0_all.deb'; do
        # shellcheck disable=SC2086 # Two words.
        what=$("$apt_get" -s -q $way | sed -n 's/^Inst \([^ ]* [^ ]* ([^ ]*\).*/\1)/p')
        echo "$1, $way: ${what:-nothing}"
    done
}
{
    build one 'Installed-Size: 9'
    sed '/^Package/a Status: install ok installed' package/DEBIAN/control >status
    would 'as it is'
    build two 'Installed-Size: 9'
    would 'other bytes'
    build two "$(printf 'Installed-Size: 9\nRecommends: curl')"
    would 'Recommends'
    build two 'Installed-Size: 10'
    would 'a KiB more'
    build two "$(printf 'Installed-Size: 9\nConflicts: tool-beta')"
    would 'Conflicts'
} >seen
cat seen
diff - seen <<'TOLD'
as it is, upgrade: nothing
as it is, install tool: nothing
as it is, install ./repository/tool_1.0_all.deb: nothing
other bytes, upgrade: nothing
other bytes, install tool: nothing
other bytes, install ./repository/tool_1.0_all.deb: nothing
Recommends, upgrade: nothing
Recommends, install tool: nothing
Recommends, install ./repository/tool_1.0_all.deb: nothing
a KiB more, upgrade: tool [1.0] (1.0)
a KiB more, install tool: tool [1.0] (1.0)
a KiB more, install ./repository/tool_1.0_all.deb: tool [1.0] (1.0)
Conflicts, upgrade: tool [1.0] (1.0)
Conflicts, install tool: tool [1.0] (1.0)
Conflicts, install ./repository/tool_1.0_all.deb: tool [1.0] (1.0)
TOLD
