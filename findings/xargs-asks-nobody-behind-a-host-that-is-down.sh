#!/bin/sh
# GUESS     `xargs -P 8 -I{} ssh {} deploy <hosts` goes to each host, and says at the end, by 123, that some have failed. A host that is
#           down is one of those.
# HAPPENS   ssh ends with 255 where it does not get through, and of 255 xargs makes another thing: it starts nothing more, "exited with
#           status 255; aborting", and ends with 124. The hosts behind the one that is down are not asked, none of them said,
#           and which these are depends on how fast it was found out. A command over there that ends by a signal does the same,
#           as ssh ends with 255 for it. Any other failure is 123, with all hosts done. busybox's does as GNU's, toybox's goes on
#           to the last. `|| exit 1` behind ssh, in an sh -c, is what lets it go on.
# VERSIONS  GNU findutils 4.9.0, busybox 1.35.0, toybox 0.8.9, OpenSSH 9.2p1 (Debian 12)
# SOURCE    xargs(1): "exits with a status of 255, xargs will stop immediately"; ssh(1): 255 "if an error occurred". Each page has its
#           half. Seen by running, with a port on loopback that nobody listens at
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in findutils=4.9.0-4 busybox-static=1:1.35.0-4+deb12u1+b1 toybox=0.8.9+dfsg-1 openssh-client=1:9.2p1-2+deb12u10; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --show "$package"
    dpkg-deb --extract "$package" "${package%%_*}"
done
if ldd findutils/usr/bin/xargs toybox/bin/toybox openssh-client/usr/bin/ssh | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi

# Deploys to a host: to web02, which is down, by the real ssh, and else as the file says how hosts end.
cat >deploy <<DEPLOY
#!/bin/sh
echo "\$1" >>$work/asked
[ "\$1" = web02 ] || exit 0
[ "\$(cat $work/how)" = down ] || exit 1
exec $work/openssh-client/usr/bin/ssh -F none -o BatchMode=yes -p 1 nobody@127.0.0.1 deploy
DEPLOY
cat >guarded <<GUARDED
#!/bin/sh
$work/deploy "\$1" || exit 1
GUARDED
chmod +x deploy guarded
printf '%s\n' web01 web02 web03 web04 >hosts

# Has an xargs go through the hosts, and prints its status, and whom it asked.
goes() {
    name=$1
    shift
    echo "$1" >how
    shift
    rm -f asked
    status=0
    "$@" <hosts 2>words || status=$?
    echo "$name, web02 $(cat how): exit $status, asked $(paste -s -d ' ' asked)"
}
{
    goes 'GNU' failing findutils/usr/bin/xargs -n 1 ./deploy
    goes 'GNU' down findutils/usr/bin/xargs -n 1 ./deploy
    goes 'GNU with || exit 1' down findutils/usr/bin/xargs -n 1 ./guarded
    goes 'busybox' failing busybox-static/bin/busybox xargs -n 1 ./deploy
    goes 'busybox' down busybox-static/bin/busybox xargs -n 1 ./deploy
    goes 'toybox' down toybox/bin/toybox xargs -n 1 ./deploy
    # Eight at a time: those that are there go on to their end, and of the many that wait none is asked.
    seq -f 'web%03g' 1 200 >hosts
    printf '%s\n' '#!/bin/sh' 'sleep 0.3' "exec $work/deploy \"\$1\"" >slow
    sed -i 's/web02/web002/' deploy
    chmod +x slow
    echo down >how
    rm -f asked
    status=0
    findutils/usr/bin/xargs -P 8 -I '{}' ./slow '{}' <hosts 2>words || status=$?
    sleep 1
    echo "GNU -P 8, one of 200 down: exit $status, more than 150 not asked: $([ "$(wc -l <asked)" -lt 50 ] && echo yes || echo no)"
} >seen
cat seen
diff - seen <<'TOLD'
GNU, web02 failing: exit 123, asked web01 web02 web03 web04
GNU, web02 down: exit 124, asked web01 web02
GNU with || exit 1, web02 down: exit 123, asked web01 web02 web03 web04
busybox, web02 failing: exit 123, asked web01 web02 web03 web04
busybox, web02 down: exit 124, asked web01 web02
toybox, web02 down: exit 124, asked web01 web02 web03 web04
GNU -P 8, one of 200 down: exit 124, more than 150 not asked: yes
TOLD
