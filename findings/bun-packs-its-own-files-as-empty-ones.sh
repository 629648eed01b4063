#!/bin/sh
# GUESS     Bun.Archive of 2026 makes a tar of names and what is in them: "Strings, Blobs, ArrayBufferViews, ArrayBuffers". What
#           Bun.file(path) gives is a Blob, by instanceof, by its types and by its docs, with the file's size; Bun.write takes it. So
#           {"bin/tool": Bun.file("bin/tool")} puts that file into the archive.
# HAPPENS   It puts in a file of 0 bytes, of each name, and raises nothing: the archive has all names, and can be read, compressed and
#           sent. A slice of the file is empty too, and a new Blob([file]); even a path that is not there is an entry. The
#           bytes of it, await file.bytes(), are what is in the file, and so is a Blob of memory. new Bun.Archive(Bun.file(tar))
#           cannot read a whole archive, and Bun.Archive.write makes an empty file of it.
# VERSIONS  Bun 1.4.5 (npm)
# SOURCE    bun-types 1.4.5: docs/runtime/archive.mdx, "File contents can be"; docs/runtime/file-io.mdx, BunFile "conforms to the Blob
#           interface"; bun.d.ts: ArchiveInput
# NEEDS     node, npm, x86-64, tar. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @oven/bun-linux-x64@1.4.5 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
bun=$work/node_modules/@oven/bun-linux-x64/bin/bun
version=$("$bun" --version) || { echo "no Bun for this machine" >&2; exit 77; }
echo "Bun $version"

mkdir release
seq 1000 >release/tool
tar -cf release.tar release
cat >packs.js <<'BUN'
const file = Bun.file('release/tool');
console.log(`a Blob: ${file instanceof Blob}, of ${file.size} bytes`);
for (const [what, data] of Object.entries({
  'the file': file,
  'its first bytes': file.slice(0, 100),
  'a Blob of it': new Blob([file]),
  'its bytes': await file.bytes(),
  'a Blob of its bytes': new Blob([await file.bytes()]),
  'a file that is not there': Bun.file('release/nothing'),
})) {
  await Bun.Archive.write('new.tar', { tool: data });
  await new Bun.Archive(await Bun.file('new.tar').bytes()).extract('new');
  console.log(`${what}: ${(await Bun.file('new/tool').bytes()).length} bytes in the archive`);
}
const files = async (data) => (await new Bun.Archive(data).files()).size;
console.log(`a tar, of its bytes: ${await files(await Bun.file('release.tar').bytes())} file`);
console.log(`a tar, as a file: ${await files(Bun.file('release.tar')).catch((error) => error.message)}`);
await Bun.Archive.write('copy.tar', Bun.file('release.tar'));
console.log(`a tar, written anew: ${(await Bun.file('copy.tar').bytes()).length} bytes`);
BUN
"$bun" packs.js >seen
cat seen
diff - seen <<'TOLD'
a Blob: true, of 3893 bytes
the file: 0 bytes in the archive
its first bytes: 0 bytes in the archive
a Blob of it: 0 bytes in the archive
its bytes: 3893 bytes in the archive
a Blob of its bytes: 3893 bytes in the archive
a file that is not there: 0 bytes in the archive
a tar, of its bytes: 1 file
a tar, as a file: Unrecognized archive format
a tar, written anew: 0 bytes
TOLD
