#!/bin/sh
# GUESS     envsub is "envsubst for Node.js": ${PASSWORD} in a template becomes what the variable PASSWORD holds.
# HAPPENS   Where the value has a dollar, it can become something else: of sa$$lt one dollar is gone, a$&b has the placeholder itself
#           in its middle, and for $' all that follows in the file is put into the value, so that the next line is there twice.
#           Exit 0, and no word: the value goes to JavaScript's replace(), which reads patterns in it. Of the passwords that were
#           made for a fleet a few have such a pair, and those hosts are refused. @tuplo/envsubst, of npm too, does the same;
#           gettext's envsubst writes what it is given.
# VERSIONS  envsub 4.1.0, @tuplo/envsubst 1.15.2 (npm), gettext 0.21 (Debian 12)
# SOURCE    envsub/js/envsub-parser.js: contents.replace(match, envVarValue); its README tells of no such sign
# NEEDS     Debian 12's packages, node 18 or newer, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download gettext-base=0.21-12 || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract gettext-base_*.deb root
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" envsub@4.1.0 @tuplo/envsubst@1.15.2 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }

# shellcheck disable=SC2016 # It is a template.
printf 'password=${PASSWORD}\nhost=db01\n' >template
cat >tuplo.cjs <<'JS'
const { readFileSync } = require("node:fs");
const substitute = require("@tuplo/envsubst").default;

process.stdout.write(substitute(readFileSync("template", "utf8")));
JS
# Prints a file on one line.
on_one_line() {
    paste -s -d '|' "$1"
}
# shellcheck disable=SC2016 # That is what is asked about.
for PASSWORD in 'salt' 'sa$lt' 'sa$$lt' 'a$&b' "a\$'b"; do
    export PASSWORD
    echo "$PASSWORD"
    node_modules/.bin/envsub template output >words
    echo "  envsub:   $(on_one_line output)"
    node tuplo.cjs >output
    echo "  @tuplo:   $(on_one_line output)"
    root/usr/bin/envsubst <template >output
    echo "  envsubst: $(on_one_line output)"
done >seen
cat seen
diff - seen <<'TOLD'
salt
  envsub:   password=salt|host=db01
  @tuplo:   password=salt|host=db01
  envsubst: password=salt|host=db01
sa$lt
  envsub:   password=sa$lt|host=db01
  @tuplo:   password=sa$lt|host=db01
  envsubst: password=sa$lt|host=db01
sa$$lt
  envsub:   password=sa$lt|host=db01
  @tuplo:   password=sa$lt|host=db01
  envsubst: password=sa$$lt|host=db01
a$&b
  envsub:   password=a${PASSWORD}b|host=db01
  @tuplo:   password=a${PASSWORD}b|host=db01
  envsubst: password=a$&b|host=db01
a$'b
  envsub:   password=a|host=db01|b|host=db01
  @tuplo:   password=a|host=db01|b|host=db01
  envsubst: password=a$'b|host=db01
TOLD
