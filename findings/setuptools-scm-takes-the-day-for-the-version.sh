#!/bin/sh
# GUESS     A tag release-2026-11-02 either gives the version 2026.11.2 or is refused as no version at all.
# HAPPENS   The version is 2, without a word, exit 0: what precedes the version may be any words and dashes and is taken
#           as long as can be, so the year and the month are part of the product's name. The release of 30 October
#           is version 30, and pip holds it for newer than that of 2 November. A letter makes an alpha: …-30a is 30a0.
#           rel_1_4_0 and 1.1.1w, which look no stranger, are refused loudly.
# VERSIONS  setuptools-scm 10.3.4 with vcs-versioning 2.6.0 (2026)
# SOURCE    vcs_versioning/_config.py: DEFAULT_TAG_REGEX; `tag_regex` in pyproject.toml mends it
# NEEDS     git, python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$work/lib" \
    setuptools-scm==10.3.4 vcs-versioning==2.6.0 packaging==26.4 setuptools==84.2.1 \
    || { echo "not to be installed here" >&2; exit 77; }
export PYTHONPATH="$work/lib" GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null

git init --quiet "$work/tool"
cd "$work/tool"
printf '[project]\nname = "tool"\ndynamic = ["version"]\n[tool.setuptools_scm]\n' >pyproject.toml
git add pyproject.toml
git -c user.name=nobody -c user.email=nobody@example.org commit --quiet --message 'The least project'

echo "setuptools-scm $(python3 -c 'from importlib.metadata import version; print(version("setuptools-scm"))')"
changed=0
while read -r tag told; do
    git tag "$tag"
    # Its last line: the version, or the error.
    seen=$(python3 -W ignore -m setuptools_scm 2>&1 | tail -n 1)
    git tag --delete "$tag" >/dev/null
    printf '%-22s %.60s\n' "$tag" "$seen"
    case $told:$seen in
    refused:*"Can't parse version"*) ;;
    "$seen:$seen") ;;
    *) changed=1 ;;
    esac
done <<'TAGS'
release-2026-11-02 2
release-2026-10-30 30
2026-11-02 2
release-2024-08-30a 30a0
rel_1_4_0 refused
1.1.1w refused
TAGS
python3 -c 'from packaging.version import Version; print("2 is older than 30:", Version("2") < Version("30"))'
exit "$changed"
