#!/bin/sh
# GUESS     A feature that was reverted, and brought back by reverting the revert, is released: semantic-release's analyzer makes a patch of
#           a revert, by a rule of its own, and leaves out a feature only if what undoes it is in the release as well.
# HAPPENS   There is no release, and what is brought back stays at home till another commit comes. Since 2.43, git calls the revert
#           of a revert `Reapply "feat: ..."`, and the pattern of either preset knows Revert alone: such a commit is of no type.
#           If all three are new, the revert takes the feature away and nobody takes away the revert, so the feature is in the
#           tree and in no release; revert and reapply alone are a patch, of nothing. With git's name of before, Revert
#           "Revert ...", all is counted right, so one history is a minor release or none by whose git wrote it.
# VERSIONS  @semantic-release/commit-analyzer 13.0.1, conventional-changelog-angular 8.3.1, conventional-changelog-conventionalcommits
#           9.3.1, whose pattern begins the same (npm); git 2.43 and newer
# SOURCE    git-revert(1): the subject begins with "Reapply"; src/parser.js of either preset: revertPattern
# NEEDS     git of 2.43 or newer, node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
git init --quiet --initial-branch=main tool
cd tool
git config user.name nobody
git config user.email nobody@example.org
git commit --quiet --allow-empty --message 'feat: the tool'
echo fast >mode
git add mode
git commit --quiet --message 'feat: be fast'
git revert --no-edit HEAD >/dev/null
git revert --no-edit HEAD >/dev/null
git log -1 --format=%s | grep -q '^Reapply ' || { echo "a git of before 2.43 here" >&2; exit 77; }
cd ..
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @semantic-release/commit-analyzer@13.0.1 \
    conventional-changelog-angular@8.3.1 conventional-changelog-conventionalcommits@9.3.1 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
git --version
echo "@semantic-release/commit-analyzer 13.0.1"

cat >analyze.mjs <<'NODE'
import { execFileSync } from 'node:child_process';
import { analyzeCommits } from '@semantic-release/commit-analyzer';

const git = (...words) => execFileSync('git', ['-C', 'tool', ...words], { encoding: 'utf8' });
const logger = { log() {}, error() {} };
// What a release of the commits between is, by either preset, and what differs in them.
const told = async (name, from, to, altered = (message) => message) => {
  const commits = git('log', '-z', '--format=%H%n%B', `${from}..${to}`)
    .split('\0')
    .map((entry) => ({ hash: entry.slice(0, 40), message: altered(entry.slice(41)) }));
  const releases = await Promise.all(
    ['angular', 'conventionalcommits'].map((preset) => analyzeCommits({ preset }, { cwd: process.cwd(), commits, logger })),
  );
  const differs = git('diff', '--name-status', from, to).trim().replace('\t', ' ') || 'nothing';
  console.log(`${name}: ${releases.map((release) => release ?? 'none').join(', ')}; differs: ${differs}`);
};
const before = (message) => message.replace(/^Reapply (.*)/, 'Revert "Revert $1"');
await told('feature', 'HEAD~3', 'HEAD~2');
await told('revert', 'HEAD~2', 'HEAD~1');
await told('reapply', 'HEAD~1', 'HEAD');
await told('revert, reapply', 'HEAD~2', 'HEAD');
await told('feature, revert, reapply', 'HEAD~3', 'HEAD');
await told('reapply, as git wrote it before', 'HEAD~1', 'HEAD', before);
await told('feature, revert, reapply, as git wrote it before', 'HEAD~3', 'HEAD', before);
NODE
node analyze.mjs >seen
cat seen
diff - seen <<'TOLD'
feature: minor, minor; differs: A mode
revert: patch, patch; differs: D mode
reapply: none, none; differs: A mode
revert, reapply: patch, patch; differs: nothing
feature, revert, reapply: none, none; differs: A mode
reapply, as git wrote it before: patch, patch; differs: A mode
feature, revert, reapply, as git wrote it before: minor, minor; differs: A mode
TOLD
