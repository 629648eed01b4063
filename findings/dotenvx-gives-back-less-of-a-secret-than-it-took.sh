#!/bin/sh
# GUESS     `dotenvx set PASSWORD 'sa$lt'` encrypts what it is given, and `dotenvx get` and `dotenvx run` give back the same. What is
#           encrypted is one value, and no line of a file that somebody has to quote.
# HAPPENS   They give back "sa": what is decrypted is read once more as text with variables in it, and $lt is not set. Of a$$b a dollar
#           and the b are gone, and $(...) is what the command says at the time. All exit 0, and in the file nothing shows, as it is
#           encrypted there. --plain writes it in double quotes, and it goes the same way; there a backslash with an n becomes
#           the end of a line too, which it does not as a secret. To be kept, a dollar has to come with a backslash before it.
# VERSIONS  @dotenvx/dotenvx 2.38.2 (npm)
# SOURCE    `dotenvx set --help`: "encrypt a single environment variable"; its README, `set`, has no word of this, and that on variable
#           expansion is about what stands in a file; issues 562 and 689, closed
# NEEDS     node 20 or newer, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" @dotenvx/dotenvx@2.38.2 >/dev/null \
    || { echo "not to be installed here" >&2; exit 77; }
dotenvx=$work/node_modules/.bin/dotenvx
export HOME="$work"
"$dotenvx" --version

mkdir tool
cd tool
unset PASSWORD lt b
# shellcheck disable=SC2016 # That is what is asked about.
for secret in 'salt' 'sa$lt' 'a$$b' 'a\nb' 'on $(echo some) day' 'sa\$lt'; do
    printf '%s\n' "$secret"
    for option in --encrypt --plain; do
        rm -f .env .env.keys
        : >.env
        "$dotenvx" set PASSWORD "$secret" "$option" >../words 2>&1
        kept="as it is"
        if grep -q '^PASSWORD="*encrypted:' .env; then kept="encrypted"; fi
        got=$("$dotenvx" get PASSWORD | paste -s -d '|')
        ran=$("$dotenvx" run --quiet -- printenv PASSWORD | paste -s -d '|')
        printf '  %s, kept %s: get %s, run %s\n' "$option" "$kept" "$got" "$ran"
    done
done >../seen
cat ../seen
diff - ../seen <<'TOLD'
salt
  --encrypt, kept encrypted: get salt, run salt
  --plain, kept as it is: get salt, run salt
sa$lt
  --encrypt, kept encrypted: get sa, run sa
  --plain, kept as it is: get sa, run sa
a$$b
  --encrypt, kept encrypted: get a$, run a$
  --plain, kept as it is: get a$, run a$
a\nb
  --encrypt, kept encrypted: get a\nb, run a\nb
  --plain, kept as it is: get a|b, run a|b
on $(echo some) day
  --encrypt, kept encrypted: get on some day, run on some day
  --plain, kept as it is: get on some day, run on some day
sa\$lt
  --encrypt, kept encrypted: get sa$lt, run sa$lt
  --plain, kept as it is: get sa$lt, run sa$lt
TOLD
