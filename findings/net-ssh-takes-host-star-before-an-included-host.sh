#!/bin/sh
# GUESS     Of each option in an ssh configuration the first value that is found counts. So the hosts are kept in config.d, `Include
#           config.d/*` is the first line, and `Host *` with what is for the others stands last. Net::SSH, by which Capistrano
#           and Chef reach their hosts, reads ~/.ssh/config and knows Include.
# HAPPENS   Whatever stands before the first Host or Match, included files and all, counts as general, and a matching Host or Match
#           of the file itself goes before it: for web1, whose user and port are in config.d, they are those of `Host *`, and
#           `Match all` is no better. With the Include as the last line, or below `Match all`, they are web1's. A User that is
#           written before all hosts is overridden by theirs, and of two such the second counts; ssh takes the first.
# VERSIONS  net-ssh 7.0.1, ruby 3.1 (Debian 12), OpenSSH 9.2. The code of net-ssh 8.0.0 is the same.
# SOURCE    ssh_config(5), at its beginning; lib/net/ssh/config.rb: load, its globals
# NEEDS     Debian 12's packages, with what ruby3.1 depends on, ssh. Exits 0: as told; 1: it behaves otherwise; 77: cannot be
#           installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
ssh -V || { echo "no ssh here" >&2; exit 77; }
apt-get -qq -o APT::Sandbox::User=root download ruby-net-ssh=1:7.0.1-1 ruby3.1 libruby3.1 \
    || { echo "not to be installed here" >&2; exit 77; }
for package in *.deb; do dpkg-deb --extract "$package" root; done
dpkg-deb --show ruby-net-ssh_*.deb
libraries=root/usr/lib/$(uname -m)-linux-gnu
ruby() {
    LD_LIBRARY_PATH=$libraries root/usr/bin/ruby3.1 --disable-gems -Iroot/usr/lib/ruby/3.1.0 -I"$libraries/ruby/3.1.0" \
        -I"$(echo root/usr/share/rubygems-integration/all/gems/net-ssh-*/lib)" "$@"
}
ruby --version || { echo "no library for ruby here" >&2; exit 77; }

mkdir config.d
cat >config.d/site <<'SITE'
Host web1
  User deploy
  Port 2201
SITE
cat >last <<'LAST'
Host *
  User nobody
  Port 22
LAST
include="Include $work/config.d/*"
{ echo "$include"; cat last; } >include-first
{ echo "$include"; sed 's/^Host \*/Match all/' last; } >include-before-match
{ printf 'Match all\n%s\n' "$include"; cat last; } >include-in-match
cat config.d/site last >one-file
printf 'User first\nUser second\nPort 2200\n' | cat - config.d/site >general-first

for file in one-file include-first include-before-match include-in-match general-first; do
    printf '%s\n    ssh: %s\n    Net::SSH: ' "$file" "$(ssh -G -F "$file" web1 | sed -n 's/^\(user\|port\) //p' | paste -s -d ' ')"
    ruby -r net/ssh/config -e 'puts Net::SSH::Config.for("web1", [ARGV[0]]).values_at(:user, :port).join(" ")' "$file"
done >seen
cat seen
diff - seen <<'TOLD'
one-file
    ssh: deploy 2201
    Net::SSH: deploy 2201
include-first
    ssh: deploy 2201
    Net::SSH: nobody 22
include-before-match
    ssh: deploy 2201
    Net::SSH: nobody 22
include-in-match
    ssh: deploy 2201
    Net::SSH: deploy 2201
general-first
    ssh: first 2200
    Net::SSH: deploy 2201
TOLD
