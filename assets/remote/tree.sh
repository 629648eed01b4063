# shellcheck shell=sh
# Proves a folder against its manifest, whose format is told in the manifest room.
#
# Names are bytes: they travel between commands ended by zero bytes, and are lines only after `tr` has put another byte where
# a name has a line feed: the stand-in, one that no name there has in it. What differs is told as the manifest spells it, so nothing here has to escape a name.

# Lists a folder's entries, a line each, with tabs between: mode, size, links and name; where links lead; and the SHA-256 of its files.
#
# Each step writes a file and says whether it could: of a pipeline only the last command is heard, and one that was killed
# before it looks like one that had nothing to say.
survey_tree() {
    how=$1
    # Where the manifest has no byte that is spelled otherwise, neither have the names that matter. Of the one that it is to be the other side
    # knows that.
    is_plain='' is_quick=''
    if [ -n "$p_plain" ] && [ -n "$digest" ] && [ "$digest" = "$p_digest" ]; then
        is_plain=yes
    else
        grep -q -F "\\" MANIFEST 2>/dev/null
        [ $? -ne 1 ] || is_plain=yes
    fi
    printf '' >"$work/links"
    choose_hasher
    if [ -n "$is_plain" ] && [ -z "$careful" ] && walk_tree; then
        is_quick=yes stand_in=001
        echo "$stand_in" >"$work/stand_in"
        return
    fi
    # All is hashed, then, and recorded by a walk of its own.
    base=''
    printf '' >"$work/seen"
    list_tree && choose_stand_in || return 1
    echo "$stand_in" >"$work/stand_in" &&
        tr '\n\000' "\\$stand_in\\n" <"$work/names0" >"$work/names" &&
        paste "$work/facts" "$work/names" >"$work/entries" || return 1
    [ ! -s "$work/links0" ] ||
        tr '\n\000' "\\$stand_in\\n" <"$work/links0" >"$work/links" || return 1
    # What cannot be read has no sum, and so differs. Only a file that no other release shares can be new ("changed").
    set --
    [ "$how" = full ] || set -- -links 1
    # shellcheck disable=SC2086
    find . -type f "$@" ! -path "$odd" -exec $hasher {} + >"$work/sums" 2>/dev/null
    [ -z "$is_plain" ] || return 0
    # A name with a line feed would be two lines, and not all escape a backslash.
    # shellcheck disable=SC2016
    find . -type f "$@" -path "$odd" \
        -exec sh -c 'for f; do s=$(sha256sum <"$f") && printf "%s  %s\000" "${s%% *}" "$f"; done' sh {} + \
        >"$work/sums0" 2>/dev/null
    tr '\n\000' "\\$stand_in\\n" <"$work/sums0" >>"$work/sums"
}

# Does all of it by one walk, and what `record` needs, where `find` is GNU's and every file can be read. A name with a line feed makes
# a line that has no `./` where a name begins, and where a link leads is as long as its size, unless there is one in it.
#
# What a release shares with one that is proven is hashed where it was changed since its links were made, and marked: that has to have a sum.
walk_tree() {
    set -- -mindepth 1 ! -path "${unlisted:-./}"
    # Later than the links, or while the release was proven of which they were made: the latter moves the time of an edit as well.
    [ -z "$base" ] || set -- "$@" '(' '(' -cnewer "$root/$based_at" -o -newer "$root/$based_before" ')' \
        -fprintf "$work/entries" '!' -o -true ')'
    set -- "$@" -fprintf "$work/entries" '%y%04m\t%s\t%n\t%p\n'
    if [ "$how" = full ] && [ -n "$began" ]; then
        set -- "$@" '(' -cnewer "$root/$began" -fprintf "$work/seen" '!' -fprintf "$work/kept" '!' -o -true ')' \
            -fprintf "$work/seen" "$seen_of_each" -fprintf "$work/kept" "$kept_of_each"
    fi
    set -- "$@" '(' -type l -fprintf "$work/links" '%p\n%l\n' -o -type f
    if [ "$how" = changed ]; then
        set -- "$@" -links 1
    elif [ -n "$base" ]; then
        set -- "$@" '(' -links 1 -o -cnewer "$root/$based_at" -o -newer "$root/$based_before" ')'
    fi
    # shellcheck disable=SC2086
    find . "$@" ! -path "$odd" -exec $hasher ${base:+"$root/releases/$base/MANIFEST"} {} + ')' >"$work/sums" 2>/dev/null
}

# Lists names, links and facts: by one walk where `find` is GNU's, a tool for each elsewhere.
list_tree() {
    set -- -mindepth 1 ! -path "${unlisted:-./}"
    find . "$@" -fprint0 "$work/names0" -fprintf "$work/facts" '%y%04m\t%s\t%n\n' \
        -type l -fprintf "$work/links0" '%p\000%l\000' 2>/dev/null && return 0
    # A tree that nobody changes lists itself in one order.
    find . "$@" -print0 >"$work/names0" &&
        find . "$@" -exec stat -c "%f$tab%s$tab%h" {} + >"$work/facts" || return 1
    # shellcheck disable=SC2016
    find . -type l -exec sh -c 'for l; do
        t=$(readlink "$l" && echo _) || exit 1
        printf "%s\000%s\000" "$l" "${t%??}" || exit 1
    done' sh {} + >"$work/links0"
}

# Chooses the byte that stands in for a line feed. Escaped, it stands in the manifest. Which one is all the same to names that are
# spelled as they are; to those that are too many it is not.
choose_stand_in() {
    stand_in=001
    [ -z "$is_plain" ] || [ -n "$careful" ] || return 0
    for stand_in in 001 002 003 004 005 006 007 016 017 020 021 022 023 024 025; do
        [ -n "$is_plain" ] || ! grep -q -F "\\0$stand_in" MANIFEST 2>/dev/null || continue
        tr -dc "\\$stand_in" <"$work/names0" >"$work/taken" || return 1
        [ ! -s "$work/links0" ] || tr -dc "\\$stand_in" <"$work/links0" >>"$work/taken" || return 1
        [ -s "$work/taken" ] || return 0
    done
    return 1
}

# Chooses what hashes files: OpenSSL where it is installed, since it knows the processor's instructions for that and the coreutils of
# most distributions do not. Its lines are those of sha256sum, which is asked where it does not work.
choose_hasher() {
    odd="*[\\\\$newline]*"
    hasher=sha256sum
    [ -n "$careful" ] || ! command -v openssl >/dev/null 2>&1 || hasher='openssl dgst -sha256 -r'
}

# Shared by what follows: how names are spelled.
awk_names='
    function octal(digits) { return substr(digits, 1, 1) * 64 + substr(digits, 2, 1) * 8 + substr(digits, 3, 1) }
    # As sha256sum of coreutils marks a line whose name it escaped.
    function marked(line,   name, out, at, next_one) {
        name = substr(line, 68); out = ""
        while ((at = index(name, "\\")) > 0) {
            next_one = substr(name, at + 1, 1)
            out = out substr(name, 1, at - 1) (next_one == "n" ? stand_in : next_one == "r" ? "\r" : next_one)
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
    # Of a mode as find prints it with the kind before it, d755, f4755, l777; or raw as stat does: 41ed, 81a4, a1ff.
    function is_raw(mode) { return index("dflpbsD", substr(mode, 1, 1)) == 0 }
    function letter(mode,   first) {
        if (!is_raw(mode)) return index("dfl", first = substr(mode, 1, 1)) ? first : "?"
        first = substr(mode, 1, length(mode) - 3)
        return first == "4" ? "d" : first == "8" ? "f" : first == "a" ? "l" : "?"
    }
    function digit(mode, from_end) { return index("0123456789abcdef", substr(mode, length(mode) - from_end, 1)) - 1 }
    # 81a4 is 100644 in octal: the owner may execute where the third of its nine bits is set.
    function runs(mode) { return is_raw(mode) ? int(digit(mode, 1) / 4) % 2 == 1 : digit(mode, 2) % 2 == 1 }
    function is_set_id(mode) { return is_raw(mode) ? int(digit(mode, 2) / 4) : int(digit(mode, 3) / 2) }
    # What runs as another, or what anybody may write: nothing that was released has either. A folder takes over the set-id
    # bit of groups from the one that it is made in.
    function safe(mode) { return int(digit(mode, 0) / 2) % 2 == 0 && (letter(mode) == "d" || !is_set_id(mode)) }
'

# prove FOLDER full|changed DIGEST: 0 when it is whole. Else `wrong` and `extra` are how many entries differ and are too many;
# $work/wrong lists the manifest's entries that are missing or differ, $work/kind those of them that are of another kind, and
# $work/extra what should not be there; the latter two as raw names.
prove() {
    work_here
    clear_lists "$1"
    [ -d "$1" ] || return 1
    # What is recorded of it is not to be younger than what is proven.
    ask_time || time=''
    began='' base='' careful=''
    [ "$2" != full ] || begin_record
    [ "$2" != full ] || [ "$1" != "releases/.$p_id.$p_rollout" ] || find_base
    [ -z "$base" ] || ! prove_beside_base "$1" || return 0
    # To say what is wrong, all of it is looked at.
    base='' proof_time=$time
    clear_lists "$1"
    digest_of "$1"
    case $digest in
    "$3"*) [ -n "$digest" ] ;;
    *) false ;;
    esac || {
        # Nothing can be said of the rest without it.
        write MANIFEST "$work/wrong"
        wrong=1
        return 1
    }
    compare "$1" "$2"
    # What has no sum cannot be read; or what hashes was killed, or cannot hash, and that says nothing of the file.
    if [ -z "$careful" ] && { [ "$unread" -gt 0 ] || [ "$extra" -gt 0 ]; }; then
        careful=yes
        compare "$1" "$2"
    fi
    [ "$wrong" -eq 0 ] && [ "$extra" -eq 0 ]
}

# Begins anew with what is wrong with a folder.
clear_lists() {
    wrong=0 extra=0
    for list in wrong kind extra; do
        printf '' >"$work/$list" || unproven "$1"
    done
}

# Proves a folder that was linked from a release whose proof counts: by one walk, in which both manifests are hashed with the rest. What it
# promises is not known to be what was built before that walk has ended.
prove_beside_base() {
    read_record "$base" "${base##*-}" || return 1
    digest=$p_digest proof_time=$proven_at
    compare "$1" full
    [ "$wrong" -eq 0 ] && [ "$extra" -eq 0 ] && [ "$manifest_sum $base_sum" = "$p_digest $known" ]
}

# compare FOLDER full|changed: sets `wrong`, `extra`, and `unread`, how many files have no sum; and `manifest_sum` and `base_sum` to those of the two
# manifests, where they were hashed.
compare() {
    clear_lists "$1"
    printf '' >"$work/seen" || unproven "$1"
    remove "$work/verdict"
    root=$PWD
    cd "$1" || unproven "$1"
    find_differences "$2"
    compared=$?
    cd "$root" || fail io "cannot enter $root"
    case $compared in
    0) ;;
    3)
        # A name has a line feed that the manifest knows nothing of.
        [ -z "$careful" ] || unproven "$1"
        careful=yes
        compare "$1" "$2"
        return
        ;;
    *)
        move_work || unproven "$1"
        compare "$1" "$2"
        return
        ;;
    esac
    if ! read -r proven wrong extra unread manifest_sum base_sum <"$work/verdict" || ! is_number "$unread"; then
        unproven "$1"
    fi
}

# find_differences full|changed: writes what differs in this folder; 3 where a name has a line feed that the manifest knows nothing of.
find_differences() {
    survey_tree "$1" || return 2
    awk -F "$tab" "$awk_names"'
        # Spells a name as the manifest does.
        function name_of(key) { return key in spelled ? spelled[key] : key }
        # Undoes the escapes of a manifest.
        function plain(name,   out, at, code) {
            if (!index(name, "\\")) return name
            out = ""
            while ((at = index(name, "\\")) > 0) {
                code = octal(substr(name, at + 2, 3))
                out = out substr(name, 1, at - 1) (code == 10 ? stand_in : sprintf("%c", code))
                name = substr(name, at + 5)
            }
            return out name
        }
        # Names are kept without the `./` before them, and so lack two bytes.
        function sum_of(key) { return key in sum ? sum[key] : "-" }
        # Of an entry as it was listed, in a name of which a tab may be.
        function name_here() { return NF == 4 ? $4 : substr($0, length($1) + length($2) + length($3) + 4) }
        # How a line of the manifest begins that is of a mode as it was listed; few modes are there, and of many entries.
        function learn(listed,   mode) {
            mode = listed
            sub(/^!/, "", mode)
            kind[listed] = letter(mode)
            is_safe[listed] = safe(mode)
            begin[listed] = kind[listed] "\t" (runs(mode) ? 755 : 644) "\t"
        }
        BEGIN {
            work = ARGV[2]; all = ARGV[3] == "full"; stand_in = sprintf("%c", octal(ARGV[4])); is_quick = ARGV[6] == "yes"
            # What a line of that manifest says is so, says the same line of this one.
            if (ARGV[5] != "") while ((getline line <ARGV[5]) > 0) inherited[line]
            while ((getline <ARGV[1]) > 0) {
                if (NF != 5) continue
                promised++
                key = plain($5)
                promise[key] = $0
                if (key != $5) spelled[key] = $5
            }
            while ((getline name <(work "/links")) > 0 && (getline target <(work "/links")) > 0) points[name] = target
            read_sums(work "/sums")
            while ((getline <(work "/entries")) > 0) {
                entries++
                if (NF < 4) exit 3
                name = name_here()
                if (index(name, "./") != 1) exit 3
                key = substr(name, 3)
                if (key == "MANIFEST") continue
                if (!(key in promise)) { extra++; print name >(work "/extra"); continue }
                met++
                if (!($1 in kind)) learn($1)
                is = kind[$1]; line = promise[key]
                good = is == substr(line, 1, 1)
                if (is_quick && is == "l" && length(points[name]) != $2) exit 3
                if (!good) print name >(work "/kind")
                else if (is == "f") {
                    start = begin[$1] $2 "\t"
                    good = index(line, start) == 1 && is_safe[$1]
                    if (good && (all || $3 == 1)) {
                        if (key in sum) good = sum[key] == substr(line, length(start) + 1, 64)
                        else if ($3 < 2 || index($1, "!") == 1 || !(line in inherited)) { unread++; good = 0 }
                    }
                } else if (is == "l") {
                    split(line, part, "\t")
                    good = points[name] == plain(part[4])
                } else good = is_safe[$1]
                if (!good) { wrong++; print name_of(key) >(work "/wrong") }
            }
            if (met < promised) {
                close(work "/entries")
                while ((getline <(work "/entries")) > 0) delete promise[substr(name_here(), 3)]
                for (key in promise) { wrong++; print name_of(key) >(work "/wrong") }
            }
            # Last, and so what was found where the rest could not be written.
            print entries + 0, wrong + 0, extra + 0, unread + 0, sum_of("MANIFEST"), sum_of(substr(ARGV[5], 3)) >(work "/verdict")
            exit 0
        }' MANIFEST "$work" "$1" "$stand_in" "${base:+$root/releases/$base/MANIFEST}" "$is_quick"
}

# Nothing is known of a folder: not whole, and not broken either.
unproven() {
    # The usual reason has nothing to do with the folder.
    cat "$work"/* >"$work/all" 2>/dev/null || fail temporary "$work cannot hold what is found out about $PWD/$1"
    fail io "cannot read every file of $PWD/$1"
}

# Lists what `prove` found wrong, and how much that is, counted by another.
say_wrong() {
    sed -e "s/^/$p_token wrong /" "$work/wrong" || fail io "cannot list what differs"
    say wrongs "$wrong"
}

# Says in one line how a folder differs: how many entries, and the first.
say_drift() {
    drift_first=''
    IFS= read -r drift_first <"$work/wrong" || IFS= read -r drift_first <"$work/extra"
    say drift "$wrong" "$extra" "${drift_first#./}"
}

# Removes from a folder of ours what `prove` found too much there, or of another kind: rsync replaces no folder by a file.
mend() {
    [ -s "$work/extra" ] || [ -s "$work/kind" ] || return 0
    learn cat "$work/stand_in"
    stand_in=$learned
    if ! cat "$work/extra" "$work/kind" >"$work/mend" ||
        ! tr "\\n\\$stand_in" '\000\n' <"$work/mend" >"$work/mend0"; then
        fail io "cannot list what does not belong into $PWD/$1"
    fi
    remove_listed "$1" "$work/mend0"
}

# remove_listed FOLDER LIST: removes from a folder what a file lists, names ended by zero bytes; again where folders were not to be written.
remove_listed() {
    remove_once "$1" <"$2" && return 0
    make_writable "$1"
    remove_once "$1" <"$2"
}

# Few at a time: xargs of busybox 1.35 loses bytes of a name where one batch ends and another begins, unless batches end by number.
remove_once() {
    (cd "$1" && exec xargs -0 -r -n 7 rm -rf --) 2>/dev/null
}

# make_writable FOLDER: lets its owner write into every folder of it; asked for only where something is to be written and cannot, or by
# rsync, which does not tell before.
make_writable() {
    find "$1" -type d ! -perm -700 -exec chmod u+rwx {} + 2>/dev/null
}

# Writes the manifest of a folder that has none, for what is kept as a release.
write_manifest() {
    work_here
    careful=yes
    (
        cd "$1" || exit 2
        survey_tree full || exit 2
        awk "$awk_names"'
            function escaped(name,   out, i, c) {
                if (name !~ odd) return name
                out = ""
                for (i = 1; i <= length(name); i++) { c = substr(name, i, 1); out = out (c in code ? code[c] : c) }
                return out
            }
            BEGIN {
                work = ARGV[1]; stand_in = sprintf("%c", octal(ARGV[2])); ARGV[1] = ARGV[2] = ""
                odd = "["
                for (i = 1; i < 128; i++) if (i < 32 || i == 127) {
                    code[sprintf("%c", i)] = sprintf("\\0%03o", i)
                    odd = odd sprintf("%c", i)
                }
                code[stand_in] = "\\0012"
                code["\\"] = "\\0134"; odd = odd "\\\\]"
                read_sums(work "/sums")
                while ((getline name <(work "/links")) > 0 && (getline target <(work "/links")) > 0) points[name] = target
            }
            {
                mode = $1; size = $2; name = substr($0, length(mode) + length(size) + length($3) + 4); key = substr(name, 3)
                is = letter(mode)
                if (key == "MANIFEST") next
                if (key == "" || is == "f" && length(sum[key]) != 64 || is == "l" && points[name] == "") exit 2
                kept++
                if (is == "d") print key "\t" "d\t755\t0\t-\t" escaped(key)
                else if (is == "f") print key "\t" "f\t" (runs(mode) ? 755 : 644) "\t" size "\t" sum[key] "\t" escaped(key)
                else if (is == "l") print key "\t" "l\t777\t0\t" escaped(points[name]) "\t" escaped(key)
            }
            END { print kept + 0 >(work "/kept") }' "$work" "$stand_in" <"$work/entries" >"$work/unsorted" || exit 2
        sort "$work/unsorted" >"$work/sorted" &&
            sed "s/^.*${tab}\([dfl]${tab}[0-7]*${tab}[0-9]*${tab}[^${tab}]*${tab}[^${tab}]*\)\$/\1/" "$work/sorted" >"$work/listed" || exit 2
        # A line each, to the last.
        read -r kept <"$work/kept" && [ "$kept" = "$(grep -c '' "$work/listed")" ] || exit 2
        {
            echo 'coalmine-manifest 1' &&
                cat "$work/listed"
        } >MANIFEST || exit 2
    ) || unproven "$1"
}
