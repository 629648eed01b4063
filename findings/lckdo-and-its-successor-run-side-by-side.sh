#!/bin/sh
# GUESS     lckdo's manual sends its users to flock, "a similar command": while either holds a lock file the other fails, so jobs
#           are moved over one by one. Just so s6-setlock and runit's chpst -L keep out each other and daemontools' setlock,
#           after which both were made.
# HAPPENS   Both run. Linux has two kinds of lock on a file, flock(2)'s and fcntl(2)'s, and neither sees the other. flock, setlock
#           and chpst take the one, lckdo and s6-setlock the other; of these only flock's manual says which. A deploy
#           under s6-setlock and a cron job under flock, on the same file, exclude nothing, and each is right when tried
#           with itself: exit 0 everywhere. with-lock-ex and Python's fasteners are of lckdo's kind too, and say so.
# VERSIONS  moreutils 0.67, util-linux 2.38.1, daemontools 0.76, runit 2.1.2, s6 2.11.3.2 (Debian 12)
# SOURCE    lckdo(1), deprecated for flock(1); setlock(8), chpst(8), the page of s6-setlock. Seen by running each within each
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in moreutils=0.67-1 util-linux=2.38.1-5+deb12u3 daemontools=1:0.76-8.1 runit=2.1.2-54 \
    s6=2.11.3.2-1 libs6-2.11=2.11.3.2-1 libskarnet2.13=2.13.1.1-1 libexecline2.9=2.9.3.0-1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --show "$package"
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
PATH=$work/root/usr/bin:$PATH
for tool in lckdo flock setlock chpst s6-setlock; do
    [ -x "root/usr/bin/$tool" ] || { echo "no $tool in the package" >&2; exit 77; }
done

# Prints which of the tools run a command while the first one holds the lock.
cat >try <<'TRY'
#!/bin/sh
holder=$1
for tool in 'flock -n' 'setlock -n' 'chpst -L' lckdo 's6-setlock -n'; do
    if $tool lock true 2>/dev/null; then
        echo "$holder and ${tool%% *}"
    fi
done
TRY
chmod +x try
for tool in 'flock -n' 'setlock -n' 'chpst -L' lckdo 's6-setlock -n'; do
    # shellcheck disable=SC2086 # A command and its option.
    $tool lock ./try "${tool%% *}"
done >seen
echo 'At the same time run:'
cat seen
diff - seen <<'TOLD'
flock and lckdo
flock and s6-setlock
setlock and lckdo
setlock and s6-setlock
chpst and lckdo
chpst and s6-setlock
lckdo and flock
lckdo and setlock
lckdo and chpst
s6-setlock and flock
s6-setlock and setlock
s6-setlock and chpst
TOLD
