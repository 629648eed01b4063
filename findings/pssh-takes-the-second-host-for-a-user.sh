#!/bin/sh
# GUESS     A line `web03 web04` in a host file of parallel-ssh is two hosts, as it is with -H "web03 web04", or an error: the
#           manual knows [user@]host[:port] alone.
# HAPPENS   It is web03, as the user web04; web04 itself is left out. Only the error tells of that form, [user@]host[:port] [user],
#           and it comes with three on a line, which are all skipped: nobody was reached, and that is exit 0. A comma joins:
#           web05,web06 is one host of that name.
# VERSIONS  pssh 2.3.4 (Debian 12); a stand-in for ssh that prints how it was called
# SOURCE    psshlib/psshutil.py: parse_host_entry; parallel-ssh(1), -h and -H
# NEEDS     Debian 12's packages, python3. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in pssh python3-psshlib; do
    apt-get -qq -o APT::Sandbox::User=root download "$package=2.3.4-2" \
        || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
mkdir bin
printf '#!/bin/sh\necho "ssh $*" | sed "s/ -o [A-Za-z=_1]*//g"\n' >bin/ssh
chmod +x bin/ssh
PATH=$work/bin:$PATH
export PATH PYTHONPATH="$work/root/usr/lib/python3/dist-packages"

# Prints how ssh was called for each host.
calls() {
    status=0
    python3 root/usr/bin/parallel-ssh "$@" --inline uptime >said 2>errors || status=$?
    grep '^ssh' said || tail -n 1 errors
    echo "exit $status"
}
python3 root/usr/bin/parallel-ssh --version
{
    echo 'web03 web04' >pairs
    calls --hosts pairs
    calls --par 1 --host 'web03 web04'
    echo 'web03 web04 web05' >three
    calls --hosts three
    echo 'web05,web06' >comma
    calls --hosts comma
} >seen
cat seen
diff - seen <<'TOLD'
ssh -T web03 -l web04 uptime
exit 0
ssh -T web03 uptime
ssh -T web04 uptime
exit 0
Bad line: "web03 web04 web05". Format should be [user@]host[:port] [user]
exit 0
ssh -T web05,web06 uptime
exit 0
TOLD
