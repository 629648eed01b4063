#!/bin/sh
# GUESS     The two installers of electron-userland make a deb and an rpm of the same app, 1.0.0-rc.1, for the desks of both kinds. On both
#           the candidate is older than 1.0.0, which takes its place when it is there.
# HAPPENS   The deb is 1.0.0~rc.1, and older. The rpm is 1.0.0.rc.1, as rpm allows no "-", and newer than 1.0.0: who has tried the
#           candidate keeps it, and is told by rpm -U that it is newer than the release. The warning that is logged speaks of characters
#           alone. And the deb knows some words and no others: 1.0.0-nightly.3, -canary.3 and -next.0 stay as they are, and
#           of those too the desks of Debian never get to 1.0.0, as what follows a "-" is a revision. -alpha, -beta, -dev, -pre and
#           -rc are well.
# VERSIONS  electron-installer-redhat 3.4.0, electron-installer-debian 3.2.0 (npm), rpm 4.18.0 (Debian 12), dpkg of the machine. The code
#           of 4.0.0 of both is the same in this.
# SOURCE    electron-installer-redhat/src/util.js: each "-" becomes "."; electron-installer-debian/src/installer.js: transformVersion,
#           "Use '~' on pre-releases for proper Debian version ordering"
# NEEDS     Debian 12's packages, node, npm, dpkg, fakeroot. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v fakeroot >/dev/null || { echo "no fakeroot here" >&2; exit 77; }
for package in rpm=4.18.0+dfsg-1+deb12u1 rpm-common=4.18.0+dfsg-1+deb12u1 librpm9=4.18.0+dfsg-1+deb12u1 \
    librpmio9=4.18.0+dfsg-1+deb12u1 librpmbuild9=4.18.0+dfsg-1+deb12u1 librpmsign9=4.18.0+dfsg-1+deb12u1 liblua5.3-0; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . electron-installer-redhat@3.4.0 electron-installer-debian@3.2.0 \
    >/dev/null || { echo "not to be installed here" >&2; exit 77; }
machine=$(uname -m)-linux-gnu
export LD_LIBRARY_PATH="$work/root/usr/lib/$machine" RPM_CONFIGDIR="$work/root/usr/lib/rpm" TMPDIR="$work" HOME="$work"
PATH=$work/root/usr/bin:$PATH
rpm --version || { echo "rpm is not to be run here" >&2; exit 77; }
echo "electron-installer-redhat 3.4.0, electron-installer-debian 3.2.0"

mkdir -p app/resources/app
echo v30.0.0 >app/version
echo MIT >app/LICENSE
printf '#!/bin/sh\n' >app/tool
chmod +x app/tool
cat >make.js <<'NODE'
const { writeFileSync } = require('fs');
const redhat = require('electron-installer-redhat');
const debian = require('electron-installer-debian');

const quiet = () => {};
(async () => {
  const about = { name: 'tool', productName: 'Tool', description: 'the tool', license: 'MIT', author: 'The site <root@site.example>' };
  for (const version of process.argv.slice(2)) {
    writeFileSync('app/resources/app/package.json', JSON.stringify({ ...about, version }));
    await redhat({ src: 'app', dest: `made/${version}`, arch: 'x86_64', logger: quiet });
    await debian({ src: 'app', dest: `made/${version}`, arch: 'amd64', logger: quiet });
  }
})();
NODE
set -- 1.0.0-alpha.1 1.0.0-rc.1 1.0.0-nightly.3 1.0.0-canary.3 1.0.0-next.0
node make.js 1.0.0 "$@" 2>words || { cat words; exit 1; }
release=made/1.0.0/tool-1.0.0-1.x86_64.rpm
for version; do
    rm -rf base
    mkdir base
    rpm --root "$work/base" --justdb --nodeps -U "made/$version"/*.rpm 2>/dev/null
    status=0
    rpm --root "$work/base" --justdb --nodeps -U "$release" 2>words || status=$?
    told=$(sed -n 's/^\tpackage \(.*\) is already installed$/: \1/p' words)
    echo "$version: rpm -U of 1.0.0 over it: exit $status$told"
    deb=$(dpkg-deb --field "made/$version"/*.deb Version)
    order=newer
    if dpkg --compare-versions "$deb" lt 1.0.0; then order=older; fi
    echo "    for dpkg $deb is $order than $(dpkg-deb --field made/1.0.0/*.deb Version)"
done >seen
cat seen
diff - seen <<'TOLD'
1.0.0-alpha.1: rpm -U of 1.0.0 over it: exit 2: tool-1.0.0.alpha.1-1.x86_64 (which is newer than tool-1.0.0-1.x86_64)
    for dpkg 1.0.0~alpha.1 is older than 1.0.0
1.0.0-rc.1: rpm -U of 1.0.0 over it: exit 2: tool-1.0.0.rc.1-1.x86_64 (which is newer than tool-1.0.0-1.x86_64)
    for dpkg 1.0.0~rc.1 is older than 1.0.0
1.0.0-nightly.3: rpm -U of 1.0.0 over it: exit 2: tool-1.0.0.nightly.3-1.x86_64 (which is newer than tool-1.0.0-1.x86_64)
    for dpkg 1.0.0-nightly.3 is newer than 1.0.0
1.0.0-canary.3: rpm -U of 1.0.0 over it: exit 2: tool-1.0.0.canary.3-1.x86_64 (which is newer than tool-1.0.0-1.x86_64)
    for dpkg 1.0.0-canary.3 is newer than 1.0.0
1.0.0-next.0: rpm -U of 1.0.0 over it: exit 2: tool-1.0.0.next.0-1.x86_64 (which is newer than tool-1.0.0-1.x86_64)
    for dpkg 1.0.0-next.0 is newer than 1.0.0
TOLD
