#!/bin/sh
# GUESS     The tool's unit comes with its release: /usr/local/lib/systemd/system/tool.service is a link to
#           /srv/tool/current/tool.service. `systemctl enable tool` links what is there into the target, and what the unit says
#           goes with current from then on.
# HAPPENS   enable follows the link to its end, and makes a link of its own, /etc/systemd/system/tool.service, to the release of that
#           day, releases/1, which stands above the one in /usr/local. So the host reads release 1's unit for good, whatever
#           current leads to; and when release 1 is cleaned away the unit is gone: is-enabled and enable say that it does not
#           exist, and at the next boot it is not started. The same in /usr/lib. reenable keeps it, disable takes it away.
#           `systemctl enable /srv/tool/current/tool.service`, of a unit that lies nowhere else, keeps current.
# VERSIONS  systemd 252.38 (Debian 12)
# SOURCE    systemctl(1), enable: for a file "outside of the usual unit file directories" a link is made to it; of a unit that is itself a
#           link in one of those nothing. Seen by systemctl --root
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in systemd libsystemd-shared libsystemd0; do
    apt-get -qq -o APT::Sandbox::User=root download "$package=252.38-1~deb12u1" \
        || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'libsystemd*.so*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH LC_ALL=C
systemctl=$work/root/bin/systemctl
"$systemctl" --version | head -n 1

# Makes a host with two releases, of which the first is current.
host() {
    rm -rf host
    mkdir -p host/usr/lib/systemd/system host/usr/local/lib/systemd/system host/etc/systemd/system
    printf '[Unit]\nDescription=Many users\n' >host/usr/lib/systemd/system/multi-user.target
    for release in 1 2; do
        mkdir -p "host/srv/tool/releases/$release"
        printf '%s\n' '[Service]' 'ExecStart=/srv/tool/current/tool' "Environment=RELEASE=$release" '[Install]' \
            'WantedBy=multi-user.target' >"host/srv/tool/releases/$release/tool.service"
    done
    ln -s releases/1 host/srv/tool/current
}
# Runs a command on the host's files, and prints its status, and where /etc leads.
does() {
    status=0
    "$systemctl" --quiet --root="$work/host" "$@" >/dev/null 2>&1 || status=$?
    echo "  $*: exit $status, $(find host/etc -name tool.service ! -path '*.wants/*' -printf 'etc leads to %l' | grep . || echo 'etc has none')"
}
for place in usr/local/lib/systemd/system usr/lib/systemd/system 'no folder'; do
    host
    echo "$place"
    unit=tool.service
    if [ "$place" = 'no folder' ]; then
        unit=/srv/tool/current/tool.service
    else
        ln -s /srv/tool/current/tool.service "host/$place/tool.service"
    fi
    does enable "$unit"
    ln -sfn releases/2 host/srv/tool/current
    does is-enabled tool.service
    does reenable "$unit"
    rm -r host/srv/tool/releases/1
    does is-enabled tool.service
    does enable tool.service
    does disable tool.service
done >seen
cat seen
diff - seen <<'TOLD'
usr/local/lib/systemd/system
  enable tool.service: exit 0, etc leads to /srv/tool/releases/1/tool.service
  is-enabled tool.service: exit 0, etc leads to /srv/tool/releases/1/tool.service
  reenable tool.service: exit 0, etc leads to /srv/tool/releases/1/tool.service
  is-enabled tool.service: exit 1, etc leads to /srv/tool/releases/1/tool.service
  enable tool.service: exit 1, etc leads to /srv/tool/releases/1/tool.service
  disable tool.service: exit 0, etc has none
usr/lib/systemd/system
  enable tool.service: exit 0, etc leads to /srv/tool/releases/1/tool.service
  is-enabled tool.service: exit 0, etc leads to /srv/tool/releases/1/tool.service
  reenable tool.service: exit 0, etc leads to /srv/tool/releases/1/tool.service
  is-enabled tool.service: exit 1, etc leads to /srv/tool/releases/1/tool.service
  enable tool.service: exit 1, etc leads to /srv/tool/releases/1/tool.service
  disable tool.service: exit 0, etc has none
no folder
  enable /srv/tool/current/tool.service: exit 0, etc leads to /srv/tool/current/tool.service
  is-enabled tool.service: exit 0, etc leads to /srv/tool/current/tool.service
  reenable /srv/tool/current/tool.service: exit 0, etc leads to /srv/tool/current/tool.service
  is-enabled tool.service: exit 0, etc leads to /srv/tool/current/tool.service
  enable tool.service: exit 0, etc leads to /srv/tool/current/tool.service
  disable tool.service: exit 0, etc has none
TOLD
