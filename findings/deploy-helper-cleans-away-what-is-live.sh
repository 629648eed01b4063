#!/bin/sh
# GUESS     community.general.deploy_helper with state=clean never removes the live release. Its docs: keep_releases is "the number of
#           old releases to keep", "the current version does not count", "ordered by creation date".
# HAPPENS   The current link is not looked at. What is spared is the name in `release`, and where that is not given, as in both of the
#           docs' examples of clean, it is a time of now, which no folder has. So the live release counts as one of those
#           to keep, and goes if enough others are younger: after a rollback, cleaning "ahead of the new deploy" leaves the link
#           leading nowhere until that deploy is done. Nor is it the date of creation, but of the last change of the folder's inode:
#           a chmod of the old ones makes them the youngest, and the newest goes, live or not. All is "changed", exit 0.
# VERSIONS  community.general 13.5.0, of ansible 14.5.0 (PyPI, 2026), ansible-core 2.19.14
# SOURCE    plugins/modules/deploy_helper.py: cleanup(releases_path, reserve_version), facts["new_release"], os.path.getctime
# NEEDS     python3 with venv, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
{
    venv/bin/pip install --quiet --disable-pip-version-check ansible-core==2.19.14
    # Of the large package one collection, whatever python it asks for itself.
    venv/bin/pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.13 ansible==14.5.0
} || { echo "not to be installed here" >&2; exit 77; }
venv/bin/python - <<'PYTHON'
import glob
import zipfile

general = "ansible_collections/community/general/"
wanted = [general + name for name in ("MANIFEST.json", "meta/runtime.yml", "plugins/modules/deploy_helper.py")]
zipfile.ZipFile(glob.glob("ansible-*.whl")[0]).extractall("collections", wanted)
PYTHON
export ANSIBLE_COLLECTIONS_PATH="$work/collections" ANSIBLE_HOME="$work/home" ANSIBLE_LOCALHOST_WARNING=False
export ANSIBLE_INVENTORY_UNPARSED_WARNING=False LC_ALL=C.UTF-8
venv/bin/ansible --version | head -n 1

deploy_helper() {
    venv/bin/ansible localhost -c local -m community.general.deploy_helper -a "path=$work/srv $1" >log 2>&1 || { cat log; exit 1; }
    live=$(readlink srv/current)
    echo "    $1: $(grep -o 'CHANGED\|SUCCESS' log), releases: $(cd srv/releases && echo *)," \
        "live: ${live##*/}$([ -e srv/current/version ] || echo ', which is gone')"
}
# Lays four releases one after another, the last of which is live.
four() {
    rm -rf srv
    for version in v1 v2 v3 v4; do
        mkdir -p "srv/releases/$version"
        echo "$version" >"srv/releases/$version/version"
        sleep 0.1
    done
    ln -s "$work/srv/releases/v4" srv/current
    echo "$1"
}
{
    four 'After a deploy'
    deploy_helper 'state=clean release=v4 keep_releases=2'
    four 'After a deploy'
    deploy_helper 'state=clean keep_releases=2'
    four 'After a rollback'
    deploy_helper 'state=finalize release=v2 keep_releases=3'
    deploy_helper 'state=clean keep_releases=2'
    four 'After a chmod of the old ones'
    chmod a-w srv/releases/v[123]
    deploy_helper 'state=clean keep_releases=3'
} >seen
cat seen
diff - seen <<'TOLD'
After a deploy
    state=clean release=v4 keep_releases=2: CHANGED, releases: v2 v3 v4, live: v4
After a deploy
    state=clean keep_releases=2: CHANGED, releases: v3 v4, live: v4
After a rollback
    state=finalize release=v2 keep_releases=3: CHANGED, releases: v1 v2 v3 v4, live: v2
    state=clean keep_releases=2: CHANGED, releases: v3 v4, live: v2, which is gone
After a chmod of the old ones
    state=clean keep_releases=3: CHANGED, releases: v1 v2 v3, live: v4, which is gone
TOLD
