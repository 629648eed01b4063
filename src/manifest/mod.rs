//! What a tree contains, how two trees differ, and the digest that proves one.
//!
//! Pure but for one reader of folders ([`Manifest::read_tree`], [`Manifest::verify_tree`]). This room must not know what a
//! release, a version or a host is: it sees a folder, and the bytes that describe it.
//!
//! # The format
//!
//! A release holds its manifest at its top as the file [`MANIFEST`]; the file does not list itself, and the SHA-256 of
//! its bytes is the release's digest. A host proves a release with it by POSIX sh, coreutils or busybox alone, so it is
//! lines of text, each ended by a line feed, and fields parted by one tab:
//!
//! ```text
//! coalmine-manifest 1
//! d<TAB>755<TAB>0<TAB>-<TAB>bin
//! l<TAB>777<TAB>0<TAB>/usr/bin/python3.11<TAB>bin/python
//! f<TAB>755<TAB>213<TAB>3b0c…64 hexadecimal digits<TAB>bin/tool
//! f<TAB>644<TAB>9<TAB>9f86…<TAB>odd\0012name
//! ```
//!
//! | field | is |
//! |---|---|
//! | 1 | `d` a folder, `f` a file, `l` a symbolic link |
//! | 2 | `755` a folder or a file that can be executed, `644` any other file, `777` a link |
//! | 3 | the size in bytes, decimal; `0` but for files |
//! | 4 | of a file its SHA-256, of a link its target, of a folder `-` |
//! | 5 | the path below the release, without a leading `./` |
//!
//! - **Names are bytes.** In target and path the bytes 0x01–0x1f, 0x7f and the backslash are written `\0ooo` (backslash, zero,
//!   three octal digits: what the operand of `printf %b` has in POSIX). Every other byte stands for itself: spaces, quotes,
//!   leading dashes, whatever the encoding. So no field is empty or has a tab or a line feed in it, and **a line without
//!   a backslash needs no decoding**.
//! - **Order.** By the unescaped path's bytes, so a folder comes before what is in it; no path twice. Every entry but those at the
//!   top has its folder listed, so an empty folder survives and no entry is reached through a link.
//! - **Modes.** Only the owner's execute bit counts; whoever checks a mode looks at that bit alone, since the copy
//!   on disk may be read-only (444 and 555) or as in field 2. Owner, umask and times are no part of a manifest.
//! - **One spelling.** A tree has exactly one manifest, byte for byte: [`Manifest::parse`] refuses every other spelling.
//!
//! # On a host
//!
//! In the folder of the release, with `LC_ALL=C` and `tab=$(printf '\t')`; the tests run this text under dash and busybox:
//!
//! ```sh
//! # 1. The manifest itself: the first word must be the digest that was sent.
//! sha256sum <MANIFEST
//! # 2. All files with plain names at once; coreutils and busybox agree on this input. (Empty input is an error to both.)
//! sed -n "/\\\\/d;s/^f$tab[0-7]*$tab[0-9]*$tab\([0-9a-f]*\)$tab/\1  .\//p" MANIFEST | sha256sum -c
//! # 3. What is no file, and files with odd names, one by one.
//! grep -e '\\' -e '^[dl]' MANIFEST | while IFS=$tab read -r kind mode size proof path; do
//!     name=$(printf '%b_' "./$path") name=${name%_}
//!     case $kind in
//!     d) [ -d "$name" ] && [ ! -h "$name" ] ;;
//!     f) [ -f "$name" ] && [ ! -h "$name" ] && sum=$(sha256sum <"$name") && [ "${sum%% *}" = "$proof" ] ;;
//!     l) [ -h "$name" ] && want=$(printf '%b\n_' "$proof") && [ "$(readlink "$name" && echo _)" = "$want" ] ;;
//!     *) false ;;
//!     esac || printf 'differs: %s\n' "$path"
//! done
//! # 4. Nothing else is there: a path never has `//` in it, so line feeds in names do not disturb the count.
//! found=$(find .//. | grep -c '^\.//\.') listed=$(grep -c '' MANIFEST)
//! [ "$found" -eq "$((listed + 1))" ] # found: the folder itself and MANIFEST; listed: the header
//! # 5. Files with plain names that can be executed, to be compared with those of mode 755.
//! find . -type f -perm -100
//! ```
//!
//! Step 2 follows a link where a file should be, so compare `find . -type l | grep -c ''` with the lines `l`, or test kinds in step 3 for all.

mod difference;
mod entry;
mod error;
mod links;
mod text;
mod tree;

#[cfg(test)]
mod host_tests;
#[cfg(test)]
mod tests;

pub use difference::{Difference, list_into};
pub use entry::{Entry, Kind, Manifest, Totals};
pub use error::{How, ManifestError, Mismatch};
pub use links::LinkPolicy;
pub use text::escape;

/// Names the file at the top of a release that holds its manifest.
pub const MANIFEST: &str = "MANIFEST";
