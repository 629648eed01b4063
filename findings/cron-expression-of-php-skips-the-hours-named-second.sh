#!/bin/sh
# GUESS     A list in a cron time has no order: `0 20,4 * * *` runs at 4 and at 20, and the hours of a night are 22-23,2-4. Who asks
#           PHP's cron-expression for the next times gets what crontab(5) has, and a time that is due is one of them.
# HAPPENS   The hours are walked in the order written, and what stands behind a larger one is passed over: of 20,4 the next
#           times are 20:00 each day and never 04:00, of 22-23,2-4 they are 22:00 and 23:00. Of the minutes 40,10 it is the
#           40th alone. Days are tried one by one and are well. isDue says yes at 04:00 all the same, so a scheduler that
#           asks each minute runs at times that its own list of the next runs denies.
# VERSIONS  dragonmantank/cron-expression 3.3.1, PHP 8.2 (Debian 12). Minutes are sorted from 3.3.3 on, hours in no release
#           up to November 2025.
# SOURCE    src/Cron/HoursField.php and MinutesField.php: increment takes the first pair of neighbours that has the current
#           hour between them, else the first of all; crontab(5), of lists
# NEEDS     Debian 12's packages, with what php8.2-cli depends on. Exits 0: as told; 1: it behaves otherwise; 77: cannot be
#           installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download php-dragonmantank-cron-expression=3.3.1-2 php-webmozart-assert php8.2-cli \
    || { echo "not to be installed here" >&2; exit 77; }
for package in *.deb; do dpkg-deb --extract "$package" root; done
root/usr/bin/php8.2 --version || { echo "no library for PHP here" >&2; exit 77; }
dpkg-deb --show php-dragonmantank-cron-expression_*.deb

cat >times.php <<'PHP'
<?php
error_reporting(E_ALL & ~E_DEPRECATED);
date_default_timezone_set('UTC');
spl_autoload_register(fn ($class) => require 'root/usr/share/php/' . strtr($class, '\\', '/') . '.php');
while ($expression = fgets(STDIN)) {
    $time = new Cron\CronExpression(trim($expression));
    $runs = array_map(fn ($run) => $run->format('d/H:i'), $time->getMultipleRunDates(5, '2026-11-30 00:30'));
    // What it takes for due, minute by minute, over the same days.
    $due = [];
    for ($at = new DateTime('2026-11-30 00:31'); count($due) < 5; $at->modify('+1 minute')) {
        if ($time->isDue($at)) $due[] = $at->format('d/H:i');
    }
    printf("%s\n    next %s\n    due  %s\n", trim($expression), implode(' ', $runs), implode(' ', $due));
}
PHP
root/usr/bin/php8.2 times.php >seen <<'TIMES'
0 4,20 * * *
0 20,4 * * *
0 2-4,22-23 * * *
0 22-23,2-4 * * *
40,10 * * * *
0 4 2,1 * *
0 4 * * 3,2
TIMES
cat seen
diff - seen <<'TOLD'
0 4,20 * * *
    next 30/04:00 30/20:00 01/04:00 01/20:00 02/04:00
    due  30/04:00 30/20:00 01/04:00 01/20:00 02/04:00
0 20,4 * * *
    next 30/20:00 01/20:00 02/20:00 03/20:00 04/20:00
    due  30/04:00 30/20:00 01/04:00 01/20:00 02/04:00
0 2-4,22-23 * * *
    next 30/02:00 30/03:00 30/04:00 30/22:00 30/23:00
    due  30/02:00 30/03:00 30/04:00 30/22:00 30/23:00
0 22-23,2-4 * * *
    next 30/22:00 30/23:00 01/22:00 01/23:00 02/22:00
    due  30/02:00 30/03:00 30/04:00 30/22:00 30/23:00
40,10 * * * *
    next 30/00:40 30/01:40 30/02:40 30/03:40 30/04:40
    due  30/00:40 30/01:10 30/01:40 30/02:10 30/02:40
0 4 2,1 * *
    next 01/04:00 02/04:00 01/04:00 02/04:00 01/04:00
    due  01/04:00 02/04:00 01/04:00 02/04:00 01/04:00
0 4 * * 3,2
    next 01/04:00 02/04:00 08/04:00 09/04:00 15/04:00
    due  01/04:00 02/04:00 08/04:00 09/04:00 15/04:00
TOLD
