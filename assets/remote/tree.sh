# shellcheck shell=sh
# Proves a folder against its manifest, whose format is told in the manifest room.
#
# Names are bytes: they travel between commands ended by zero bytes, and are lines only after `tr` has put the byte 1 where
# a name has a line feed. What differs is told as the manifest spells it, so nothing here has to escape a name.

# Lists a folder's entries: names, and of each its mode (hexadecimal) and size; and the SHA-256 of its files.
survey_tree() {
    find . -mindepth 1 -print0 >"$work/names0" &&
        xargs -0 -r stat -c '%f %s' <"$work/names0" >"$work/facts" &&
        tr '\n\000' '\001\n' <"$work/names0" >"$work/names" || return 1
    # What cannot be read has no sum, and so differs. Only a file that no other release shares can be new ("changed").
    case $1 in
    full) shared='' ;;
    changed) shared='-links 1' ;;
    esac
    # shellcheck disable=SC2086
    find . -type f $shared ! -path "*$newline*" -print0 | xargs -0 -r sha256sum >"$work/sums" 2>/dev/null
    # A name with a line feed would be two lines.
    # shellcheck disable=SC2016,SC2086
    find . -type f $shared -path "*$newline*" -print0 |
        xargs -0 -r sh -c 'for f; do s=$(sha256sum <"$f") && printf "%s  %s\000" "${s%% *}" "$f"; done' sh 2>/dev/null |
        tr '\n\000' '\001\n' >>"$work/sums"
}

# Shared by what follows: how names are spelled.
awk_names='
    # As sha256sum of coreutils marks a line whose name it escaped.
    function marked(line,   name, out, at, next_one) {
        name = substr(line, 68); out = ""
        while ((at = index(name, "\\")) > 0) {
            next_one = substr(name, at + 1, 1)
            out = out substr(name, 1, at - 1) (next_one == "n" ? "\001" : next_one == "r" ? "\r" : next_one)
            name = substr(name, at + 2)
        }
        return out name
    }
    function read_sums(file,   line) {
        while ((getline line <file) > 0) {
            if (substr(line, 1, 1) == "\\") sum[substr(marked(line), 3)] = substr(line, 2, 64)
            else sum[substr(line, 69)] = substr(line, 1, 64)
        }
    }
    # Of a raw mode as stat prints it: 41ed, 81a4, a1ff.
    function letter(mode,   first) {
        first = substr(mode, 1, length(mode) - 3)
        return first == "4" ? "d" : first == "8" ? "f" : first == "a" ? "l" : "?"
    }
    function runs(mode) { return index("4567cdef", substr(mode, length(mode) - 1, 1)) > 0 }
'

# prove FOLDER full|changed DIGEST: 0 when it is whole. Else $work/wrong lists the manifest's entries that are missing or
# differ, $work/kind those of them that are of another kind, and $work/extra what should not be there; the latter two as raw names.
prove() {
    work_here
    : >"$work/wrong"
    : >"$work/kind"
    : >"$work/extra"
    [ -d "$1" ] || return 1
    found_digest=$(digest_of "$1")
    case $found_digest in
    "$3"*) [ -n "$found_digest" ] ;;
    *) false ;;
    esac || {
        # Nothing can be said of the rest without it.
        echo MANIFEST >"$work/wrong"
        return 1
    }
    (
        cd "$1" || exit 2
        survey_tree "$2" || exit 2
        awk -F "$tab" "$awk_names"'
            # Undoes the escapes of a manifest.
            function plain(name,   out, at, code) {
                out = ""
                while ((at = index(name, "\\")) > 0) {
                    code = substr(name, at + 2, 1) * 64 + substr(name, at + 3, 1) * 8 + substr(name, at + 4, 1)
                    out = out substr(name, 1, at - 1) (code == 10 ? "\001" : sprintf("%c", code))
                    name = substr(name, at + 5)
                }
                return out name
            }
            BEGIN {
                work = ARGV[2]; all = ARGV[3] == "full"
                while ((getline <ARGV[1]) > 0) {
                    if (NF != 5) continue
                    key = index($5, "\\") ? plain($5) : $5
                    kind[key] = $1; mode[key] = $2; size[key] = $3; proof[key] = $4
                    if (key != $5) spelled[key] = $5
                }
                read_sums(work "/sums")
                while ((getline name <(work "/names")) > 0) {
                    if ((getline fact <(work "/facts")) <= 0) exit 2
                    key = substr(name, 3)
                    if (key == "MANIFEST") continue
                    split(fact, part, " ")
                    if (!(key in kind)) { print name >(work "/extra"); continue }
                    seen[key] = 1
                    is = letter(part[1])
                    good = is == kind[key]
                    if (!good) print name >(work "/kind")
                    else if (is == "f") {
                        good = part[2] == size[key] && runs(part[1]) == (mode[key] == "755")
                        if (good && (all || key in sum)) good = sum[key] == proof[key]
                    }
                    if (!good) print key in spelled ? spelled[key] : key >(work "/wrong")
                }
                for (key in kind) if (!(key in seen)) print key in spelled ? spelled[key] : key >(work "/wrong")
                exit 0
            }' MANIFEST "$work" "$2" || exit 2
        # Links are few: one by one.
        grep "^l$tab" MANIFEST | while IFS=$tab read -r _ _ _ proof path; do
            name=$(printf '%b_' "./$path")
            name=${name%_}
            # One that is missing was told already.
            [ -h "$name" ] || continue
            want=$(printf '%b\n_' "$proof")
            [ "$(readlink "$name" && echo _)" = "$want" ] || printf '%s\n' "$path" >>"$work/wrong"
        done
    ) || fail io "cannot read every file of $PWD/$1"
    [ ! -s "$work/wrong" ] && [ ! -s "$work/extra" ]
}

# Lists what `prove` found wrong. Beyond some thousands the names do not matter: nearly everything travels anyway.
say_wrong() {
    sed -e "s/^/$p_token wrong /" "$work/wrong"
}

# Says in one line how a folder differs: how many entries, and the first.
say_drift() {
    drift_wrong=$(grep -c '' "$work/wrong")
    drift_extra=$(grep -c '' "$work/extra")
    drift_first=$(cat "$work/wrong" "$work/extra" | head -n 1 | tr '\001-\037\177' '?')
    say drift "$drift_wrong" "$drift_extra" "${drift_first#./}"
}

# Removes from a folder of ours what `prove` found too much there, or of another kind: rsync replaces no folder by a file.
mend() {
    cat "$work/extra" "$work/kind" | tr '\n\001' '\000\n' >"$work/mend0"
    (cd "$1" && xargs -0 -r rm -rf -- <"$work/mend0") 2>/dev/null
}

# Writes the manifest of a folder that has none, for what is kept as a release.
write_manifest() {
    work_here
    (
        cd "$1" || exit 2
        survey_tree full || exit 2
        # shellcheck disable=SC2016
        find . -type l -print0 | xargs -0 -r sh -c 'for l; do printf "%s\000%s\000" "$l" "$(readlink "$l")"; done' sh |
            tr '\n\000' '\001\n' >"$work/links"
        paste -d ' ' "$work/facts" "$work/names" | awk "$awk_names"'
            function escaped(name,   out, i, c) {
                if (name !~ odd) return name
                out = ""
                for (i = 1; i <= length(name); i++) { c = substr(name, i, 1); out = out (c in code ? code[c] : c) }
                return out
            }
            BEGIN {
                work = ARGV[1]; ARGV[1] = ""
                odd = "["
                for (i = 1; i < 128; i++) if (i < 32 || i == 127) {
                    code[sprintf("%c", i)] = sprintf("\\0%03o", i == 1 ? 10 : i)
                    odd = odd sprintf("%c", i)
                }
                code["\\"] = "\\0134"; odd = odd "\\\\]"
                read_sums(work "/sums")
                while ((getline name <(work "/links")) > 0 && (getline target <(work "/links")) > 0) points[name] = target
            }
            {
                mode = $1; size = $2; name = substr($0, length(mode) + length(size) + 3); key = substr(name, 3)
                is = letter(mode)
                if (key == "MANIFEST") next
                if (is == "d") print key "\t" "d\t755\t0\t-\t" escaped(key)
                else if (is == "f") print key "\t" "f\t" (runs(mode) ? 755 : 644) "\t" size "\t" sum[key] "\t" escaped(key)
                else if (is == "l") print key "\t" "l\t777\t0\t" escaped(points[name]) "\t" escaped(key)
            }' "$work" | sort | sed "s/^.*$tab\([dfl]$tab[0-7]*$tab[0-9]*$tab[^$tab]*$tab[^$tab]*\)\$/\1/" >"$work/listed" || exit 2
        {
            echo 'coalmine-manifest 1'
            cat "$work/listed"
        } >MANIFEST
    ) || fail io "cannot write a manifest of $PWD/$1"
}
