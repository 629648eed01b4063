#!/bin/sh
# GUESS     A line `OPTIONS=-Xmx512m -server` of .env is what it says to all that read such files: up to the end of the line, or it
#           is an error as in a shell. honcho is foreman in Python and reads foreman's .env.
# HAPPENS   honcho gives the tool -Xmx512m-server: a value is cut up as a shell would cut it, and the pieces are put together again
#           without what was between them. "A tool of ours" is Atoolofours, and `a "b c" d` is ab cd. What follows a # is
#           gone, inside of a word too: the password tea#house is tea. `DEBUG=`, which is to be empty, is not set, and what the
#           caller's environment has stays. Nothing is said of any. In quotes all is well, so it shows where somebody took
#           them off. foreman and python-dotenv have each value to the end of its line.
# VERSIONS  honcho 2.0.0, python-dotenv 1.2.4 (PyPI), foreman 0.87.2 (Debian 12)
# SOURCE    honcho/environ.py: parse, shlex and ''.join; lib/foreman/env.rb. Seen by running
# NEEDS     Debian 12's packages, with what ruby3.1 depends on, python3 with pip. Exits 0: as told; 1: it behaves otherwise; 77:
#           cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download ruby-foreman=0.87.2-2 ruby3.1 libruby3.1 \
    || { echo "not to be installed here" >&2; exit 77; }
for package in *.deb; do dpkg-deb --extract "$package" root; done
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib honcho==2.0.0 \
    python-dotenv==1.2.4 || { echo "not to be installed here" >&2; exit 77; }
echo "honcho 2.0.0"
libraries=$work/root/usr/lib/$(uname -m)-linux-gnu
foreman() {
    LD_LIBRARY_PATH=$libraries root/usr/bin/ruby3.1 --disable-gems -I"$work/root/usr/lib/ruby/3.1.0" -I"$libraries/ruby/3.1.0" \
        -I"$(echo "$work"/root/usr/share/rubygems-integration/all/gems/foreman-*/lib)" -r foreman -r foreman/env "$@"
}
foreman -e 'puts "foreman #{Foreman::VERSION}"' || { echo "no library for ruby here" >&2; exit 77; }

cat >.env <<'ENV'
OPTIONS=-Xmx512m -server
TITLE=A tool of ours
MIXED=a "b c" d
PASSWORD=tea#house
DEBUG=
export NAME=value
QUOTED="A tool of ours"
ENV
echo 'tool: true' >Procfile
names='OPTIONS TITLE MIXED PASSWORD DEBUG NAME QUOTED'
export DEBUG=all
# Prints the variables, of the environment that it is given.
cat >tell <<'TELL'
#!/bin/sh
for name in "$@"; do
    printf '  %s=%s\n' "$name" "$(printenv "$name" || echo '(not set)')"
done
TELL
chmod +x tell
{
    echo honcho
    # shellcheck disable=SC2086 # They are several.
    PYTHONPATH=lib python3 -m honcho run ./tell $names
    echo foreman
    # shellcheck disable=SC2086 # Likewise.
    foreman -e 'Foreman::Env.new(".env").entries { |name, value| ENV[name] = value }; system("./tell", *ARGV)' $names
    echo dotenv
    # shellcheck disable=SC2086 # Likewise.
    PYTHONPATH=lib python3 -c 'import dotenv, subprocess, sys
dotenv.load_dotenv(".env", override=True)
sys.exit(subprocess.call(["./tell", *sys.argv[1:]]))' $names
} >seen
cat seen
diff - seen <<'TOLD'
honcho
  OPTIONS=-Xmx512m-server
  TITLE=Atoolofours
  MIXED=ab cd
  PASSWORD=tea
  DEBUG=all
  NAME=(not set)
  QUOTED=A tool of ours
foreman
  OPTIONS=-Xmx512m -server
  TITLE=A tool of ours
  MIXED=a "b c" d
  PASSWORD=tea#house
  DEBUG=
  NAME=(not set)
  QUOTED=A tool of ours
dotenv
  OPTIONS=-Xmx512m -server
  TITLE=A tool of ours
  MIXED=a "b c" d
  PASSWORD=tea#house
  DEBUG=
  NAME=value
  QUOTED=A tool of ours
TOLD
