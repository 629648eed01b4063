#!/bin/sh
# GUESS     Bun of 2026 reads and writes TOML, YAML, JSON5 and XML by itself, all with parse() and stringify(). A manifest that is read
#           from one is written in another with all that is in it; what has no type there is a string, as JSON.stringify has it.
# HAPPENS   Of what is read from TOML each date and time is {} in YAML and in JSON5, built: {}, opens: {}, and an empty element in XML,
#           with no error. Who reads it back has an empty table, which is true. Bun's TOML and JSON.stringify have the times as
#           they were. A Date is {} in YAML and JSON5 too, and written in the other three. What has a toJSON() of its own,
#           as a URL, is its text in JSON alone, and an empty table or element in all four of Bun's.
# VERSIONS  Bun 1.4.5 (npm)
# SOURCE    bun-types 1.4.5: docs/runtime/toml.mdx, dates and times are Temporal's objects; bun.d.ts: YAML.stringify, "convert a JavaScript
#           value into a YAML string", with no exception named
# NEEDS     node, npm, x86-64. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @oven/bun-linux-x64@1.4.5 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
bun=$work/node_modules/@oven/bun-linux-x64/bin/bun
version=$("$bun" --version) || { echo "no Bun for this machine" >&2; exit 77; }
echo "Bun $version"

cat >release.toml <<'TOML'
version = "2026.10.2"
built = 2026-10-02T03:00:00Z
day = 2026-10-02
opens = 22:30:00
TOML
cat >writes.js <<'BUN'
const manifest = Bun.TOML.parse(await Bun.file('release.toml').text());
const others = { date: new Date(Date.UTC(2026, 9, 2, 3)), url: new URL('https://example.org/tool') };
for (const [name, value] of [['release.toml', manifest], ['others', others]]) {
  for (const [format, text] of Object.entries({
    JSON: JSON.stringify(value),
    TOML: Bun.TOML.stringify(value),
    XML: Bun.XML.stringify({ release: value }),
    YAML: Bun.YAML.stringify(value, null, 2),
    JSON5: Bun.JSON5.stringify(value),
  })) {
    console.log(`${name}, ${format}: ${text.trim().replaceAll(/\s+/g, ' ')}`);
  }
}
const { opens } = Bun.YAML.parse(Bun.YAML.stringify(manifest));
console.log(`read from YAML: opens is ${JSON.stringify(opens)}, which is ${Boolean(opens)}`);
BUN
"$bun" writes.js >seen
cat seen
diff - seen <<'TOLD'
release.toml, JSON: {"version":"2026.10.2","built":"2026-10-02T03:00:00Z","day":"2026-10-02","opens":"22:30:00"}
release.toml, TOML: version = "2026.10.2" built = 2026-10-02T03:00:00Z day = 2026-10-02 opens = 22:30:00
release.toml, XML: <release><version>2026.10.2</version><built/><day/><opens/></release>
release.toml, YAML: version: 2026.10.2 built: {} day: {} opens: {}
release.toml, JSON5: {version:'2026.10.2',built:{},day:{},opens:{}}
others, JSON: {"date":"2026-10-02T03:00:00.000Z","url":"https://example.org/tool"}
others, TOML: date = 2026-10-02T03:00:00Z [url]
others, XML: <release><date>2026-10-02T03:00:00.000Z</date><url/></release>
others, YAML: date: {} url: {}
others, JSON5: {date:{},url:{}}
read from YAML: opens is {}, which is true
TOLD
