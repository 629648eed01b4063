#!/bin/sh
# GUESS     ConsistentHashPercentageBucketer of flipper-client puts a user into one of 100 buckets by a hash, and has the feature on for as
#           many of them as the percentage says: at 1% for one user of a hundred. Two features at 10% meet in one of a hundred.
# HAPPENS   It counts one bucket too many: at 1% it is on for 2% of the users, at 5% for 6% and at 10% for 11%, so that the smallest
#           canary is twice as large as told, with twice the load on its hosts. Half a percent is 1%. And the feature's name is
#           not in the hash: of ten features at 10% each the same 11% of the users have all ten, and the others none. Who has a
#           bad day has it with each new thing, and a fault that takes two of them to meet is seen at once, or by nobody.
# VERSIONS  flipper-client 1.3.2 (PyPI)
# SOURCE    flipper/bucketing/consistent_hash_percentage_bucketer.py: score <= self._percentage, with scores from 0 to 0.99; its README:
#           "a value in the range 0-100"
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib flipper-client==1.3.2 \
    || { echo "not to be installed here" >&2; exit 77; }
echo "flipper-client 1.3.2"
PYTHONPATH=lib python3 - >seen <<'PYTHON'
from flipper import FeatureFlagClient, MemoryFeatureFlagStore
from flipper.bucketing import ConsistentHashPercentageBucketer, Percentage

client = FeatureFlagClient(MemoryFeatureFlagStore())
users = range(20000)


def feature(name, share):
    client.create(name)
    client.set_bucketer(name, ConsistentHashPercentageBucketer(key_whitelist=["user"], percentage=Percentage(share)))
    client.enable(name)
    return name


for share in (0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 0.99):
    name = feature(f"canary-{share}", share)
    on = sum(client.is_enabled(name, user=user) for user in users)
    print(f"at {share * 100:g}%: on for {on * 100 / len(users):.1f}% of {len(users)} users")

names = [feature(f"feature-{number}", 0.1) for number in range(10)]
counts = [sum(client.is_enabled(name, user=user) for name in names) for user in users]
for count in sorted(set(counts)):
    print(f"{count} of 10 features at 10%: {counts.count(count) * 100 / len(users):.1f}% of users")
PYTHON
cat seen
diff - seen <<'TOLD'
at 0%: on for 0.0% of 20000 users
at 0.5%: on for 1.0% of 20000 users
at 1%: on for 1.9% of 20000 users
at 2%: on for 3.0% of 20000 users
at 5%: on for 6.0% of 20000 users
at 10%: on for 11.0% of 20000 users
at 50%: on for 51.5% of 20000 users
at 99%: on for 100.0% of 20000 users
0 of 10 features at 10%: 89.0% of users
10 of 10 features at 10%: 11.0% of users
TOLD
