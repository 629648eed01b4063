#!/bin/sh
# GUESS     `honcho export systemd` writes units that run what the Procfile says, with the environment that .env says: what means
#           something to systemd is escaped, as `honcho export supervisord` does double each percent sign for supervisor.
# HAPPENS   For systemd no percent sign is doubled, and each with a letter behind it is systemd's to fill in: `date +%H`, the hour, is
#           date +web01, the host's name, %m the machine's id, `printf %s` the user's shell and %t its runtime folder; in a
#           password of .env, tea%house, the %h is the home folder. Exit 0 everywhere, systemd-analyze verify finds no fault,
#           and `honcho run` and supervisor have it right, so it is the first start under systemd that differs. Foreman's
#           export, of the same format, is the same.
# VERSIONS  honcho 2.0.0 (PyPI), foreman 0.87.2, systemd 252.38 (Debian 12)
# SOURCE    systemd.unit(5), specifiers; honcho/export/systemd.py and supervisord.py, whose filters differ. Seen by running
# NEEDS     Debian 12's packages, with what systemd and ruby3.1 depend on, python3 with pip. Exits 0: as told; 1: it behaves
#           otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in systemd=252.38-1~deb12u1 libsystemd-shared=252.38-1~deb12u1 libsystemd0=252.38-1~deb12u1 ruby-foreman=0.87.2-2 \
    ruby-thor ruby3.1 libruby3.1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib honcho==2.0.0 \
    || { echo "not to be installed here" >&2; exit 77; }
libraries=$work/root/usr/lib/$(uname -m)-linux-gnu
shared=$(find "$work/root" -name 'libsystemd*.so*' -exec dirname {} + | sort -u | paste -s -d :)
LD_LIBRARY_PATH=$shared root/usr/bin/systemd-analyze --version >version || { echo "not to be run here" >&2; exit 77; }
head -n 1 version
gems=$work/root/usr/share/rubygems-integration/all/gems
foreman() {
    LD_LIBRARY_PATH=$libraries "$work/root/usr/bin/ruby3.1" --disable-gems -I"$work/root/usr/lib/ruby/3.1.0" \
        -I"$libraries/ruby/3.1.0" -I"$work/root/usr/lib/ruby/vendor_ruby" -I"$(echo "$gems"/thor-*/lib)" \
        -I"$(echo "$gems"/foreman-*/lib)" -r foreman/cli -e 'Foreman::CLI.start' -- "$@"
}

mkdir app run
# shellcheck disable=SC2016 # It is the shell of the unit that fills these in.
echo 'web: tool --hour $(date +%H) --name $(printf %s web) --run 5%to7' >app/Procfile
echo 'PASSWORD=tea%house' >app/.env
(
    cd app
    export PYTHONPATH="$work/lib"
    python3 -m honcho export --app tool --user nobody systemd ../honcho
    python3 -m honcho export --app tool --user nobody supervisord ../supervisord
    foreman export --app tool --user nobody systemd ../foreman
    python3 -m honcho run printenv PASSWORD >../password
) >log 2>&1 || { cat log; exit 1; }

# Prints what systemd makes of a folder's unit, with what it fills in of this machine by names.
reads() {
    unit=$(find "$1" -name '*web*1*.service')
    sed -i '/^User=/d' "$unit"
    status=0
    SYSTEMD_LOG_LEVEL=debug LD_LIBRARY_PATH=$shared XDG_RUNTIME_DIR="$work/run" SYSTEMD_UNIT_PATH="$work/$1:" \
        root/usr/bin/systemd-analyze verify --user "$work/$unit" >verified 2>&1 || status=$?
    echo "$1: exit $status"
    sed -n 's/^\t*\(Environment: PASSWORD\|Command Line: \)/\1/p' verified | sed "s|$work/run|RUN|g; s|+$(uname -n)|+HOST|
        s|tea$HOME|teaHOME|; s|printf /[^ ]* |printf SHELL |; s|^|    |"
}
{
    echo "honcho run: $(cat password)"
    grep '^command\|^environment' supervisord/*.conf | sed 's|^|    |; s|HONCHO.*,PASS|PASS|; s|,PORT.*||'
    reads honcho
    reads foreman
} >seen
cat seen
diff - seen <<'TOLD'
honcho run: tea%house
    command=/bin/sh -c 'tool --hour $(date +%%H) --name $(printf %%s web) --run 5%%to7'
    environment=PASSWORD=tea%%house
honcho: exit 0
    Environment: PASSWORD=teaHOMEouse
    Command Line: /bin/sh -lc "tool --hour \$(date +HOST) --name \$(printf SHELL web) --run 5RUNo7"
foreman: exit 0
    Environment: PASSWORD=teaHOMEouse
    Command Line: /bin/bash -lc "exec -a \"tool-web.1\" tool --hour \$(date +HOST) --name \$(printf SHELL web) --run 5RUNo7"
TOLD
