#!/bin/sh
# GUESS     `URI.open(url).read` is the file or an exception: where the server says 1,000 bytes and hangs up after 400, Ruby knows as
#           well as curl does, and raises EOFError as it does in the midst of a stream in chunks.
# HAPPENS   400 bytes, status 200, no exception: Net::HTTP passes over the end of the connection where there is a Content-Length, and
#           with it all that is built on it, open-uri first. What is then unpacked, or run, is half a release. In chunks, which
#           tell no length beforehand, the same cut is an EOFError, so it is the server's way of sending that decides. PHP's
#           copy() says true, and file_get_contents gives the half, either way. Net::HTTP has had ignore_eof for it since Ruby 3.2,
#           which is true unless it is set otherwise. Perl's HTTP::Tiny notices both.
# VERSIONS  ruby 3.1, PHP 8.2 (Debian 12), HTTP::Tiny of perl 5.36
# SOURCE    RFC 9112, 8; Ruby bug 14972 and net-http pull request 15, which left the default as it was. Seen by running
# NEEDS     Debian 12's packages, with what ruby3.1 and php8.2-cli depend on, perl, python3. Serves on the loopback. Exits 0: as
#           told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download ruby3.1 libruby3.1 php8.2-cli \
    || { echo "not to be installed here" >&2; exit 77; }
for package in *.deb; do dpkg-deb --extract "$package" root; done
libraries=$work/root/usr/lib/$(uname -m)-linux-gnu
ruby() {
    LD_LIBRARY_PATH=$libraries root/usr/bin/ruby3.1 --disable-gems -Iroot/usr/lib/ruby/3.1.0 -I"$libraries/ruby/3.1.0" "$@"
}
php() { root/usr/bin/php8.2 -n "$@"; }
{ ruby --version && php --version | head -n 1; } || { echo "not to be run here" >&2; exit 77; }

# Serves 1,000 bytes, and hangs up after 400 of them.
cat >serve.py <<'PYTHON'
import http.server
import os


class Release(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        if self.path == "/length":
            self.send_header("Content-Length", "1000")
            self.end_headers()
        else:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3e8\r\n")
        self.wfile.write(b"." * 400)
        self.close_connection = True

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Release)
with open("port.new", "w") as port:
    port.write(str(server.server_port))
os.rename("port.new", "port")
server.serve_forever()
PYTHON
python3 serve.py &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ -e port ] || sleep 0.5
done
no_proxy=127.0.0.1
export no_proxy
for way in length chunks; do
    echo "$way"
    url=http://127.0.0.1:$(cat port)/$way
    # shellcheck disable=SC2016 # The words are Ruby's, PHP's and Perl's.
    {
        ruby -r open-uri -e 'begin
  file = URI.open(ARGV[0])
  puts "    open-uri: #{file.status[0]}, #{file.read.size}"
rescue StandardError => error
  puts "    open-uri: #{error.class}"
end' "$url"
        ruby -r net/http -e 'begin
  answer = Net::HTTP.get_response(URI(ARGV[0]))
  puts "    Net::HTTP: #{answer.code}, #{answer.body.size}"
rescue StandardError => error
  puts "    Net::HTTP: #{error.class}"
end' "$url"
        php -r 'echo "    PHP: ", var_export(copy($argv[1], "copied"), true), ", ", filesize("copied"), ", ",
    strlen(file_get_contents($argv[1])), "\n";' "$url"
        perl -MHTTP::Tiny -e 'my $answer = HTTP::Tiny->new->mirror($ARGV[0], "mirrored"); print "    HTTP::Tiny: $answer->{status}\n"' \
            "$url"
    }
done >seen
cat seen
diff - seen <<'TOLD'
length
    open-uri: 200, 400
    Net::HTTP: 200, 400
    PHP: true, 400, 400
    HTTP::Tiny: 599
chunks
    open-uri: EOFError
    Net::HTTP: EOFError
    PHP: true, 400, 400
    HTTP::Tiny: 599
TOLD
