#!/bin/sh
# GUESS     A bare repository with a hook that says `git --work-tree=/srv/one checkout -f main` is a recipe for deploying by push,
#           and it does remove what main dropped. For a second folder, a canary's or a second site's, the hook has that
#           line twice, and both become what main is.
# HAPPENS   The first folder does. In the second all that changed changes and all that is new comes, but what main dropped stays:
#           the old migration, the plugin, the unit file, for good. What is to be removed git knows from the index, of which
#           a repository has one; the first checkout has brought it up to date, and for the second there is nothing left
#           to remove. Exit 0. It is the same where main goes to the one and a branch to the other, after the same push. git status
#           calls such files untracked. An index of each folder's own, by GIT_INDEX_FILE, mends it.
# VERSIONS  git 2.47.3
# SOURCE    git-checkout(1), -f; git(1), --work-tree and GIT_INDEX_FILE. Seen by running
# NEEDS     git. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v git >/dev/null || { echo "no git here" >&2; exit 77; }
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
git --version

# Two releases, of which the second drops a file.
git init --quiet --initial-branch=main desk
mkdir desk/plugins
echo dropped >desk/plugins/old
for release in 1 2; do
    echo "$release" >desk/tool
    [ "$release" -eq 1 ] || { rm desk/plugins/old; echo new >desk/new; }
    git -C desk add --all
    git -C desk -c user.name=nobody -c user.email=nobody@example.org commit --quiet --message "$release"
    git -C desk tag "$release"
done

# Pushes the releases one after the other to a server with the hook given, and prints what came of it.
deploys() {
    echo "$1"
    rm -rf server.git one two
    mkdir one two
    git init --quiet --bare server.git
    printf '#!/bin/sh\nexec 2>&1\n%s\n' "$2" >server.git/hooks/post-receive
    chmod +x server.git/hooks/post-receive
    for release in 1 2; do
        git -C desk push --quiet --force ../server.git "$release~0:refs/heads/main" "$release~0:refs/heads/canary" 2>words \
            || { cat words; return 1; }
    done
    for folder in one two; do
        echo "    $folder: $(cd "$folder" && find . -type f | sort | cut -c 3- | paste -s -d ' ')"
    done
}
{
    deploys 'main to both' "git --work-tree=$work/one checkout -f main
git --work-tree=$work/two checkout -f main"
    deploys 'a branch each' "git --work-tree=$work/one checkout -f main
git --work-tree=$work/two checkout -f canary"
    deploys 'an index each' "GIT_INDEX_FILE=$work/server.git/one.index git --work-tree=$work/one checkout -f main
GIT_INDEX_FILE=$work/server.git/two.index git --work-tree=$work/two checkout -f main"
} >seen
cat seen
diff - seen <<'TOLD'
main to both
    one: new tool
    two: new plugins/old tool
a branch each
    one: new tool
    two: new plugins/old tool
an index each
    one: new tool
    two: new tool
TOLD
