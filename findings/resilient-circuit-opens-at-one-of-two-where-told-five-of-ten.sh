#!/bin/sh
# GUESS     A breaker of resilient-circuit looks at as many calls as its limit says: Fraction(3, 10) is "3 out of 10", Fraction(5, 10)
#           is five of the last ten. After the pause it closes by success_limit=Fraction(5, 5), "after 5 consecutive successes",
#           as its README has it.
# HAPPENS   A fraction is reduced before the library sees it, and the window is what is left below the line. 5 of 10 is 1 of 2: one failure
#           beside one success opens it, and a host that stumbles once is cut off. 30 of 100 is 3 of 10, 2 of 10 is 1 of 5, and 3 of 10
#           is as told: two settings that differ by a tenth have windows of 5 and of 10. Fraction(5, 5) is 1, a window of one call, so
#           that the first success puts all load back on a host that has failed four of five. The README's own examples are such.
# VERSIONS  resilient-circuit 0.8.6 (PyPI, 2026)
# SOURCE    status.py: BinaryCircularBuffer(size=policy.failure_limit.denominator), and of success_limit alike; its README,
#           Quick Start and Advanced Usage
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib resilient-circuit==0.8.6 \
    || { echo "not to be installed here" >&2; exit 77; }
echo "resilient-circuit 0.8.6"
PYTHONPATH=lib python3 - >seen <<'PYTHON'
from datetime import timedelta
from fractions import Fraction

from resilient_circuit import CircuitProtectorPolicy


def breaker(failures, calls, **more):
    policy = CircuitProtectorPolicy(
        resource_key=f"{failures} of {calls} {more}", failure_limit=Fraction(failures, calls), **more
    )

    @policy
    def call(fails):
        if fails:
            raise OSError("refused")

    def goes(fails):
        try:
            call(fails)
        except OSError:
            pass
        return policy.status.name.lower()

    return goes


for failures, calls in ((3, 10), (5, 10), (2, 10), (4, 10), (30, 100), (50, 100), (33, 100)):
    goes = breaker(failures, calls, cooldown=timedelta(minutes=1))
    count = 1
    while goes(True) == "closed":
        count += 1
    goes = breaker(failures, calls, cooldown=timedelta(minutes=2))
    alone = [goes(number % calls == calls - 1) for number in range(calls)].count("open")
    print(f"{failures} of {calls}: open after {count} failures in a row; by one failure in {calls} calls: {'open' if alone else 'closed'}")

for successes in (1, 5):
    # It opens, and there is no pause.
    goes = breaker(3, 10, success_limit=Fraction(successes, successes), cooldown=timedelta(0))
    while goes(True) == "closed":
        pass
    states = [goes(fails) for fails in (True, False, True, True, True)]
    print(f"success_limit {successes} of {successes}, probes that fail, do well, fail, fail, fail: {', '.join(states)}")
PYTHON
cat seen
diff - seen <<'TOLD'
3 of 10: open after 10 failures in a row; by one failure in 10 calls: closed
5 of 10: open after 2 failures in a row; by one failure in 10 calls: open
2 of 10: open after 5 failures in a row; by one failure in 10 calls: open
4 of 10: open after 5 failures in a row; by one failure in 10 calls: closed
30 of 100: open after 10 failures in a row; by one failure in 100 calls: closed
50 of 100: open after 2 failures in a row; by one failure in 100 calls: open
33 of 100: open after 100 failures in a row; by one failure in 100 calls: closed
success_limit 1 of 1, probes that fail, do well, fail, fail, fail: open, closed, closed, closed, closed
success_limit 5 of 5, probes that fail, do well, fail, fail, fail: open, closed, closed, closed, closed
TOLD
