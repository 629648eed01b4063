#!/bin/sh
# GUESS     `systemctl reenable` is disable and then enable, as its manual says: what to run after [Install] was changed, in the
#           unit or in a drop-in, since enable alone leaves the old links.
# HAPPENS   It reads the unit alone. The drop-in says WantedBy= and WantedBy=graphical.target; enable links it there, as does
#           disable with enable; reenable, on the very same files, takes that link away and makes the one of
#           multi-user.target that the site had put off. Exit 0, and is-enabled says enabled. An alias that a drop-in
#           adds goes likewise. It gives enable the unit's path, and a unit that is enabled by its path is read without its
#           drop-ins: `systemctl enable /usr/lib/systemd/system/tool.service` does the same.
# VERSIONS  systemd 252.38 (Debian 12), by --root
# SOURCE    systemctl(1), reenable; systemd issues 7114, which made enable read drop-ins, and 18096, which sends to reenable
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

units=host/usr/lib/systemd/system
mkdir -p "$units" host/etc/systemd/system/tool.service.d
printf '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n' >"$units/tool.service"
printf '[Install]\nWantedBy=\nWantedBy=graphical.target\nAlias=wiki.service\n' >host/etc/systemd/system/tool.service.d/site.conf

# Runs a command on the host's files, and prints which links there are then.
does() {
    "$systemctl" --quiet --root="$work/host" "$@" 2>/dev/null
    links=$(cd host/etc/systemd/system && find . -type l | sort | cut -c 3- | paste -s -d ' ')
    echo "$*: ${links:-no links}"
}
{
    does enable tool.service
    does reenable tool.service
    "$systemctl" --root="$work/host" is-enabled tool.service
    does disable tool.service
    does enable tool.service
    does disable tool.service
    does enable /usr/lib/systemd/system/tool.service
} >seen
cat seen
diff - seen <<'TOLD'
enable tool.service: graphical.target.wants/tool.service wiki.service
reenable tool.service: multi-user.target.wants/tool.service
enabled
disable tool.service: no links
enable tool.service: graphical.target.wants/tool.service wiki.service
disable tool.service: no links
enable /usr/lib/systemd/system/tool.service: multi-user.target.wants/tool.service
TOLD
