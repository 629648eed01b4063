#!/bin/sh
# GUESS     "post-deploy": "npm ci && echo \"installed\" && pm2 reload all" is a JSON string like any other, and what it says is run on
#           the host once the release is there: the deployment section of pm2's ecosystem file is read by pm2's own tool.
# HAPPENS   The hook ends at its first double quote: npm ci runs, then an echo of nothing, and no reload ever. "successfully
#           deployed", exit 0, and the tool of before runs on. pm2-deploy looks for values in its configuration by a pattern, up
#           to the next quote, escaped or not. Single quotes are no better: the configuration is handed on in such, so they
#           vanish, and touch 'a b' makes two files. Only the line "executing post-deploy" shows what is left of it. A
#           script in the repository, run by a hook without quotes, is run whole.
# VERSIONS  pm2-deploy 1.0.2 (npm), which pm2 has its deploy by
# SOURCE    pm2-deploy: deploy, config_get; deploy.js, spawn: echo '%j'. Seen by running
# NEEDS     node, npm, git, bash. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v bash git >/dev/null || { echo "no bash or git here" >&2; exit 77; }
npm install --silent --no-audit --no-fund --prefix . pm2-deploy@1.0.2 || { echo "not to be installed here" >&2; exit 77; }
echo "pm2-deploy 1.0.2"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null USER=find-$$

git init --quiet --initial-branch=main tool
echo '1' >tool/version
git -C tool add .
git -C tool -c user.name=nobody -c user.email=nobody@example.org commit --quiet --message 'The tool'
git clone --quiet tool desk
cat >deploy.js <<'JS'
const { deployForEnv } = require('pm2-deploy');

const work = __dirname;
const [hook, ...words] = process.argv.slice(2);
process.chdir('desk');
// The host localhost is worked on without ssh.
const live = { host: 'localhost', repo: `${work}/tool`, path: `${work}/srv`, ref: 'origin/main', 'post-deploy': hook };
deployForEnv({ live }, 'live', words, error => process.exit(error ? 1 : 0));
JS
# The tool's own log, beside those of others.
log=/tmp/pm2-deploy-$USER.log
trap 'rm -rf "$work" "$log"' EXIT
node deploy.js true setup >words 2>&1 || { cat words; exit 1; }

# Deploys with a hook and prints what has come of it.
deploys() {
    rm -rf made
    mkdir made
    status=0
    node deploy.js "$1" >words 2>&1 || status=$?
    made=$(find made -type f | sed 's|made/||' | sort | paste -s -d ,)
    echo "$1: exit $status, $(grep -o 'successfully deployed' words), made: $made" | sed "s|$work/||g"
}
{
    deploys "touch $work/made/installed && echo installed && touch $work/made/reloaded"
    deploys "touch $work/made/installed && echo \"installed\" && touch $work/made/reloaded"
    deploys "cd $work/made && touch 'a b'"
} >seen
cat seen
diff - seen <<'TOLD'
touch made/installed && echo installed && touch made/reloaded: exit 0, successfully deployed, made: installed,reloaded
touch made/installed && echo "installed" && touch made/reloaded: exit 0, successfully deployed, made: installed
cd made && touch 'a b': exit 0, successfully deployed, made: a,b
TOLD
