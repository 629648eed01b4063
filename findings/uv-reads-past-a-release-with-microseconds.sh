#!/bin/sh
# GUESS     pip and uv, given the same folder of wheels, install the same release: PEP 440 sets no bound to a number, and uv
#           follows it to the letter.
# HAPPENS   1.0.20261102093000123456 (date, time, microseconds: 20 digits) is the newest for pip. uv installs 1.0.5, exit 0, no
#           word of the other wheel: a number of a release ends at 18446744073709551614, and what lies beyond is no version,
#           so the file is no wheel of this project. Named outright it is refused loudly. Behind a plus sign the same
#           digits are fine, and so is a time to a hundred-thousandth of a second, one digit less.
# VERSIONS  uv 0.13.9, pip of the machine, packaging 26.4
# SOURCE    uv issue 8271, open; PEP 440, public version identifiers
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
pip="python3 -m pip --quiet --disable-pip-version-check --no-cache-dir"
$pip install --root-user-action=ignore --target lib uv==0.13.9 packaging==26.4 \
    || { echo "not to be installed here" >&2; exit 77; }
export UV_CACHE_DIR="$work/cache" UV_NO_CONFIG=1 UV_PYTHON_DOWNLOADS=never
lib/bin/uv --version

# Makes the least wheel of one version.
wheel() {
    info=made/tool-$1.dist-info
    mkdir -p "$info" wheels
    printf 'VERSION = "%s"\n' "$1" >made/tool.py
    printf 'Metadata-Version: 2.1\nName: tool\nVersion: %s\n' "$1" >"$info/METADATA"
    printf 'Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n' >"$info/WHEEL"
    printf '%s,,\n' tool.py "${info#made/}/METADATA" "${info#made/}/WHEEL" "${info#made/}/RECORD" >"$info/RECORD"
    (cd made && python3 -m zipfile -c "../wheels/tool-$1-py3-none-any.whl" ./*)
    rm -r made
}
wheel 1.0.5
wheel 1.0.20261102093000123456

$pip install --root-user-action=ignore --no-index --find-links wheels --target by-pip tool
by_uv() {
    lib/bin/uv pip install --python "$(command -v python3)" --no-index --find-links wheels --target "$@" 2>words
}
by_uv by-uv tool
told=$(grep -c 20261102093000123456 words) || true
status=0
by_uv named tool==1.0.20261102093000123456 || status=$?
by_pip=$(cat by-pip/tool.py)
taken=$(cat by-uv/tool.py)
echo "pip: $by_pip; uv: $taken, $told lines about the other; named: exit $status"
PYTHONPATH=lib python3 -c 'from packaging.version import Version
print("packaging:", Version("1.0.20261102093000123456") > Version("1.0.5"))'
[ "$by_pip" = 'VERSION = "1.0.20261102093000123456"' ]
[ "$taken" = 'VERSION = "1.0.5"' ] && [ "$told" = 0 ] && [ "$status" != 0 ]
