#!/bin/sh
# GUESS     A web server that serves /srv/tool/current tells each browser what changed: who asks again with the ETag that it has gets
#           304 for what is the same, and 200 with the new file for what is not. So it is for all files of a release.
# HAPPENS   nginx, Caddy and busybox make the ETag of the file's time and its length. Of releases whose times are all the same, as
#           SOURCE_DATE_EPOCH, `tar --mtime` and ostree make them, the length alone is left: version.js with 4.283.0 and with
#           4.983.0 are one file, 304, and the browser keeps the page of the release before. It is the file that tells the
#           version which it happens to, and what changed in a digit, a flag or a colour. Where a length differs all is well,
#           so a trial shows nothing, and curl without an ETag has the new file. lighttpd takes the inode in, and has 200.
# VERSIONS  nginx 1.22.1, Caddy 2.6.2, lighttpd 1.4.69, busybox 1.35.0 (Debian 12)
# SOURCE    seen by running; nginx' ngx_http_set_etag, Caddy's calculateEtag; RFC 9110, 8.8.1, on strong validators
# NEEDS     Debian 12's packages, curl. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
servers=
# shellcheck disable=SC2086 # They are numbers.
trap '[ -z "$servers" ] || kill $servers 2>/dev/null || :; rm -rf "$work"' EXIT
cd "$work"
for package in nginx=1.22.1-9+deb12u11 caddy=2.6.2-5 lighttpd=1.4.69-1 busybox-static=1:1.35.0-4+deb12u1+b1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --show "$package"
    dpkg-deb --extract "$package" root
done
if ldd root/usr/sbin/nginx root/usr/sbin/lighttpd | grep 'not found'; then
    echo "not to be run here" >&2
    exit 77
fi

mkdir temporary releases releases/1 releases/2
echo 'VERSION = "4.283.0"' >releases/1/version.js
echo 'VERSION = "4.983.0"' >releases/2/version.js
touch -d '2026-11-02 09:30' releases/*/version.js
ln -s releases/1 current
# Prints a port that nobody listens on.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
nginx=$(free_port)
{
    echo "daemon off; master_process off; pid $work/nginx.pid; events {}"
    echo "http { access_log off; server { listen 127.0.0.1:$nginx; root $work/current; }"
    for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $work/temporary/$kind;"; done
    echo '}'
} >nginx.conf
root/usr/sbin/nginx -p "$work" -c "$work/nginx.conf" -e "$work/nginx.log" &
servers="$servers $!"
caddy=$(free_port)
HOME=$work root/usr/bin/caddy file-server --root "$work/current" --listen "127.0.0.1:$caddy" >caddy.log 2>&1 &
servers="$servers $!"
busybox=$(free_port)
root/bin/busybox httpd -f -p "127.0.0.1:$busybox" -h "$work/current" &
servers="$servers $!"
lighttpd=$(free_port)
{
    printf 'server.document-root = "%s/current"\nserver.port = %s\nserver.bind = "127.0.0.1"\n' "$work" "$lighttpd"
    printf 'mimetype.assign = ( ".js" => "text/javascript" )\n'
} >lighttpd.conf
root/usr/sbin/lighttpd -D -f lighttpd.conf -m root/usr/lib/lighttpd >lighttpd.log 2>&1 &
servers="$servers $!"
sleep 3

# Asks a server as a browser does that was there before, and prints what it says and what the browser has then.
ask() {
    code=$(curl -s -o "$1.new" -w '%{http_code}' --etag-save "$1.etag" --etag-compare "$1.etag" \
        "http://127.0.0.1:$2/version.js")
    if [ "$code" = 200 ]; then mv "$1.new" "$1.js"; fi
    echo "$1, $(readlink current): $code, $(cat "$1.js")"
}
all() {
    ask nginx "$nginx"
    ask caddy "$caddy"
    ask busybox "$busybox"
    ask lighttpd "$lighttpd"
}
{
    all
    ln -sfn releases/2 current
    sleep 4 # lighttpd looks again after two seconds.
    all
} >seen
cat seen
diff - seen <<'TOLD'
nginx, releases/1: 200, VERSION = "4.283.0"
caddy, releases/1: 200, VERSION = "4.283.0"
busybox, releases/1: 200, VERSION = "4.283.0"
lighttpd, releases/1: 200, VERSION = "4.283.0"
nginx, releases/2: 304, VERSION = "4.283.0"
caddy, releases/2: 304, VERSION = "4.283.0"
busybox, releases/2: 304, VERSION = "4.283.0"
lighttpd, releases/2: 200, VERSION = "4.983.0"
TOLD
