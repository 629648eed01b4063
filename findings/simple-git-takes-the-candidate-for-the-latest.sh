#!/bin/sh
# GUESS     simple-git's tags() has the tags "sorted by semantic version number", and tags.latest is the "latest available tag", as its
#           readme has it for a script that updates a checkout. With v1.10.0 and the candidate before it, that is v1.10.0.
# HAPPENS   It is v1.10.0-rc.1: a candidate is put behind its release, as the one with more parts. It is latest until the next
#           version is tagged, so a deploy by it goes from the release back to the candidate. nightly-2026.11.30 is later than all of
#           them, for its 2026. v9 comes after v10, and where no tag has a dot latest is undefined. Who lets git sort instead,
#           by --sort=version:refname, gets the oldest: with a sort of one's own latest is the first. No word of any.
# VERSIONS  simple-git 4.0.2, semver 7.8.6 (npm), git of the machine
# SOURCE    simple-git's readme, tags and "Update repo and get a list of tags"; lib/responses/TagList.ts: what stands between dots
# NEEDS     node, npm, git. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . simple-git@4.0.2 semver@7.8.6 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
echo "simple-git 4.0.2, $(git --version)"

cat >latest.mjs <<'NODE'
import { execFileSync } from 'node:child_process';
import { simpleGit } from 'simple-git';
import semver from 'semver';

const git = (...words) => execFileSync('git', ['-C', 'checkout', '-c', 'user.name=a', '-c', 'user.email=a@b', ...words]);
for (const tags of [
  ['v1.8.1', 'v1.9.0', 'v1.10.0'],
  ['v1.9.0', 'v1.10.0-rc.1', 'v1.10.0'],
  ['v1.9.0', 'v1.10.0-rc.1', 'v1.10.0', 'v1.10.1'],
  ['v1.9.0', 'v1.10.0', 'nightly-2026.11.30'],
  ['v9', 'v10'],
]) {
  execFileSync('sh', ['-c', 'rm -rf checkout; git init -q checkout']);
  for (const tag of tags) {
    git('commit', '--quiet', '--allow-empty', '-m', tag);
    git('tag', tag);
  }
  const { all, latest } = await simpleGit('checkout').tags();
  const own = (await simpleGit('checkout').tags(['--sort=version:refname'])).latest;
  const best = tags.filter((tag) => semver.valid(tag)).sort(semver.compare).at(-1);
  console.log(`${tags.join(' ')}: ${all.join(' < ')}; latest ${latest}, by git's order ${own}, by semver's ${best ?? 'none'}`);
}
NODE
node latest.mjs >seen
cat seen
diff - seen <<'TOLD'
v1.8.1 v1.9.0 v1.10.0: v1.8.1 < v1.9.0 < v1.10.0; latest v1.10.0, by git's order v1.8.1, by semver's v1.10.0
v1.9.0 v1.10.0-rc.1 v1.10.0: v1.9.0 < v1.10.0 < v1.10.0-rc.1; latest v1.10.0-rc.1, by git's order v1.9.0, by semver's v1.10.0
v1.9.0 v1.10.0-rc.1 v1.10.0 v1.10.1: v1.9.0 < v1.10.0 < v1.10.0-rc.1 < v1.10.1; latest v1.10.1, by git's order v1.9.0, by semver's v1.10.1
v1.9.0 v1.10.0 nightly-2026.11.30: v1.9.0 < v1.10.0 < nightly-2026.11.30; latest nightly-2026.11.30, by git's order nightly-2026.11.30, by semver's v1.10.0
v9 v10: v10 < v9; latest undefined, by git's order v9, by semver's none
TOLD
