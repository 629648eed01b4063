#!/bin/sh
# GUESS     hit() of limits takes a cost from a limit or refuses it: it is True "if cost could be deducted from the rate limit without
#           exceeding it". What is refused costs nothing, so that who asks for less next gets what is left.
# HAPPENS   With the fixed window, the one that is told first and is the default of what is built on it, the refused cost is spent: of ten
#           starts a minute, twenty asked for at once leave none for anybody, though not one has started. Four, a refused seven
#           and a one make four of ten. test() says True first, and then False. The moving window and the sliding one take
#           nothing for what they refuse, as do token-bucket's limiter and pyrate-limiter.
# VERSIONS  limits 5.8.0, pyrate-limiter 4.5.1, token-bucket 0.4.0 (PyPI, 2026)
# SOURCE    limits/strategies.py: FixedWindowRateLimiter.hit, incr(...) <= item.amount, and its docstring
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib limits==5.8.0 \
    pyrate-limiter==4.5.1 token-bucket==0.4.0 || { echo "not to be installed here" >&2; exit 77; }
echo "limits 5.8.0, pyrate-limiter 4.5.1, token-bucket 0.4.0"
PYTHONPATH=lib python3 - >seen <<'PYTHON'
import token_bucket
from limits import RateLimitItemPerHour
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter, SlidingWindowCounterRateLimiter
from pyrate_limiter import Duration, Limiter, Rate

# An hour, so that no window ends in between.
ten = RateLimitItemPerHour(10)
orders = [(20, 1), (4, 7, 1, 5), (11,) * 3 + (10,)]


def told(name, take):
    for order in orders:
        ask = take()
        words = [f"{cost} {'taken' if ask(cost) else 'refused'}" for cost in order]
        taken = sum(cost for cost, word in zip(order, words) if word.endswith("taken"))
        print(f"{name}: {', '.join(words)}: {taken} of ten")


def of_limits(kind):
    def take():
        limiter = kind(MemoryStorage())
        return lambda cost: limiter.hit(ten, "fleet", cost=cost)

    return take


def of_pyrate():
    limiter = Limiter(Rate(10, Duration.HOUR))
    return lambda cost: limiter.try_acquire("fleet", weight=cost, blocking=False)


def of_bucket():
    limiter = token_bucket.Limiter(10 / 3600, 10, token_bucket.MemoryStorage())
    return lambda cost: limiter.consume("fleet", cost)


for kind in (FixedWindowRateLimiter, MovingWindowRateLimiter, SlidingWindowCounterRateLimiter):
    told(kind.__name__, of_limits(kind))
told("pyrate-limiter", of_pyrate)
told("token-bucket", of_bucket)

limiter = FixedWindowRateLimiter(MemoryStorage())
before = limiter.test(ten, "fleet")
limiter.hit(ten, "fleet", cost=20)
print(f"test() before {before}, after a refusal {limiter.test(ten, 'fleet')}, left {limiter.get_window_stats(ten, 'fleet').remaining}")
PYTHON
cat seen
diff - seen <<'TOLD'
FixedWindowRateLimiter: 20 refused, 1 refused: 0 of ten
FixedWindowRateLimiter: 4 taken, 7 refused, 1 refused, 5 refused: 4 of ten
FixedWindowRateLimiter: 11 refused, 11 refused, 11 refused, 10 refused: 0 of ten
MovingWindowRateLimiter: 20 refused, 1 taken: 1 of ten
MovingWindowRateLimiter: 4 taken, 7 refused, 1 taken, 5 taken: 10 of ten
MovingWindowRateLimiter: 11 refused, 11 refused, 11 refused, 10 taken: 10 of ten
SlidingWindowCounterRateLimiter: 20 refused, 1 taken: 1 of ten
SlidingWindowCounterRateLimiter: 4 taken, 7 refused, 1 taken, 5 taken: 10 of ten
SlidingWindowCounterRateLimiter: 11 refused, 11 refused, 11 refused, 10 taken: 10 of ten
pyrate-limiter: 20 refused, 1 taken: 1 of ten
pyrate-limiter: 4 taken, 7 refused, 1 taken, 5 taken: 10 of ten
pyrate-limiter: 11 refused, 11 refused, 11 refused, 10 taken: 10 of ten
token-bucket: 20 refused, 1 taken: 1 of ten
token-bucket: 4 taken, 7 refused, 1 taken, 5 taken: 10 of ten
token-bucket: 11 refused, 11 refused, 11 refused, 10 taken: 10 of ten
test() before True, after a refusal False, left 0
TOLD
