#!/bin/sh
# GUESS     `stow -R tool` takes the links of a package away and makes them anew: "useful for pruning obsolete symlinks from the target tree
#           after updating the software in a package". What the new release has no more is gone from etc.
# HAPPENS   That is so for a file that is gone from a folder which is still there. Where its folder is gone too, as site.d is with the one
#           drop-in in it, stow does not look there: the link stays and leads nowhere, exit 0, no word. Who reads such a folder in
#           whole meets it: nginx does not start. -D leaves it as well, and then no package has it. It is so where the folder is a
#           real one in the target, as it is as soon as somebody else has a file in it; where it is itself a link it goes.
#           chkstow -b finds what is left.
# VERSIONS  GNU stow 2.3.1, nginx 1.22.1 (Debian 12)
# SOURCE    stow(8), -R; Stow.pm: unstow_contents goes through the package's folders as they are now, and cleanup_invalid_links through
#           those alone
# NEEDS     Debian 12's packages, perl. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in stow=2.3.1-1 nginx=1.22.1-9+deb12u11; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --extract "$package" root
done
export PERL5LIB="$work/root/usr/share/perl5"
PATH=$work/root/usr/bin:$work/root/usr/sbin:$PATH
stow --version
nginx -v 2>&1 || { echo "nginx is not to be run here" >&2; exit 77; }

# Lays the package of the first release, and a target in which others have files or have none, and links the one into the other.
lay() {
    rm -rf packages etc
    mkdir -p packages/tool/conf.d packages/tool/site.d etc/conf.d
    for file in conf.d/tool conf.d/old site.d/tool; do
        echo '# Of the tool.' >"packages/tool/$file.conf"
    done
    echo '# Of the site.' >etc/conf.d/site.conf
    if [ "$1" = others ]; then
        mkdir etc/site.d
        echo '# Of the site.' >etc/site.d/site.conf
    fi
    cat >etc/nginx.conf <<NGINX
error_log stderr;
pid $work/pid;
events {}
http {
    access_log off;
    client_body_temp_path $work/temp; proxy_temp_path $work/temp; fastcgi_temp_path $work/temp;
    uwsgi_temp_path $work/temp; scgi_temp_path $work/temp;
    include $work/etc/*.d/*.conf;
}
NGINX
    stow --dir=packages --target=etc tool
}
# Tells which links there are, and whether they lead anywhere.
tell() {
    echo "$1: exit $2"
    find etc -type l | sort | while read -r link; do
        echo "    $link$([ -e "$link" ] || echo ', which leads nowhere')"
    done
    status=0
    nginx -t -q -e stderr -p "$work" -c "$work/etc/nginx.conf" 2>words || status=$?
    echo "    nginx: exit $status$(sed -n "s|.*open() \"$work/\(.*\)\" failed.*|, no \1|p" words)"
}
{
    for who in others nobody; do
        lay "$who"
        tell "site.d has files of $who, the first release" $?
        rm -r packages/tool/conf.d/old.conf packages/tool/site.d
        stow --dir=packages --target=etc --restow tool && status=0 || status=$?
        tell "stow -R after the second" "$status"
        stow --dir=packages --target=etc --delete tool && status=0 || status=$?
        tell "stow -D" "$status"
        echo "    chkstow -b: $(chkstow -b -t etc 2>&1 | paste -s -d ' ')"
    done
} >seen
cat seen
diff - seen <<'TOLD'
site.d has files of others, the first release: exit 0
    etc/conf.d/old.conf
    etc/conf.d/tool.conf
    etc/site.d/tool.conf
    nginx: exit 0
stow -R after the second: exit 0
    etc/conf.d/tool.conf
    etc/site.d/tool.conf, which leads nowhere
    nginx: exit 1, no etc/site.d/tool.conf
stow -D: exit 0
    etc/site.d/tool.conf, which leads nowhere
    nginx: exit 1, no etc/site.d/tool.conf
    chkstow -b: Bogus link: etc/site.d/tool.conf
site.d has files of nobody, the first release: exit 0
    etc/conf.d/old.conf
    etc/conf.d/tool.conf
    etc/site.d
    nginx: exit 0
stow -R after the second: exit 0
    etc/conf.d/tool.conf
    nginx: exit 0
stow -D: exit 0
    nginx: exit 0
    chkstow -b: 
TOLD
