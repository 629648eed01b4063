#!/bin/sh
# GUESS     With pom.xml among bumpFiles, the version of the project is made the next one, as it is in gradle's file, where one line
#           changes; commit-and-tag-version's README: "just point to your pom.xml file".
# HAPPENS   The whole file is read into an object, which has one list for each name of an element, and is written anew from it: what
#           stands among others of its kind is put to the first of them. A build that stops the tool, copies the jar
#           and starts the tool now stops it, starts it, and then copies. Comments go where the first of them was, far from what
#           they are about, and CDATA is gone. It is committed as chore(release) and tagged; exit 0. To
#           see it one has to read a commit that is all new indentation. Order is kept where no two of a kind are apart.
# VERSIONS  commit-and-tag-version 13.2.1 (npm, 2026), which is the follower of standard-version
# SOURCE    lib/updaters/types/maven.js: XMLParser without preserveOrder, XMLBuilder; the package's README, Maven Support
# NEEDS     git, node, npm. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
command -v git >/dev/null || { echo "no git here" >&2; exit 77; }
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . commit-and-tag-version@13.2.1 >/dev/null 2>&1 \
    || { echo "not to be installed here" >&2; exit 77; }
echo "commit-and-tag-version 13.2.1"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null

mkdir tool
cd tool
git init --quiet --initial-branch=main
git config user.name nobody
git config user.email nobody@example.org
cat >pom.xml <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>org.example</groupId>
  <artifactId>tool</artifactId>
  <version>1.4.2</version>
  <build>
    <plugins>
      <plugin>
        <artifactId>maven-antrun-plugin</artifactId>
        <version>3.1.0</version>
        <configuration>
          <target>
            <exec executable="systemctl"><arg line="stop tool"/></exec>
            <!-- The jar is open while the tool runs. -->
            <copy file="target/tool.jar" todir="/srv/tool"/>
            <!-- It reads its table when it starts. -->
            <exec executable="tool-table"><arg line="--new"/></exec>
            <copy file="target/table" todir="/srv/tool"/>
            <exec executable="systemctl"><arg line="start tool"/></exec>
          </target>
        </configuration>
      </plugin>
    </plugins>
  </build>
</project>
POM
git add pom.xml
git commit --quiet --message 'feat: the tool'

# What the build does, in its order.
steps() {
    grep -oE '<(copy file|arg line)="[^"]*"|<!--.*-->' pom.xml | sed -e 's/^<//' -e 's/^/    /'
}
{
    echo 'before:'
    steps
    status=0
    node ../node_modules/commit-and-tag-version/bin/cli.js --packageFiles pom.xml --bumpFiles pom.xml --skip.changelog >log 2>&1 || status=$?
    echo "after: exit $status, $(git log -1 --format=%s), $(git tag)"
    steps
} >seen
cat seen
diff - seen <<'TOLD'
before:
    arg line="stop tool"
    !-- The jar is open while the tool runs. -->
    copy file="target/tool.jar"
    !-- It reads its table when it starts. -->
    arg line="--new"
    copy file="target/table"
    arg line="start tool"
after: exit 0, chore(release): 1.5.0, v1.5.0
    arg line="stop tool"
    arg line="--new"
    arg line="start tool"
    !-- The jar is open while the tool runs. -->
    !-- It reads its table when it starts. -->
    copy file="target/tool.jar"
    copy file="target/table"
TOLD
