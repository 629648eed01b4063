#!/bin/sh
# GUESS     Rex' append_if_no_such_line appends a line "unless there is already an identical line": so its manual has it, where no
#           regular expression is given. `MaxSessions 10` is appended to a file that says # MaxSessions 10.
# HAPPENS   Nothing is appended, nothing is changed, and the task is done: the new line is looked for anywhere within each line. It is
#           found in the comment that switches it off, in MaxSessions 100, and allow web1 in allow web10, so that the first host
#           is missing from a list where the tenth was there before. That depends on which lines came first, and
#           two hosts of one fleet that were made in another order differ. regexp => qr{^…$} mends it. Where a line is
#           appended, empty lines at the file's end go.
# VERSIONS  Rex 1.14.1 (Debian 12), perl 5.36
# SOURCE    Rex::Commands::File(3pm), append_if_no_such_line; its _append_or_update: qr{\Q$new_line\E}. Seen by running
# NEEDS     perl 5.36, Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download rex=1.14.1-1 libclone-choose-perl libclone-perl libcpanel-json-xs-perl \
    libdevel-caller-perl libhash-merge-perl libhttp-date-perl libhttp-message-perl libjson-maybexs-perl libmodule-runtime-perl \
    libnet-openssh-perl libnet-ssh2-perl libpadwalker-perl libscalar-list-utils-perl libsort-naturally-perl libtext-glob-perl \
    libtry-tiny-perl liburi-perl libwww-perl libyaml-perl || { echo "not to be installed here" >&2; exit 77; }
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
PERL5LIB=$work/root/usr/share/perl5:$(echo "$work"/root/usr/lib/*/perl5/5.36)
export PERL5LIB HOME="$work"
perl -e 'use Rex -feature => ["1.4"]; use Rex::Commands::File; print "Rex $Rex::VERSION\n"' \
    || { echo "not to be run here" >&2; exit 77; }

cat >append.pl <<'PERL'
use strict;
use warnings;
use Rex -feature => ['1.4'];
use Rex::Commands::File;

$Rex::Logger::silent = 1;

sub appends {
    my ($text, @line) = @_;
    open my $file, '>', 'file' or die;
    print $file $text;
    close $file;
    append_if_no_such_line 'file', @line;
    open $file, '<', 'file' or die;
    my $after = join '', <$file>;
    close $file;
    s/\n/|/g for $text, $after;
    print "$text and $line[0]", (@line > 1 ? ', matched whole' : ''), ": $after\n";
}

appends("MaxSessions 5\n", 'MaxSessions 10');
appends("MaxSessions 10\n", 'MaxSessions 10');
appends("# MaxSessions 10\n", 'MaxSessions 10');
appends("MaxSessions 100\n", 'MaxSessions 10');
appends("MaxSessions 100\n", 'MaxSessions 10', qr{^MaxSessions 10$});
appends("allow web10\n", 'allow web1');
appends("allow web1\n", 'allow web10');
appends("PORT=80\n\n\n", 'HOST=web1');
PERL
perl append.pl >seen
cat seen
diff - seen <<'TOLD'
MaxSessions 5| and MaxSessions 10: MaxSessions 5|MaxSessions 10|
MaxSessions 10| and MaxSessions 10: MaxSessions 10|
# MaxSessions 10| and MaxSessions 10: # MaxSessions 10|
MaxSessions 100| and MaxSessions 10: MaxSessions 100|
MaxSessions 100| and MaxSessions 10, matched whole: MaxSessions 100|MaxSessions 10|
allow web10| and allow web1: allow web10|
allow web1| and allow web10: allow web1|allow web10|
PORT=80||| and HOST=web1: PORT=80|HOST=web1|
TOLD
