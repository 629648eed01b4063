#!/bin/sh
# GUESS     PharData unpacks a tar of GNU's or POSIX' format, and Composer lets it: a link of the archive is a link again,
#           and the two names of one file, which GNU tar writes as a hard link, both have what the file holds.
# HAPPENS   extractTo says true, and makes an empty file of each: current, of mode 777, and the second name of the tool,
#           empty and executable. Through phar:// the second name is read in the archive as it should be. Empty folders are
#           left out, and of a name over 100 bytes in POSIX' format (GNU tar's --format=pax) it takes the first 100; in
#           GNU's it is whole.
# VERSIONS  PHP 8.2's phar (Debian 12), GNU tar
# SOURCE    php.net, PharData::extractTo; Composer 2.5.5, src/Composer/Downloader/TarDownloader.php; seen by running
# NEEDS     Debian 12's packages, with what php8.2-cli depends on, GNU tar. Exits 0: as told; 1: it behaves otherwise; 77:
#           cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download php8.2-cli php8.2-common || { echo "not to be installed here" >&2; exit 77; }
for package in *.deb; do dpkg-deb --extract "$package" root; done
php() {
    root/usr/bin/php8.2 -d extension_dir="$(echo root/usr/lib/php/2*)" -d extension=phar "$@"
}
php --version || { echo "no library for PHP here" >&2; exit 77; }
tar --version | head -n 1

name=$(printf 'long%.0s' $(seq 30))
mkdir -p release/bin release/spool
echo 'the tool' >release/bin/tool
chmod 755 release/bin/tool
ln release/bin/tool release/bin/tool-1
ln -s bin/tool release/current
echo 'long' >"release/$name"
for format in gnu pax; do
    tar --format="$format" -cf "$format.tar" release/bin/tool release/bin/tool-1 release/current release/spool "release/$name"
done

cat >unpack.php <<'PHP'
<?php
foreach (['gnu', 'pax'] as $format) {
    mkdir($format);
    echo "$format.tar: ", var_export((new PharData("$format.tar"))->extractTo($format), true);
    echo '; bin/tool-1 in it: ', file_get_contents("phar://$format.tar/release/bin/tool-1");
}
PHP
{
    php unpack.php
    for format in gnu pax; do
        echo "$format:"
        find "$format" -type d -printf '    %P, folder\n' -o -printf '    %P, %y, mode %m, size %s\n' | sort |
            awk -F , -v OFS=, '/longlong/ { $1 = "    a name of " length($1) - 4 " bytes" } { print }'
    done
} >seen
cat seen
diff - seen <<'TOLD'
gnu.tar: true; bin/tool-1 in it: the tool
pax.tar: true; bin/tool-1 in it: the tool
gnu:
    , folder
    release, folder
    release/bin, folder
    release/bin/tool, f, mode 755, size 9
    release/bin/tool-1, f, mode 755, size 0
    release/current, f, mode 777, size 0
    a name of 128 bytes, f, mode 644, size 5
pax:
    , folder
    release, folder
    release/bin, folder
    release/bin/tool, f, mode 755, size 9
    release/bin/tool-1, f, mode 755, size 0
    release/current, f, mode 777, size 0
    a name of 100 bytes, f, mode 644, size 5
TOLD
