#!/bin/sh
# GUESS     A log that grows by `gzip >>log.gz` each hour is one file: gzip, zlib and pako give all hours of it. A package of Alpine is
#           three such parts, one behind the other. fflate's gunzipSync, which by its README takes what other tools have compressed,
#           gives all of it as well, or an error.
# HAPPENS   It gives the first hour alone, and of that as many bytes as the last hour has: a size stands in the last four bytes of a file,
#           and those are the last part's. Of a busy hour before a quiet one there are two lines and a half of 40; after a quiet hour
#           the busy one is missing altogether. No error. What is sought in the log is not there, and a release that was packed in
#           parts is cut in the middle of a file. Where there is one part it is right. gunzip() and decompressSync() do so too; its
#           streaming Gunzip has them all.
# VERSIONS  fflate 0.8.3, pako 3.0.3 (npm), zlib of the machine's node
# SOURCE    fflate's gunzipSync: new u8(gzl(data)) and one inflate; its CHANGELOG: "Support multi-member files in GZIP streaming
#           decompression"; RFC 1952, 2.2: "A gzip file consists of a series of members"
# NEEDS     node, npm, gzip. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . fflate@0.8.3 pako@3.0.3 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
echo "fflate 0.8.3, pako 3.0.3"

# Prints the lines of an hour, of the hosts from one to another.
hour() {
    seq -f "$1:00 web%g deployed" "$2" "$3"
}
hour 08 1 40 | gzip -n >busy-first.gz
hour 09 41 42 | gzip -n >>busy-first.gz
hour 08 41 42 | gzip -n >quiet-first.gz
hour 09 1 40 | gzip -n >>quiet-first.gz
hour 08 1 40 | gzip -n >one.gz

cat >read.js <<'NODE'
const { readFileSync } = require('fs');
const { promisify } = require('util');
const zlib = require('zlib');
const fflate = require('fflate');
const pako = require('pako');

const streamed = (data) => {
  const parts = [];
  new fflate.Gunzip((part) => parts.push(part)).push(data, true);
  return Buffer.concat(parts);
};
const readers = {
  zlib: zlib.gunzipSync,
  pako: (data) => pako.ungzip(data),
  'fflate, Gunzip': streamed,
  'fflate, gunzipSync': (data) => fflate.gunzipSync(data),
  'fflate, decompressSync': (data) => fflate.decompressSync(data),
  'fflate, gunzip': promisify(fflate.gunzip),
};
(async () => {
  for (const file of ['one.gz', 'busy-first.gz', 'quiet-first.gz']) {
    for (const [name, read] of Object.entries(readers)) {
      const text = Buffer.from(await read(readFileSync(file))).toString();
      const lines = text.split('\n');
      const rest = lines.pop();
      console.log(`${file}: ${name}: ${lines.length} lines${rest && `, and "${rest}"`}`);
    }
  }
})();
NODE
for file in one busy-first quiet-first; do
    echo "$file.gz: gzip: $(gzip -dc "$file.gz" | wc -l) lines"
done >seen
node read.js >>seen
cat seen
diff - seen <<'TOLD'
one.gz: gzip: 40 lines
busy-first.gz: gzip: 42 lines
quiet-first.gz: gzip: 42 lines
one.gz: zlib: 40 lines
one.gz: pako: 40 lines
one.gz: fflate, Gunzip: 40 lines
one.gz: fflate, gunzipSync: 40 lines
one.gz: fflate, decompressSync: 40 lines
one.gz: fflate, gunzip: 40 lines
busy-first.gz: zlib: 42 lines
busy-first.gz: pako: 42 lines
busy-first.gz: fflate, Gunzip: 42 lines
busy-first.gz: fflate, gunzipSync: 2 lines, and "08"
busy-first.gz: fflate, decompressSync: 2 lines, and "08"
busy-first.gz: fflate, gunzip: 2 lines, and "08"
quiet-first.gz: zlib: 42 lines
quiet-first.gz: pako: 42 lines
quiet-first.gz: fflate, Gunzip: 42 lines
quiet-first.gz: fflate, gunzipSync: 2 lines
quiet-first.gz: fflate, decompressSync: 2 lines
quiet-first.gz: fflate, gunzip: 2 lines
TOLD
