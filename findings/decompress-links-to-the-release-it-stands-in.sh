#!/bin/sh
# GUESS     decompress('tool-2.tar.gz', 'new') puts the release below new, whatever is the current folder: a hard link in the archive, the
#           second name of a file, is a second name of that file there, or it is refused.
# HAPPENS   It is a second name of the file of that path below the current folder. Where the release before was unpacked, as tool/...,
#           and the next is unpacked beside it, new/tool/alias is the new program and new/tool/bin the old one, exit 0; and they are
#           one file, so to write to the new release's bin changes the release before. Elsewhere it is an error (ENOENT), so
#           the test in an empty folder fails, and the one host that works has half an old release. tar writes
#           such links for each file with two names, as busybox, git and python have theirs.
# VERSIONS  decompress 4.2.1 (npm, 13 million downloads a month)
# SOURCE    decompress: index.js, fsP.link(x.linkname, dest), dest being within the output folder and linkname not
# NEEDS     node, npm, tar. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . decompress@4.2.1 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
echo "decompress 4.2.1"

for version in 1 2; do
    mkdir -p "made/$version/tool"
    echo "$version" >"made/$version/tool/alias"
    ln "made/$version/tool/alias" "made/$version/tool/bin"
    tar --create --gzip --file "tool-$version.tar.gz" --directory "made/$version" tool/alias tool/bin
done
mkdir srv empty
tar --extract --gzip --file tool-1.tar.gz --directory srv

cat >unpack.js <<'NODE'
const decompress = require('decompress');

decompress(process.argv[2], 'new').then(
  (files) => console.log(`${files.length} files unpacked`),
  (error) => console.log(error.code),
);
NODE
# Unpacks release 2 below new, from a folder, and prints what is there then.
unpacks() {
    echo "in $1: $(cd "$1" && NODE_PATH="$work/node_modules" node "$work/unpack.js" "$work/tool-2.tar.gz")"
    (cd "$1" && grep -r . -- * | sort | sed 's/^/    /')
}
{
    unpacks empty
    unpacks srv
    echo 2.1 >srv/new/tool/bin
    echo "after a write to new/tool/bin, tool/alias of release 1: $(cat srv/tool/alias)"
} >seen
cat seen
diff - seen <<'TOLD'
in empty: ENOENT
    new/tool/alias:2
in srv: 2 files unpacked
    new/tool/alias:2
    new/tool/bin:1
    tool/alias:1
    tool/bin:1
after a write to new/tool/bin, tool/alias of release 1: 2.1
TOLD
