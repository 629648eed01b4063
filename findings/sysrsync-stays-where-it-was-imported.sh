#!/bin/sh
# GUESS     sysrsync.run(source='.', ...) behind os.chdir('builds/2.0') sends that build: its README has cwd, "working directory in which
#           subprocess will run the rsync command", with os.getcwd() for its default.
# HAPPENS   It sends the folder that was the current one when sysrsync was imported, at the head of the script, whatever chdir came
#           since: with '.' all that is beside builds, with 'app' the app of there, which is the release before; and with
#           --delete all else on the other side is gone. Exit 0, and strict, which is the default, sees no error. A default
#           is reckoned once in python. Whether a source is a file, which gets no slash, it asks in the folder of now: so one
#           call looks in two, and for a file here that is a folder there the folder is sent, with its name.
# VERSIONS  sysrsync 1.1.1 (PyPI), rsync 3.5.0 (Debian 12)
# SOURCE    sysrsync/runner.py: def run(cwd=os.getcwd(), ...); command_maker.py: os.path.isfile(source). README, cwd
# NEEDS     Debian 12's packages, python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in rsync=3.5.0+ds1-0+deb12u1 libpopt0=1.19+dfsg-1 libxxhash0=0.8.1-1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
if ldd root/usr/bin/rsync | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib sysrsync==1.1.1 \
    || { echo "not to be installed here" >&2; exit 77; }
export PATH="$work/root/usr/bin:$PATH" PYTHONPATH="$work/lib"
rsync --version | head -n 1

mkdir -p here/app here/builds/2.0/app
echo 1.0 >here/app/version
echo 2.0 >here/builds/2.0/app/version
echo notes >here/notes
# Sends a source behind a chdir and prints what the other side has then.
sends() {
    rm -rf srv
    mkdir srv
    echo customers >srv/data
    (cd here && python3 -c "
import os

import sysrsync

os.chdir('builds/2.0')
sysrsync.run(destination='$work/srv', options=['-a', '--delete'], $1)
")
    echo "$1: exit $?, there: $(cd srv && grep -rH . -- * | sort | paste -s -d ' ')"
}
{
    sends "source='app', cwd=os.getcwd()"
    sends "source='app'"
    sends "source='.', cwd=os.getcwd()"
    sends "source='.'"
    echo own >here/builds/2.0/app.conf
    mkdir here/app.conf
    echo other >here/app.conf/tool
    sends "source='app.conf'"
} >seen
cat seen
diff - seen <<'TOLD'
source='app', cwd=os.getcwd(): exit 0, there: version:2.0
source='app': exit 0, there: version:1.0
source='.', cwd=os.getcwd(): exit 0, there: app/version:2.0
source='.': exit 0, there: app/version:1.0 builds/2.0/app/version:2.0 notes:notes
source='app.conf': exit 0, there: app.conf/tool:other data:customers
TOLD
