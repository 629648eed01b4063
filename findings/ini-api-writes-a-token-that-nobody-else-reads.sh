#!/bin/sh
# GUESS     ini-api reads an INI file, changes a value and leaves the other lines as they are. A value goes from the first = to the end
#           of the line, as for all who read such files, and what is set is what the program gets that the file is for.
# HAPPENS   A value ends at its second =: of a token in base64 its padding is missing, and of an address of a database all from the first
#           = of its query on, sslmode=require and what follows. setValue() writes a backslash before each =, # and ;, and before
#           each backslash, which ini-api alone takes out again: for Python's configparser and npm's ini the new token is
#           bmV3\=\=, and an option --filter\=... Nothing is said, and getValue() after setValue() has the right ones.
# VERSIONS  ini-api 2.0.2, ini 7.0.0 (npm, 2026), Python's configparser
# SOURCE    ini-api/dist/index.mjs: escape, replace(/[;#=\\]/g, ...); its README does not tell of an escape
# NEEDS     node, npm, python3. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . ini-api@2.0.2 ini@7.0.0 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
echo "ini-api 2.0.2, ini 7.0.0"

cat >before <<'INI'
[tool]
token = b2xkIQ==
database = postgres://tool@db01/tool?sslmode=require&connect_timeout=5
options = --quiet
INI
cat >edit.js <<'NODE'
const { readFileSync, writeFileSync } = require('fs');
const { Ini } = require('ini-api');

const file = new Ini(readFileSync('before', 'utf8'));
const tool = file.getSection('tool');
for (const key of ['token', 'database', 'options']) console.log(`ini-api reads ${key}: ${tool.getValue(key)}`);
tool.setValue('token', 'bmV3==');
tool.setValue('options', '--filter=log;debug --color=#fff');
writeFileSync('after', file.stringify());
for (const key of ['token', 'options']) console.log(`ini-api reads what it set, ${key}: ${tool.getValue(key)}`);
NODE
cat >read.js <<'NODE'
const { tool } = require('ini').parse(require('fs').readFileSync(process.argv[2], 'utf8'));
for (const [key, value] of Object.entries(tool)) console.log(`    ini: ${key}: ${value}`);
NODE
cat >read.py <<'PYTHON'
import configparser
import sys

file = configparser.ConfigParser(interpolation=None)
file.read(sys.argv[1])
for key, value in file["tool"].items():
    print(f"    configparser: {key}: {value}")
PYTHON
{
    node edit.js
    echo "written"
    diff before after | sed -n 's/^[<>]/    &/p'
    for file in before after; do
        echo "$file, as others read it"
        python3 read.py "$file"
        node read.js "$file"
    done
} >seen
cat seen
diff - seen <<'TOLD'
ini-api reads token: b2xkIQ
ini-api reads database: postgres://tool@db01/tool?sslmode
ini-api reads options: --quiet
ini-api reads what it set, token: bmV3==
ini-api reads what it set, options: --filter=log;debug --color=#fff
written
    < token = b2xkIQ==
    > token=bmV3\=\=
    < options = --quiet
    > options=--filter\=log\;debug --color\=\#fff
before, as others read it
    configparser: token: b2xkIQ==
    configparser: database: postgres://tool@db01/tool?sslmode=require&connect_timeout=5
    configparser: options: --quiet
    ini: token: b2xkIQ==
    ini: database: postgres://tool@db01/tool?sslmode=require&connect_timeout=5
    ini: options: --quiet
after, as others read it
    configparser: token: bmV3\=\=
    configparser: database: postgres://tool@db01/tool?sslmode=require&connect_timeout=5
    configparser: options: --filter\=log\;debug --color\=\#fff
    ini: token: bmV3\=\=
    ini: database: postgres://tool@db01/tool?sslmode=require&connect_timeout=5
    ini: options: --filter\=log;debug --color\=#fff
TOLD
