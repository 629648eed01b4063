#!/bin/sh
# GUESS     addLocalFolder of npm's adm-zip puts in a folder with all that is in it. It knows no links: a folder that a link leads to
#           is in the zip under both names, so a release with `current -> releases/2` is packed twice, as ever.
# HAPPENS   Since 0.6.0, of July 2026, it is packed once, under whichever name comes first by letter. current comes before releases:
#           the zip has current/tool, and releases/2/ in it is an empty folder. So the real folder is lost to its link: conf.d
#           is empty where there is conf -> conf.d. Is the link named upcoming it is the empty one. addLocalFolderAsync is the same,
#           and addLocalFolderPromise, which goes another way, has current/ empty. No error is raised. 0.5.16 has all
#           under every name.
# VERSIONS  adm-zip 0.6.1, of 2026, and 0.5.16 (npm)
# SOURCE    adm-zip's util/utils.js: findSync and its set of the folders visited. Seen by running
# NEEDS     node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . adm-zip@0.6.1 before@npm:adm-zip@0.5.16 \
    || { echo "not to be installed here" >&2; exit 77; }
mkdir -p srv/releases/1 srv/releases/2
echo 1 >srv/releases/1/tool
echo 2 >srv/releases/2/tool

cat >pack.js <<'JS'
const { renameSync, symlinkSync, unlinkSync } = require('fs');

// The ways of adding a folder.
const ways = {
  addLocalFolder: async zip => zip.addLocalFolder('srv'),
  addLocalFolderAsync: zip =>
    new Promise((done, failed) => zip.addLocalFolderAsync('srv', (added, error) => error ? failed(error) : done())),
  addLocalFolderPromise: zip => zip.addLocalFolderPromise('srv', {}),
};
(async () => {
  for (const link of ['current', 'upcoming']) {
    symlinkSync('releases/2', `srv/${link}`);
    for (const [name, Zip] of [['0.6.1', require('adm-zip')], ['0.5.16', require('before')]]) {
      for (const [way, add] of Object.entries(ways)) {
        const zip = new Zip();
        await add(zip);
        const files = zip.getEntries().filter(entry => !entry.isDirectory).map(entry => entry.entryName).sort();
        console.log(`${link}, ${name}, ${way}: ${files.join(' ')}`);
      }
    }
    unlinkSync(`srv/${link}`);
  }
})();
JS
node pack.js >seen
cat seen
diff - seen <<'TOLD'
current, 0.6.1, addLocalFolder: current/tool releases/1/tool
current, 0.6.1, addLocalFolderAsync: current/tool releases/1/tool
current, 0.6.1, addLocalFolderPromise: releases/1/tool releases/2/tool
current, 0.5.16, addLocalFolder: current/tool releases/1/tool releases/2/tool
current, 0.5.16, addLocalFolderAsync: current/tool releases/1/tool releases/2/tool
current, 0.5.16, addLocalFolderPromise: current/tool releases/1/tool releases/2/tool
upcoming, 0.6.1, addLocalFolder: releases/1/tool releases/2/tool
upcoming, 0.6.1, addLocalFolderAsync: releases/1/tool releases/2/tool
upcoming, 0.6.1, addLocalFolderPromise: releases/1/tool releases/2/tool
upcoming, 0.5.16, addLocalFolder: releases/1/tool releases/2/tool upcoming/tool
upcoming, 0.5.16, addLocalFolderAsync: releases/1/tool releases/2/tool upcoming/tool
upcoming, 0.5.16, addLocalFolderPromise: releases/1/tool releases/2/tool upcoming/tool
TOLD
