#!/bin/sh
# GUESS     `dulwich archive` is git archive without git: where there is no git on the builder, the release is made with it. What a
#           library of git's formats may lack is attributes, export-ignore and export-subst, as pygit2 does.
# HAPPENS   It lacks those, and links: bin/tool -> tool-4 becomes a file of six bytes, tool-4, with mode 0000, that nobody but
#           root can read and nobody can run. The archive is whole, tar unpacks it, exit 0 everywhere. git's mode of a
#           link, 120000, has no bits for reading, and is taken for that of a file. What is executable stays so, and
#           pygit2's write_archive makes links of links.
# VERSIONS  dulwich 1.2.21, pygit2 1.21.0 (PyPI); git 2.47.3
# SOURCE    dulwich/archive.py: tar_stream. Seen by running
# NEEDS     git, tar, python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v git >/dev/null || { echo "no git here" >&2; exit 77; }
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib \
    dulwich==1.2.21 pygit2==1.21.0 || { echo "not to be installed here" >&2; exit 77; }
git --version

export HOME="$work" GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=dev GIT_AUTHOR_EMAIL=dev@example.org
export GIT_COMMITTER_NAME=dev GIT_COMMITTER_EMAIL=dev@example.org
git init --quiet --initial-branch main site
mkdir site/bin site/lib
printf '#!/bin/sh\necho tool 4\n' >site/bin/tool-4
chmod +x site/bin/tool-4
ln -s tool-4 site/bin/tool
ln -s ../share site/lib/data
git -C site add .
git -C site commit --quiet --message 'Begin'

git -C site archive --output ../git.tar HEAD
PYTHONPATH=lib python3 - <<'PYTHON'
import tarfile

import dulwich.porcelain
import pygit2

with open("dulwich.tar", "wb") as file:
    dulwich.porcelain.archive("site", "HEAD", outstream=file)
repository = pygit2.Repository("site")
with tarfile.open("pygit2.tar", "w") as archive:
    repository.write_archive(repository.head.target, archive)
PYTHON

for maker in git pygit2 dulwich; do
    mkdir "by-$maker"
    tar -xf "$maker.tar" -C "by-$maker"
    said=$("by-$maker/bin/tool" 2>/dev/null || echo "not to be run")
    echo "$maker: $said"
    # git's own archives let the group write.
    tar -tvf "$maker.tar" | awk '/tool|data/ { print "    " $1, $6, $7, $8 }' | sed 's/ *$//; s/rwxrwxr-x/rwxr-xr-x/'
done >seen
cat seen
diff - seen <<'TOLD'
git: tool 4
    lrwxrwxrwx bin/tool -> tool-4
    -rwxr-xr-x bin/tool-4
    lrwxrwxrwx lib/data -> ../share
pygit2: tool 4
    lrwxrwxrwx bin/tool -> tool-4
    -rwxr-xr-x bin/tool-4
    lrwxrwxrwx lib/data -> ../share
dulwich: not to be run
    ---------- bin/tool
    -rwxr-xr-x bin/tool-4
    ---------- lib/data
TOLD
