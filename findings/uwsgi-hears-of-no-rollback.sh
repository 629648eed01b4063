#!/bin/sh
# GUESS     touch-reload=/srv/tool/current/VERSION reloads uWSGI when current is turned to another release, with no command of the
#           deploy's: the option looks at the file behind the link, every second, and reloads "if the file is modified or
#           touched". What works for going on works for going back.
# HAPPENS   It reloads for a release whose file is newer than that of the last one, and going back leads to an older one: no reload,
#           no word in the log. current is the good release again, and the broken one goes on serving, for as long as nobody
#           looks. So it passes every trial but the one that counts. A fix that was built before what is live (a branch of the
#           release before, a build taken from the store) is not heard of either. touch of the file after the switch
#           mends it. The emperor looks at its vassals' files in the same way.
# VERSIONS  uWSGI 2.0.31 (PyPI)
# SOURCE    core/utils.c: uwsgi_check_touches, st_mtime > touch->custom; core/emperor.c: st_mtime > last_mod
# NEEDS     python3 with venv and its headers, a C compiler, PyPI, curl; two minutes. Exits 0: as told; 1: it behaves otherwise;
#           77: cannot be installed here.
set -eu

work=$(mktemp -d)
uwsgi=
trap '[ -z "$uwsgi" ] || { kill -INT "$uwsgi" && wait "$uwsgi"; } 2>/dev/null || :; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uwsgi==2.0.31 2>words \
    || { echo "not to be installed here" >&2; exit 77; }
venv/bin/pip list --disable-pip-version-check | grep -i uwsgi

for version in 1 2 3; do
    mkdir -p "releases/$version"
    echo "$version" >"releases/$version/VERSION"
    printf 'version = "%s"\n\n\ndef application(environ, start_response):\n' "$version" >"releases/$version/wsgi.py"
    printf '    start_response("200 OK", [])\n    return [version.encode()]\n' >>"releases/$version/wsgi.py"
done
touch -d '3 hours ago' releases/1/VERSION
touch -d '2 hours ago' releases/2/VERSION
touch -d '1 hour ago' releases/3/VERSION
ln -s releases/1 current

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
venv/bin/uwsgi --http-socket "127.0.0.1:$port" --wsgi-file current/wsgi.py --master --need-app --workers 1 \
    --touch-reload current/VERSION --logto log &
uwsgi=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    if curl -s "http://127.0.0.1:$port/" >/dev/null; then break; fi
    sleep 1
done
# Prints, after a while, what current is, which release answers, and how often uWSGI spoke of a touch.
tell() {
    sleep 5
    echo "$1: current $(readlink current), serving $(curl -s "http://127.0.0.1:$port/")," \
        "touched $(grep -c 'has been touched' log)"
}
{
    tell 'started'
    ln -sfn releases/2 current
    tell 'deployed'
    ln -sfn releases/3 current
    tell 'deployed'
    ln -sfn releases/2 current
    tell 'rolled back'
    touch releases/2/VERSION
    tell 'touched'
} >seen
cat seen
diff - seen <<'TOLD'
started: current releases/1, serving 1, touched 0
deployed: current releases/2, serving 2, touched 1
deployed: current releases/3, serving 3, touched 2
rolled back: current releases/2, serving 3, touched 2
touched: current releases/2, serving 2, touched 3
TOLD
