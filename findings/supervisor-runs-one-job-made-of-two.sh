#!/bin/sh
# GUESS     Two tools bring a file each to conf.d with a [program:worker] in it. supervisord rejects the second, or the file that is
#           read later wins as a whole.
# HAPPENS   It runs one job that is neither: the command of the file that is read last, with what the first alone sets, such as
#           folder, environment and user. So one tool's command works with the other's database. Nothing is said, and `reread`
#           and `status` show a worker as any. The files are read in the order of their names, so a release that renames its own
#           decides whose command it is. Take the first away, and only then `reread` says "changed".
# VERSIONS  supervisor 4.3.0 (PyPI)
# SOURCE    supervisor/options.py: UnhosedConfigParser, which is not strict; issue 554, open since 2015. The manual's pages on
#           [include] and [program:x] tell of no second one
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
pid=
trap 'if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" || true; fi; rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib supervisor==4.3.0 \
    || { echo "not to be installed here" >&2; exit 77; }
export PYTHONPATH="$work/lib" PYTHONWARNINGS=ignore
echo "supervisor $(python3 -m supervisor.supervisord --version)"

mkdir conf.d billing here
cat >supervisord.conf <<CONF
[supervisord]
nodaemon=true
logfile=$work/log
pidfile=$work/pid
[unix_http_server]
file=$work/socket
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://$work/socket
[include]
files=conf.d/*.conf
CONF
cat >conf.d/billing.conf <<CONF
[program:worker]
command=$work/tell billing
directory=$work/billing
environment=DATABASE=billing
CONF
cat >conf.d/report.conf <<CONF
[program:worker]
command=$work/tell report
CONF
cat >tell <<TELL
#!/bin/sh
echo "ran: command of \$1, in \${PWD##*/}, database: \${DATABASE:-none}" >>$work/told
exec sleep 60
TELL
chmod +x tell
control() {
    python3 -m supervisor.supervisorctl -c supervisord.conf "$@"
}
# Waits until so many jobs have told.
wait_for() {
    for _ in $(seq 200); do
        [ "$(wc -l <told)" -lt "$1" ] || return 0
        sleep 0.1
    done
    echo "no job ran" >&2
    exit 1
}

: >told
unset DATABASE
(cd here && exec python3 -m supervisor.supervisord -c ../supervisord.conf) >words 2>&1 &
pid=$!
wait_for 1
{
    echo "reread: $(control reread)"
    control status | awk '{ print "status:", $1 }'
    rm conf.d/billing.conf
    echo "reread without billing.conf: $(control reread)"
    control update >words-of-update
} >seen
wait_for 2
cat told >>seen
cat seen
if grep -i -E 'duplicate|twice|already|override' log words; then exit 1; fi
diff - seen <<'TOLD'
reread: No config updates to processes
status: worker
reread without billing.conf: worker: changed
ran: command of report, in billing, database: billing
ran: command of report, in here, database: none
TOLD
