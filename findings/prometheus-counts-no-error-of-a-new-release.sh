#!/bin/sh
# GUESS     Each of 20 hosts of a canary had 30 errors as it started, and has counted them: errors_total{release="42"} is 30 on each.
#           increase() over ten minutes is 600 or so, and a gate on the errors of the new release stops the rollout.
# HAPPENS   It is 0, and so is rate(). The label of the release is new, so its series begin with the first scrape, at 30: what a counter has
#           when it is first seen is never counted, and what came after it is nothing. The hosts of the old release, which run since
#           long, show each single error. A release that fails at once and on all hosts passes, one that fails a little later is
#           stopped. A share of errors is wrong likewise: 600 of 660 requests failed, and it says 0%. Where the series is there before
#           with a 0, or `errors_total - errors_total offset 10m or errors_total` is asked for, it is 600.
# VERSIONS  prometheus 2.42.0 (Debian 12), its promtool
# SOURCE    Prometheus' docs of increase(): "the increase in the time series in the range vector"; promql/functions.go,
#           extrapolatedRate: last sample less the first. Seen by promtool test rules
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download prometheus=2.42.0+ds-5+deb12u1 || { echo "not to be installed here" >&2; exit 77; }
dpkg-deb --extract ./*.deb root
promtool=root/usr/bin/promtool
"$promtool" --version 2>&1 | head -n 1 || { echo "not to be run here" >&2; exit 77; }

# Release 41 runs all the time and has two errors on one host; release 42 starts at ten minutes, with all its errors in its first
# scrape, and then has three requests on each host that are well.
{
    echo 'evaluation_interval: 1m'
    echo 'tests: [{interval: 1m, input_series: ['
    for host in $(seq 20); do
        if [ "$host" = 1 ]; then errors='5+0x12 7+0x12'; else errors='5+0x25'; fi
        echo "{series: 'errors_total{release=\"41\",host=\"web$host\"}', values: '$errors'},"
        echo "{series: 'errors_total{release=\"42\",host=\"web$host\"}', values: '_x10 30+0x10'},"
        echo "{series: 'requests_total{release=\"42\",host=\"web$host\"}', values: '_x10 30 31 32 33+0x7'},"
        echo "{series: 'begun_with_0_total{release=\"42\",host=\"web$host\"}', values: '_x10 0 30+0x10'},"
    done
    echo '], promql_expr_test: ['
    while read -r query; do
        echo "{expr: '$query', eval_time: 19m, exp_samples: [{value: 12345}]},"
    done <<'QUERIES'
sum(increase(errors_total{release="41"}[10m]))
sum(errors_total{release="42"})
sum(increase(errors_total{release="42"}[10m]))
sum(rate(errors_total{release="42"}[10m]))
sum(increase(requests_total{release="42"}[10m]))
sum(increase(errors_total{release="42"}[10m])) / sum(increase(requests_total{release="42"}[10m]))
sum(increase(begun_with_0_total{release="42"}[10m]))
sum(errors_total{release="42"} - errors_total{release="42"} offset 10m or errors_total{release="42"})
QUERIES
    echo ']}]'
} >test.yml
"$promtool" test rules test.yml >said 2>&1 || :
sed -n 's/\\"/"/g; s/^ *expr: "\(.*\)", time: .*/\1/p; s/^ *got: {} \([^ ]*\).*/    \1/p' said >seen
cat seen
diff - seen <<'TOLD'
sum(increase(errors_total{release="41"}[10m]))
    2E+00
sum(errors_total{release="42"})
    6E+02
sum(increase(errors_total{release="42"}[10m]))
    0E+00
sum(rate(errors_total{release="42"}[10m]))
    0E+00
sum(increase(requests_total{release="42"}[10m]))
    6.666666666666669E+01
sum(increase(errors_total{release="42"}[10m])) / sum(increase(requests_total{release="42"}[10m]))
    0E+00
sum(increase(begun_with_0_total{release="42"}[10m]))
    6E+02
sum(errors_total{release="42"} - errors_total{release="42"} offset 10m or errors_total{release="42"})
    6E+02
TOLD
