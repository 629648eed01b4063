#!/bin/sh
# GUESS     patch(text, value) gives the text of what parse gave, altered and with its comments kept: read again, it is the
#           value that was handed over. A wave that is taken out or put before another takes its gate along.
# HAPPENS   Of an array of tables the tables move, and what stands below as [wave.gate] does not. Whichever wave is taken
#           out, the gates of the others go, without an error. In another order all gates come to stand below one wave, and
#           the text has the same table twice, which this package cannot read either. To put a wave before, between or
#           behind is well, and so is all where the gate is written within its wave.
# VERSIONS  @decimalturn/toml-patch 3.3.0, of 2026, smol-toml 1.9.1 (npm)
# SOURCE    the package's README, on patch; seen by running, with another parser for the reading
# NEEDS     node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @decimalturn/toml-patch@3.3.0 smol-toml@1.9.1 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
echo "@decimalturn/toml-patch 3.3.0, smol-toml 1.9.1"

cat >tables.toml <<'TOML'
[[wave]]
name = "canary"

[[wave]]
name = "rest"
[wave.gate]
wait = "5m"

[[wave]]
name = "late"
[wave.gate]
wait = "1h"
TOML
sed -e '/^\[wave/d' -e 's/^wait.*/gate = { & }/' tables.toml >inline.toml
cat >move.mjs <<'NODE'
import { readFileSync } from 'node:fs';
import { patch } from '@decimalturn/toml-patch';
import { parse } from 'smol-toml';

const told = (waves) => waves.map(({ name, gate }) => `${name} ${gate ? gate.wait : '-'}`).join(', ');
const edits = {
  'first out': (waves) => waves.shift(),
  'second out': (waves) => waves.splice(1, 1),
  'last out': (waves) => waves.pop(),
  'other order': (waves) => waves.reverse(),
  'one before': (waves) => waves.unshift({ name: 'pilot' }),
  'one between': (waves) => waves.splice(2, 0, { name: 'between' }),
  'one behind': (waves) => waves.push({ name: 'end' }),
};
for (const file of ['tables.toml', 'inline.toml']) {
  const text = readFileSync(file, 'utf8');
  for (const [name, edit] of Object.entries(edits)) {
    const value = parse(text);
    edit(value.wave);
    let written;
    try {
      written = told(parse(patch(text, value)).wave);
    } catch (error) {
      written = error.message.split('\n')[0];
    }
    console.log(`${file}, ${name}: ${told(value.wave)}${written === told(value.wave) ? '' : `; written: ${written}`}`);
  }
}
NODE
node move.mjs >seen
cat seen
diff - seen <<'TOLD'
tables.toml, first out: rest 5m, late 1h; written: rest -, late -
tables.toml, second out: canary -, late 1h; written: canary -, late -
tables.toml, last out: canary -, rest 5m; written: canary -, rest -
tables.toml, other order: late 1h, rest 5m, canary -; written: Invalid TOML document: trying to redefine an already defined table or value
tables.toml, one before: pilot -, canary -, rest 5m, late 1h
tables.toml, one between: canary -, rest 5m, between -, late 1h
tables.toml, one behind: canary -, rest 5m, late 1h, end -
inline.toml, first out: rest 5m, late 1h
inline.toml, second out: canary -, late 1h
inline.toml, last out: canary -, rest 5m
inline.toml, other order: late 1h, rest 5m, canary -
inline.toml, one before: pilot -, canary -, rest 5m, late 1h
inline.toml, one between: canary -, rest 5m, between -, late 1h
inline.toml, one behind: canary -, rest 5m, late 1h, end -
TOLD
