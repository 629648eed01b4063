#!/bin/sh
# GUESS     `cap production deploy:rollback` goes to the release before the one that is live. Releases are folders that are named by
#           the time they were made at, current says which is live, and cleanup, beside it, does go by these names.
# HAPPENS   It goes to the second of `ls -t`: what counts is when something was last put into a folder or taken out of it. A worker
#           of the release before, not yet ended, writes its nohup.out there, and the order is 2, 3, 1: Capistrano rolls back to
#           3, which is live and broken, and then, as tidying up after what was rolled back from, packs and removes 2, the
#           good one. Exit 0, and the log of revisions says "rolled back to". A look at release 1 by an editor, which puts a
#           swap file beside the file for a moment, is enough to lose 1 and stay. ROLLBACK_RELEASE=2 goes to 2, and 1 is
#           removed all the same.
# VERSIONS  Capistrano 3.17.2, SSHKit 1.21.2, ruby 3.1 (Debian 12)
# SOURCE    lib/capistrano/tasks/deploy.rake: rollback_release_path and cleanup_rollback, ls -xt; cleanup, ls -x. Seen by running
# NEEDS     Debian 12's packages, with what ruby3.1 depends on, git. Exits 0: as told; 1: it behaves otherwise; 77: cannot be
#           installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v git >/dev/null || { echo "no git here" >&2; exit 77; }
apt-get -qq -o APT::Sandbox::User=root download capistrano=3.17.2-1 ruby-sshkit=1.21.2-1 ruby-airbrussh ruby-net-ssh ruby-net-scp \
    rake ruby-i18n ruby-concurrent ruby3.1 libruby3.1 || { echo "not to be installed here" >&2; exit 77; }
for package in *.deb; do dpkg-deb --extract "$package" root; done
dpkg-deb --show capistrano_*.deb
libraries=$work/root/usr/lib/$(uname -m)-linux-gnu
path=$work/root/usr/lib/ruby/3.1.0:$libraries/ruby/3.1.0:$work/root/usr/lib/ruby/vendor_ruby
for gem in root/usr/share/rubygems-integration/all/gems/*/lib root/usr/share/rubygems-integration/all/gems/*/lib/concurrent-ruby; do
    path=$path:$work/$gem
done
LD_LIBRARY_PATH=$libraries RUBYLIB=$path root/usr/bin/ruby3.1 --disable-gems --version \
    || { echo "no library for ruby here" >&2; exit 77; }

git init --quiet --initial-branch=main tool
for release in 1 2 3; do
    echo "$release" >tool/version
    git -C tool add .
    git -C tool -c user.name=nobody -c user.email=nobody@example.org commit --quiet --message "$release"
    git -C tool tag "$release"
done
mkdir -p site/config/deploy
cat >site/Capfile <<'CAPFILE'
require 'capistrano/setup'
require 'capistrano/deploy'
require 'capistrano/scm/git'
install_plugin Capistrano::SCM::Git
CAPFILE
# The commands are run here, by Capistrano's own backend for that.
cat >site/config/deploy.rb <<DEPLOY
set :application, 'tool'
set :repo_url, '$work/tool'
set :branch, ENV['BRANCH']
set :deploy_to, '$work/srv'
set :tmp_dir, '$work'
set :format, :pretty
set :log_level, :info
set :sshkit_backend, SSHKit::Backend::Local
DEPLOY
echo "server 'web1', roles: %w[app]" >site/config/deploy/production.rb

cap() {
    (cd site && { [ -n "${ROLLBACK_RELEASE:-}" ] || unset ROLLBACK_RELEASE; }
        BRANCH=$1 LD_LIBRARY_PATH=$libraries RUBYLIB=$path ../root/usr/bin/ruby3.1 --disable-gems ../root/usr/bin/cap production "$2") \
        >>log 2>&1
}
for release in 1 2 3; do
    cap "$release" deploy || { tail -n 5 log; exit 1; }
    sleep 1
done
cp -a srv deployed

# Puts something into the folder of the release given, if any, rolls back, to the release named second, if any, and prints
# what is live and which releases are left.
rolls_back() {
    rm -rf srv
    cp -a deployed srv
    case $1 in
    [12]) echo 'a line of an old worker' >"$(grep -lx "$1" srv/releases/*/version | xargs dirname)/nohup.out" ;;
    esac
    status=0
    named=${2:+$(basename "$(grep -lx "$2" srv/releases/*/version | xargs dirname)")}
    ROLLBACK_RELEASE=$named cap main deploy:rollback || status=$?
    left=$(cat srv/releases/*/version | paste -s -d ' ')
    echo "$1 written to${2:+, $2 named}: exit $status, live $(cat srv/current/version), left $left"
}
{
    echo "deployed: live $(cat srv/current/version), left $(cat srv/releases/*/version | paste -s -d ' ')"
    for release in none 2 1; do
        rolls_back "$release"
    done
    rolls_back 1 2
} >seen
cat seen
diff - seen <<'TOLD'
deployed: live 3, left 1 2 3
none written to: exit 0, live 2, left 1 2
2 written to: exit 0, live 3, left 1 3
1 written to: exit 0, live 3, left 2 3
1 written to, 2 named: exit 0, live 2, left 2 3
TOLD
