#!/bin/sh
# GUESS     alien makes an rpm of a deb, so that a fleet of both kinds gets the same releases: which of two is the newer is what dpkg says,
#           as rpm has an epoch just as Debian has.
# HAPPENS   The epoch is dropped, and with it all that it was made for. 1:1.0-1, which comes behind 20261130-1 for dpkg, as who counts anew
#           has it, is 1.0-1 as an rpm, older than the one installed: rpm -U refuses it, and a repository never offers it, so that
#           Debian's half of the fleet goes on and the other half stays where it is. 1:2.0-1 and 2.0-1 are the same rpm, the later
#           conversion over the earlier one. alien says that it has generated it, exit 0.
# VERSIONS  alien 8.95.6, rpm 4.18.0 (Debian 12)
# SOURCE    Alien/Package/Deb.pm: sub version, "Kill epochs."; alien(1p): nothing of epochs
# NEEDS     Debian 12's packages, perl. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in alien=8.95.6 rpm=4.18.0+dfsg-1+deb12u1 rpm-common=4.18.0+dfsg-1+deb12u1 librpm9=4.18.0+dfsg-1+deb12u1 \
    librpmio9=4.18.0+dfsg-1+deb12u1 librpmbuild9=4.18.0+dfsg-1+deb12u1 librpmsign9=4.18.0+dfsg-1+deb12u1 liblua5.3-0; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
rm ./*.deb
machine=$(uname -m)-linux-gnu
export LD_LIBRARY_PATH="$work/root/usr/lib/$machine" RPM_CONFIGDIR="$work/root/usr/lib/rpm" PERL5LIB="$work/root/usr/share/perl5"
PATH=$work/root/usr/bin:$PATH
rpm --version || { echo "not to be run here" >&2; exit 77; }
alien --version

# Makes the deb of a version, and of that an rpm.
convert() {
    rm -rf made
    mkdir -p made/DEBIAN made/srv
    printf '%s\n' 'Package: tool' "Version: $1" 'Architecture: all' 'Maintainer: The site <root@site.example>' \
        'Description: the tool' >made/DEBIAN/control
    echo "$1" >made/srv/tool
    dpkg-deb --build made tool.deb >/dev/null
    alien --to-rpm --keep-version tool.deb 2>/dev/null | sed -n 's/ generated$//p'
}
{
    for pair in '20261130-1 20261201-1' '20261130-1 1:1.0-1'; do
        before=${pair% *}
        after=${pair#* }
        file_before=$(convert "$before")
        file_after=$(convert "$after")
        dpkg --compare-versions "$before" lt "$after" && echo "dpkg: $before is older than $after"
        rm -rf base
        mkdir base
        for file in "$file_before" "$file_after"; do
            status=0
            rpm --root "$work/base" --justdb --nodeps -U "$file" 2>words || status=$?
            sed -n 's/^\t/    /p' words
            echo "rpm -U $file: exit $status"
        done
        echo "rpm has $(rpm --root "$work/base" --query tool)"
    done
    one=$(convert 2.0-1)
    other=$(convert 1:2.0-1)
    echo "2.0-1 is $one, 1:2.0-1 is $other"
    rpm --query --package "$other" --queryformat 'its epoch: %{EPOCH}\n'
} >seen
cat seen
diff - seen <<'TOLD'
dpkg: 20261130-1 is older than 20261201-1
rpm -U tool-20261130-1.noarch.rpm: exit 0
rpm -U tool-20261201-1.noarch.rpm: exit 0
rpm has tool-20261201-1.noarch
dpkg: 20261130-1 is older than 1:1.0-1
rpm -U tool-20261130-1.noarch.rpm: exit 0
    package tool-20261130-1.noarch (which is newer than tool-1.0-1.noarch) is already installed
rpm -U tool-1.0-1.noarch.rpm: exit 2
rpm has tool-20261130-1.noarch
2.0-1 is tool-2.0-1.noarch.rpm, 1:2.0-1 is tool-2.0-1.noarch.rpm
its epoch: (none)
TOLD
