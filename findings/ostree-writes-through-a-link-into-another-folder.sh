#!/bin/sh
# GUESS     `ostree checkout --union` lays one commit over another that is checked out: "keep existing directories and unchanged
#           files, overwrite existing files". Where a commit had a link and the next has a folder, it makes the folder, or it says
#           that it cannot, as it does the other way round.
# HAPPENS   It takes the link for a folder that exists, goes in, and writes there: with settings -> conf.d before and a real folder
#           settings now, settings/main lands on conf.d/main, over the site's own file of that name, exit 0, and settings is a
#           link still. Each file that the commit has there is where it has none, and conf.d is what neither commit has. By
#           the names it may be the other way round: conf -> conf.d comes first in the alphabet, and what was written
#           through it is written over again by the commit's own conf.d/main, so the new conf/main is nowhere. --union-add
#           goes through the link as well, and adds there. A folder that became a link is an error each time.
# VERSIONS  ostree 2022.7 (Debian 12)
# SOURCE    ostree-checkout(1), --union. Seen by running
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in ostree=2022.7-2+deb12u1 libostree-1-1=2022.7-2+deb12u1 libarchive13=3.6.2-1+deb12u5 libgpgme11=1.18.0-3+deb12u1 \
    libavahi-client3=0.8-10+deb12u1 libavahi-common3=0.8-10+deb12u1 libavahi-glib1=0.8-10+deb12u1 \
    libglib2.0-0=2.74.6-2+deb12u9 libcurl3-gnutls=7.88.1-10+deb12u15 libfuse3-3=3.14.0-4; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
dpkg-deb --show ostree_*.deb
for package in *.deb; do dpkg-deb --extract "$package" root; done
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
PATH=$work/root/usr/bin:$PATH
if ldd root/usr/bin/ostree | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi

mkdir -p 1/conf.d 2/conf.d 2/settings
echo 'of the site' | tee 1/conf.d/main >2/conf.d/main
ln -s conf.d 1/settings
echo 'of the tool' >2/settings/main
echo 'new' >2/settings/more
ostree --repo=repository init --mode=bare-user
for version in 1 2; do
    ostree --repo=repository commit --branch="release/$version" --tree=dir="$version" --subject="$version" >/dev/null
done
# Checks one release out over another, and prints what is there then.
over() {
    rm -rf there
    ostree --repo=repository checkout --user-mode "release/$2" there
    status=0
    ostree --repo=repository checkout --user-mode "$3" "release/$1" there 2>words || status=$?
    echo "$1 over $2, $3: exit $status"
    (cd there && find . -name settings -printf '    settings is %y %l\n' && grep -r . conf.d | sort | sed 's/^/    /')
}
{
    over 2 1 --union
    over 2 1 --union-add
    over 1 2 --union
} >seen
cat seen words
diff - seen <<'TOLD'
2 over 1, --union: exit 0
    settings is l conf.d
    conf.d/main:of the tool
    conf.d/more:new
2 over 1, --union-add: exit 0
    settings is l conf.d
    conf.d/main:of the site
    conf.d/more:new
1 over 2, --union: exit 1
    settings is d 
    conf.d/main:of the site
TOLD
