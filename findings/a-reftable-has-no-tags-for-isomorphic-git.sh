#!/bin/sh
# GUESS     A library that does not know reftable refuses such a repository: it has format version 1 and names an extension
#           that is unknown there, and git's layout says what is to be done then. pygit2 does refuse.
# HAPPENS   isomorphic-git looks at neither: the repository is one without any tag or branch, on a branch named .invalid (the
#           words that git leaves for readers of old), and its committed, clean file is new and staged. All of it exits 0,
#           so "is there a newer tag?" is answered no. GitPython's `tags` are none too, and what its `create_tag` makes, git
#           knows and GitPython does not. dulwich reads it all. A clone is silently such a repository where
#           init.defaultRefFormat says so, and git 3 means to make it the default.
# VERSIONS  isomorphic-git 1.44.19 (npm); GitPython 3.2.1, dulwich 1.2.21, pygit2 1.21.0 (PyPI); git 2.47.3
# SOURCE    gitrepository-layout(5), version 1; git's BreakingChanges
# NEEDS     git from 2.45 on, node, npm, python3 with pip. Exits 0: as told; 1: it behaves otherwise; 77: cannot be
#           installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
git init --quiet --ref-format=reftable --initial-branch=main tool 2>/dev/null \
    || { echo "git knows no reftable here" >&2; exit 77; }
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" isomorphic-git@1.44.19 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib \
    GitPython==3.2.1 dulwich==1.2.21 pygit2==1.21.0 || { echo "not to be installed here" >&2; exit 77; }

echo 'the tool' >tool/file
git -C tool add file
git -C tool -c user.name=nobody -c user.email=nobody@example.org commit --quiet --message 'The tool'
git -C tool tag 1.0.0
git -C tool tag 1.1.0
git --version
echo "git: $(git -C tool tag | paste -s -d ,) on $(git -C tool branch --show-current), $(git -C tool status --short | wc -l) changes"

node - >seen <<'NODE'
const git = require('isomorphic-git');
const fs = require('fs');
const dir = 'tool';
(async () => {
  const tags = await git.listTags({ fs, dir });
  const branches = await git.listBranches({ fs, dir });
  const current = await git.currentBranch({ fs, dir });
  const [[name, head, folder, stage]] = await git.statusMatrix({ fs, dir });
  console.log(`isomorphic-git: ${tags.length} tags, ${branches.length} branches, on ${current}; ${name} ${head}${folder}${stage}`);
})();
NODE
PYTHONPATH=lib python3 - >>seen <<'PYTHON'
import dulwich.porcelain
import git
import pygit2

repository = git.Repo("tool")
print("GitPython:", [tag.name for tag in repository.tags])
try:
    repository.create_tag("1.2.0").commit
except ValueError as error:
    print("GitPython, of the tag it made:", error)
print("dulwich:", [tag.decode() for tag in dulwich.porcelain.tag_list("tool")])
try:
    pygit2.Repository("tool")
except pygit2.GitError as error:
    print("pygit2:", error)
PYTHON
cat seen
diff - seen <<'TOLD'
isomorphic-git: 0 tags, 0 branches, on .invalid; file 022
GitPython: []
GitPython, of the tag it made: Reference at 'refs/tags/1.2.0' does not exist
dulwich: ['1.0.0', '1.1.0', '1.2.0']
pygit2: tool: unsupported extension name extensions.refstorage
TOLD
