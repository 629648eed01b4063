#!/bin/sh
# GUESS     graphtage compares trees by what they mean: exit 0 is "semantically identical", 1 is that they differ. So a gate before a
#           rollout, `graphtage wanted.json running.json`, opens where the configuration is the one that is wanted.
# HAPPENS   It opens as well where the text "8080" stands for 8080, "1.1" for 1.1, "True" for true, and true for 1: what is compared
#           is the letters in which Python writes a value, and 1 and True are one for Python anyway. Exit 0, and the output is the
#           first file as it is, without a mark. Whether it is one or the other hangs on those letters: "true" for true differs,
#           and "1.10" for 1.10, so whoever tried it with one pair knows nothing of the next.
# VERSIONS  graphtage 0.5.0 (PyPI)
# SOURCE    graphtage/graphtage.py: LeafNode.edits, exact_string_distance of two str(); the README, Exit Status
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib graphtage==0.5.0 \
    || { echo "not to be installed here" >&2; exit 77; }
export PYTHONPATH="$work/lib"
python3 -m graphtage --version 2>&1

# Prints what is said of two values, beside a value that is the same.
compare() {
    printf '{"name": "web1", "value": %s}\n' "$1" >wanted.json
    printf '{"name": "web1", "value": %s}\n' "$2" >running.json
    status=0
    python3 -m graphtage --no-color --no-status wanted.json running.json >said 2>words || status=$?
    printf '%s and %s: exit %s, %s\n' "$1" "$2" "$status" "$(sed -n 's/^ *"value": //p' said)"
}
{
    compare 8080 '"8080"'
    compare '"1.1"' 1.1
    compare '"1.10"' 1.10
    compare true '"True"'
    compare true '"true"'
    compare null '"None"'
    compare 1 true
    compare 0 false
    compare 8080 8081
} >seen
cat seen
diff - seen <<'TOLD'
8080 and "8080": exit 0, 8080
"1.1" and 1.1: exit 0, "1.1"
"1.10" and 1.10: exit 1, "1.10" -> 1.1
true and "True": exit 0, true
true and "true": exit 1, true -> "true"
null and "None": exit 1, null -> "None"
1 and true: exit 0, 1
0 and false: exit 0, 0
8080 and 8081: exit 1, 8080 -> 8081
TOLD
