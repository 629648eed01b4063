#!/bin/sh
# GUESS     With module_directory Mako keeps its compiled templates over restarts, and filesystem_checks sees to it that a template
#           which has changed is compiled anew. A release is switched by a link, current, and the tool is restarted: the
#           templates are those of the new release.
# HAPPENS   They are those of the first release that was ever shown. A compiled template is replaced if the template is newer than
#           it, and the templates of a release that was built yesterday, and brought with its times, are older than what was
#           compiled of the release before when somebody first looked at it today. So a page changes on one host and not on the
#           other, by who looked when. It goes on over restarts, and is worst where all times are the same by
#           SOURCE_DATE_EPOCH: no release is ever seen. By the release's real path in `directories` it is no better, as a
#           compiled template is named by the page alone.
# VERSIONS  Mako 1.4.3, MarkupSafe 3.0.4 (PyPI)
# SOURCE    mako/template.py: os.stat(path)[stat.ST_MTIME] < filemtime; its manual tells of "modification time" and no more
# NEEDS     python3 with pip, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target lib \
    Mako==1.4.3 MarkupSafe==3.0.4 || { echo "not to be installed here" >&2; exit 77; }
echo "Mako $(PYTHONPATH=lib python3 -c 'import mako; print(mako.__version__)')"

for version in 1 2 3; do
    mkdir -p "releases/$version/templates"
    echo "the page of $version" >"releases/$version/templates/index.html"
done
touch -d 'yesterday 10:00' releases/1/templates/index.html
touch -d 'yesterday 12:00' releases/2/templates/index.html
touch -d 'yesterday 14:00' releases/3/templates/index.html

# Prints what a tool that is started now shows of the page, from one folder of templates.
shows() {
    PYTHONPATH=lib python3 - "$1" <<'PYTHON'
import sys
from mako.lookup import TemplateLookup

lookup = TemplateLookup(directories=[sys.argv[1]], module_directory="cache", filesystem_checks=True)
print(sys.argv[1] + ":", lookup.get_template("index.html").render().strip())
PYTHON
}
{
    for version in 1 2 3; do
        ln -sfn "releases/$version" current
        shows current/templates
    done
    shows releases/3/templates
    touch releases/2/templates/index.html
    ln -sfn releases/2 current
    shows current/templates
    rm -r cache
    ln -sfn releases/3 current
    shows current/templates
} >seen
cat seen
diff - seen <<'TOLD'
current/templates: the page of 1
current/templates: the page of 1
current/templates: the page of 1
releases/3/templates: the page of 1
current/templates: the page of 2
current/templates: the page of 3
TOLD
