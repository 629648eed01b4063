#!/bin/sh
# GUESS     `git ftp push` sends what git says has changed since the commit that is out there, and notes the new one. FTP knows no
#           links, so of a link goes what it leads to. Whatever kind of change: when the log says that the deployment is at this
#           commit, the files are this commit's.
# HAPPENS   Added, modified and deleted it knows. Where a link became a file of its own (settings.php -> dev.php, for a real
#           settings.php) git calls the change one of type, T, and that is none of the three: the file is not sent, exit 0,
#           the commit is noted, and no later push sends it until it is edited once more. A file that becomes a link stays as
#           well, and a link to a folder is sent as an empty file of its name.
# VERSIONS  git-ftp 1.6.0 (Debian 12), pyftpdlib 2.2.0 (PyPI), git, curl
# SOURCE    git-ftp: git diff with --diff-filter=AM and D; git-diff(1), --diff-filter, T. Seen by running
# NEEDS     Debian 12's packages, git, curl, bash, python3 to 3.11 with pip. Serves on the loopback. Exits 0: as told; 1: it
#           behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
cd "$work"
for tool in bash curl git; do
    command -v "$tool" >/dev/null || { echo "no $tool here" >&2; exit 77; }
done
apt-get -qq -o APT::Sandbox::User=root download git-ftp=1.6.0+dfsg-1 || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract git-ftp_*.deb root
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib pyftpdlib==2.2.0 \
    || { echo "not to be installed here" >&2; exit 77; }
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null no_proxy=127.0.0.1
bash root/usr/bin/git-ftp --version

cat >serve.py <<'PYTHON'
import logging
import os

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

logging.disable(logging.CRITICAL)
FTPHandler.authorizer = DummyAuthorizer()
FTPHandler.authorizer.add_user("deploy", "of-no-matter", "there", perm="elradfmwMT")
server = FTPServer(("127.0.0.1", 0), FTPHandler)
with open("port.new", "w") as port:
    port.write(str(server.address[1]))
os.rename("port.new", "port")
server.serve_forever()
PYTHON
mkdir there
PYTHONPATH=lib python3 serve.py &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ -e port ] || sleep 0.5
done

git init --quiet --initial-branch=main site
# Commits what lies in the site, deploys it, and prints what is out there.
deploys() {
    git -C site add --all
    git -C site -c user.name=nobody -c user.email=nobody@example.org commit --quiet --message "$2"
    status=0
    (cd site && bash ../root/usr/bin/git-ftp "$1" --user deploy --passwd of-no-matter "ftp://127.0.0.1:$(cat ../port)/") \
        >words 2>&1 || status=$?
    noted=other
    [ "$(cat there/.git-ftp.log)" != "$(git -C site rev-parse HEAD)" ] || noted=this
    have=$(cd there && grep -H . -- *.php | paste -s -d " ")
    echo "$2: exit $status, $noted commit noted, $have, $(find there -size 0 -printf '%f empty')"
}
{
    echo dev >site/dev.php
    ln -s dev.php site/settings.php
    echo plain >site/plain.php
    mkdir site/v2
    echo page >site/v2/page.html
    ln -s v2 site/v
    deploys init 'the link'
    rm site/settings.php site/plain.php
    echo live >site/settings.php
    ln -s dev.php site/plain.php
    deploys push 'the file'
    echo other >site/dev.php
    deploys push 'another file'
    echo edited >site/settings.php
    deploys push 'the file, edited'
} >seen
cat seen
diff - seen <<'TOLD'
the link: exit 0, this commit noted, dev.php:dev plain.php:plain settings.php:dev, v empty
the file: exit 0, this commit noted, dev.php:dev plain.php:plain settings.php:dev, v empty
another file: exit 0, this commit noted, dev.php:other plain.php:plain settings.php:dev, v empty
the file, edited: exit 0, this commit noted, dev.php:other plain.php:plain settings.php:edited, v empty
TOLD
