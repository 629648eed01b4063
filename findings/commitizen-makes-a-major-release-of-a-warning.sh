#!/bin/sh
# GUESS     A fix with "Warning!: restart by hand" in its text is a patch, and a chore that "fixes: #12" no release: in Conventional Commits
#           the type and its ! stand before the first colon of the first line, and what breaks is told by BREAKING CHANGE.
# HAPPENS   The first is 2.0.0, the second 1.4.1. Each line of a message is looked at as if it were the first: whatever word with !: at
#           the head of a line is a breaking change, and each line that begins with fix or feat and a colon, fixes as well, one
#           of these. So are the notes of another tool's release, pasted into the commit that takes it in: their feat!: is a
#           major release of this one. The changelog has "read no old files" as a feature and "restart by hand" as a fix, nothing
#           as breaking, and for that 1.4.1 nothing at all. Exit 0. Hosts that are held below 2 do not get the fix.
# VERSIONS  commitizen 4.19.3 (PyPI, 2026)
# SOURCE    commitizen/bump.py, find_increment: for message in commit.message.split("\n"); defaults.py, BUMP_PATTERN; its issue 1772
# NEEDS     git, python3 with venv, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v git >/dev/null || { echo "no git here" >&2; exit 77; }
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check commitizen==4.19.3 || { echo "not to be installed here" >&2; exit 77; }
echo "commitizen $(venv/bin/cz version --commitizen)"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null LC_ALL=C.UTF-8

# Releases one commit on top of 1.4.0 and prints which version that is, and what its changelog says.
releases() {
    rm -rf tool
    git init --quiet --initial-branch=main tool
    printf '[tool.commitizen]\nname = "cz_conventional_commits"\nversion = "1.4.0"\n' >tool/pyproject.toml
    (
        cd tool
        git config user.name nobody
        git config user.email nobody@example.org
        git add pyproject.toml
        git commit --quiet --message 'feat: the tool'
        git tag 1.4.0
        git commit --quiet --allow-empty --message "$(printf '%b' "$1")"
        status=0
        ../venv/bin/cz bump --yes --changelog >../log 2>&1 || status=$?
        printf '%s\n' "$1: exit $status, $(git describe --tags --abbrev=0), changelog: $(sed -n '/^## /,/^## 1\.4\.0/p' CHANGELOG.md 2>/dev/null \
            | sed -e '/^$/d' -e '/^## /d' | paste -s -d ' ')"
    )
}
{
    releases 'fix: the lock'
    releases 'fix: the lock\n\nWarning!: restart by hand.'
    releases 'fix: the lock\n\nThis is a warning!: restart by hand.'
    releases 'chore: tidy'
    releases 'chore: tidy\n\nfixes: #12'
    releases 'build: take in lib 3\n\nfeat!: read no old files'
} >seen
cat seen
diff - seen <<'TOLD'
fix: the lock: exit 0, 1.4.1, changelog: ### Fix - the lock
fix: the lock\n\nWarning!: restart by hand.: exit 0, 2.0.0, changelog: ### Fix - the lock - restart by hand.
fix: the lock\n\nThis is a warning!: restart by hand.: exit 0, 1.4.1, changelog: ### Fix - the lock
chore: tidy: exit 21, 1.4.0, changelog: 
chore: tidy\n\nfixes: #12: exit 0, 1.4.1, changelog: 
build: take in lib 3\n\nfeat!: read no old files: exit 0, 2.0.0, changelog: ### Feat - read no old files
TOLD
