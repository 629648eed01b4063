#!/bin/sh
# GUESS     run-parts runs what is named in letters, digits, - and _: a script that is put aside as web.off or 20-web.bak, or that
#           dpkg and rpm put aside as web.dpkg-old and web.rpmsave, stays where it is and is not run. So it is in Debian, and
#           elsewhere by a list of such endings.
# HAPPENS   busybox's takes dots as well, and runs every one of them: the old hook beside the new one, in its alphabetical place
#           behind it, and what was switched off. Only ~ and , keep a script out, and a dot in front. Its help says "a bunch
#           of scripts". --test shows it beforehand.
# VERSIONS  busybox 1.35.0, debianutils 5.7 (Debian 12)
# SOURCE    run-parts(8) of debianutils; `busybox run-parts --help`. Seen by running
# NEEDS     Debian 12's packages. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu
export LC_ALL=C

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for package in busybox-static=1:1.35.0-4+deb12u1+b1 debianutils=5.7-0.5~deb12u1; do
    apt-get -qq -o APT::Sandbox::User=root download "$package" || { echo "not to be installed here" >&2; exit 77; }
done
for package in *.deb; do
    dpkg-deb --show "$package"
    dpkg-deb --extract "$package" root
done

mkdir hooks
for name in 10-depool 20-web 20-web.bak 20-web.dpkg-old 20-web.off 20-web.rpmsave 20-web~ 20-web,v .20-web.swp; do
    printf '#!/bin/sh\necho "%s"\n' "$name" >"hooks/$name"
    chmod +x "hooks/$name"
done
{
    echo "debianutils: $(root/bin/run-parts hooks | paste -s -d ' ')"
    echo "busybox: $(root/bin/busybox run-parts hooks | paste -s -d ' ')"
} >seen
cat seen
diff - seen <<'TOLD'
debianutils: 10-depool 20-web
busybox: 10-depool 20-web 20-web.bak 20-web.dpkg-old 20-web.off 20-web.rpmsave
TOLD
