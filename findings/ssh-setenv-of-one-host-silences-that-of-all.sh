#!/bin/sh
# GUESS     SetEnv and SendEnv, introduced as alike, are alike: what Host * sends, every host gets, and a host's own lines add
#           to it. The two lists hold different names, so there is nothing of which only the first could count.
# HAPPENS   SendEnv adds up over all blocks. Of SetEnv the first line that matches is all there is: one SetEnv for web01, and
#           the site's whole list does not reach web01, while web02 has it. The same inside one block, and of two -o SetEnv.
#           Silent everywhere; ssh -G tells, for whoever counts. IdentityFile, CertificateFile and LocalForward add up too.
# VERSIONS  OpenSSH 9.2p1 (Debian 12)
# SOURCE    ssh_config(5): SetEnv tells nothing of it, SendEnv does ("spread across"); seen by ssh -G
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download openssh-client=1:9.2p1-2+deb12u10 \
    || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract openssh-client_*.deb root
ssh=$work/root/usr/bin/ssh
"$ssh" -V 2>&1

cat >config <<'CONFIG'
Host web01
    SetEnv ROLE=canary
    SendEnv EDITOR
Host *
    SetEnv SITE=eqiad RELEASE_USER=scap
    SetEnv TIER=web
    SendEnv LANG
CONFIG

# Prints what would be sent to a host.
sends() {
    "$ssh" -F config "$@" -G "$host" </dev/null 2>/dev/null | grep -E '^(setenv|sendenv) ' | sort | paste -s -d ,
}
for host in web01 web02; do
    echo "$host: $(sends)"
done >seen
host=web02
echo "web02, two on the command line: $(sends -o SetEnv=A=1 -o SetEnv=B=2)" >>seen
cat seen
diff - seen <<'TOLD'
web01: sendenv EDITOR,sendenv LANG,setenv ROLE=canary
web02: sendenv LANG,setenv RELEASE_USER=scap,setenv SITE=eqiad
web02, two on the command line: sendenv LANG,setenv A=1
TOLD
