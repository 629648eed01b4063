#!/bin/sh
# GUESS     A host that is disabled in Apache's balancer-manager, so that it gets a new release in peace, gets no requests until it is
#           enabled again, or until Apache is restarted. A reload is no restart: it finishes what is under way, and goes on.
#           Who has "BalancerPersist On" in the configuration of the server is safe from both.
# HAPPENS   A graceful reload enables it: what the manager holds is made anew from the configuration. And Debian's package reloads
#           each night, after logrotate has put the log aside, as does the renewal of a certificate by its hook, and each
#           deploy of another site of that server. So a host that is out from the evening on gets requests from midnight on, in
#           the middle of its install or with what was wrong with it, and no log tells of it. BalancerPersist for the server
#           holds for none of its virtual hosts, and is accepted with no word; inside of the virtual host it does what it says.
# VERSIONS  Apache 2.4.71 (Debian 12)
# SOURCE    Apache's docs, mod_proxy: BalancerPersist, context "server config, virtual host"; Debian's /etc/logrotate.d/apache2 and
#           apache2.service, whose reload is apachectl graceful
# NEEDS     Debian 12's packages, python3, curl. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
running=
# shellcheck disable=SC2086 # They are numbers.
trap '[ -z "$running" ] || { kill $running && wait; } 2>/dev/null || :; rm -rf "$work"' EXIT
cd "$work"
for package in apache2=2.4.71-1~deb12u1 apache2-bin=2.4.71-1~deb12u1 libapr1 libaprutil1 libnghttp2-14 libjansson4 liblua5.3-0 \
    libbrotli1 libcurl4 libxml2; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
LD_LIBRARY_PATH=$(find "$work/root" -name 'lib*.so.*' -exec dirname {} + | sort -u | paste -s -d :)
export LD_LIBRARY_PATH
root/usr/sbin/apache2 -v || { echo "not to be run here" >&2; exit 77; }
grep -E 'daily|reload' root/etc/logrotate.d/apache2

cat >host.py <<'PYTHON'
import http.server
import sys


class Host(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{sys.argv[1]}\n".encode())

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host)
with open(sys.argv[1], "w", encoding="ascii") as port:
    port.write(str(server.server_port))
server.serve_forever()
PYTHON
for host in web1 web2; do
    python3 host.py "$host" &
    running="$running $!"
done
sleep 2
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
{
    printf 'ServerName localhost\nListen 127.0.0.1:%s\nPidFile %s/pid\nErrorLog %s/log\n' "$port" "$work" "$work"
    echo "DefaultRuntimeDir $work"
    [ "$(id -u)" != 0 ] || printf 'User www-data\nGroup www-data\n'
    for module in mpm_event authz_core proxy proxy_http slotmem_shm proxy_balancer lbmethod_byrequests; do
        echo "LoadModule ${module}_module $work/root/usr/lib/apache2/modules/mod_$module.so"
    done
    printf '<VirtualHost *>\n<Proxy balancer://fleet>\nBalancerMember http://127.0.0.1:%s\nBalancerMember http://127.0.0.1:%s\n</Proxy>\n' \
        "$(cat web1)" "$(cat web2)"
    printf '<Location /manager>\nSetHandler balancer-manager\n</Location>\nProxyPass /manager !\nProxyPass / balancer://fleet/\n</VirtualHost>\n'
} >conf
url=http://127.0.0.1:$port
# Prints how many of six requests each host has got.
ask() {
    for _ in 1 2 3 4 5 6; do
        curl --silent "$url/"
    done | sort | uniq -c | awk -v when="$1" '{ printf "%s%s %d", NR == 1 ? when ": " : ", ", $2, $1 } END { print "" }'
}
for persist in off server host; do
    case $persist in
        off) cp conf "conf.$persist" ;;
        server) { echo 'BalancerPersist On'; cat conf; } >"conf.$persist" ;;
        host) sed 's/^<VirtualHost.*/&\nBalancerPersist On/' conf >"conf.$persist" ;;
    esac
    root/usr/sbin/apache2 -DFOREGROUND -d "$work" -f "$work/conf.$persist" &
    apache=$!
    running="$running $apache"
    sleep 3
    ask "BalancerPersist, $persist: begun"
    nonce=$(curl --silent "$url/manager" | grep -o 'nonce=[0-9a-f-]*' | head -n 1)
    curl --silent --output /dev/null --referer "$url/manager" \
        --data "b=fleet&w=http://127.0.0.1:$(cat web2)&w_status_D=1&$nonce" "$url/manager"
    ask "BalancerPersist, $persist: web2 disabled"
    kill -USR1 "$apache"
    sleep 3
    ask "BalancerPersist, $persist: reloaded"
    kill "$apache"
    wait "$apache" || :
done >seen
cat seen
diff - seen <<'TOLD'
BalancerPersist, off: begun: web1 3, web2 3
BalancerPersist, off: web2 disabled: web1 6
BalancerPersist, off: reloaded: web1 3, web2 3
BalancerPersist, server: begun: web1 3, web2 3
BalancerPersist, server: web2 disabled: web1 6
BalancerPersist, server: reloaded: web1 3, web2 3
BalancerPersist, host: begun: web1 3, web2 3
BalancerPersist, host: web2 disabled: web1 6
BalancerPersist, host: reloaded: web1 6
TOLD
