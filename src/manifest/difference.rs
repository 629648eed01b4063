use super::MANIFEST;
use super::entry::{Entry, Kind, Manifest, Totals};
use crate::model::{Bytes, Digest};

/// Tells what has to travel where one tree is and another should be, computed once per pair of releases.
///
/// The host links the old release's folder anew (`cp -al`), removes [`Difference::removals`], and receives
/// [`Difference::files_from`]. A file whose content stays and whose execute bit changes is sent again: its inode is the old release's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The digest of the tree that is there; none when there is none.
    pub from: Option<Digest>,
    /// The digest of the tree that should be.
    pub to: Digest,
    /// In both, and the same: hard links on the host.
    pub unchanged: Vec<Entry>,
    /// In both, and not the same; as in the new tree.
    pub changed: Vec<Entry>,
    /// In the new tree only.
    pub added: Vec<Entry>,
    /// In the old tree only; as in the old tree.
    pub removed: Vec<Entry>,
    /// The new manifest's length; it always travels.
    manifest: Bytes,
    /// What the host removes, in the order in which it can be removed.
    removals: Vec<Entry>,
}

impl Difference {
    /// Compares the tree that is there with the tree that should be.
    #[must_use]
    pub fn between(old: &Manifest, new: &Manifest) -> Self {
        let mut difference = Self::empty(Some(old.digest()), new);
        let (mut olds, mut news) = (old.entries().iter().peekable(), new.entries().iter().peekable());
        loop {
            let order = match (olds.peek(), news.peek()) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(old), Some(new)) => old.order().cmp(new.order()),
            };
            let old = if order.is_le() { olds.next() } else { None };
            let new = if order.is_ge() { news.next() } else { None };
            match (old, new) {
                (Some(old), Some(new)) if old.kind() == new.kind() => difference.unchanged.push(new.clone()),
                (Some(old), Some(new)) => {
                    difference.removals.push(old.clone());
                    difference.changed.push(new.clone());
                }
                (Some(old), None) => {
                    difference.removals.push(old.clone());
                    difference.removed.push(old.clone());
                }
                (None, Some(new)) => difference.added.push(new.clone()),
                (None, None) => break,
            }
        }
        // What is in a folder sorts behind it, and goes first.
        difference.removals.reverse();
        difference
    }

    /// Takes the whole tree as added, for a host that has nothing to begin with.
    #[must_use]
    pub fn whole(new: &Manifest) -> Self {
        let mut difference = Self::empty(None, new);
        difference.added = new.entries().to_vec();
        difference
    }

    fn empty(from: Option<Digest>, new: &Manifest) -> Self {
        Self {
            from,
            to: new.digest(),
            unchanged: Vec::new(),
            changed: Vec::new(),
            added: Vec::new(),
            removed: Vec::new(),
            manifest: new.length(),
            removals: Vec::new(),
        }
    }

    /// Tells whether the two trees are the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from == Some(self.to)
    }

    /// Lists what has to be sent, in order: changed and added entries, without the manifest.
    pub fn sent(&self) -> impl Iterator<Item = &Entry> {
        let mut sent: Vec<&Entry> = self.changed.iter().chain(&self.added).collect();
        sent.sort_unstable_by(|a, b| a.order().cmp(b.order()));
        sent.into_iter()
    }

    /// Counts what has to be sent, without the manifest.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.changed.iter().chain(&self.added).collect()
    }

    /// Gives the bytes of the files that have to be sent, the manifest included: what rsync would call the total file size.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.totals().bytes.saturating_add(self.manifest)
    }

    /// Gives the bytes of the files that stay as hard links.
    #[must_use]
    pub fn linked_bytes(&self) -> Bytes {
        self.unchanged.iter().map(|entry| entry.kind().size()).sum()
    }

    /// Lists what the host removes from the linked copy before it receives anything, as it is in the old tree: what is gone, and
    /// what changes (a link's content would change in the old release too). What is in a folder comes before the folder.
    ///
    /// The old [`MANIFEST`] is not listed and has to go too.
    #[must_use]
    pub fn removals(&self) -> &[Entry] {
        &self.removals
    }

    /// Writes the list for `rsync --files-from=- --from0`: every path that has to be sent and [`MANIFEST`], each ended by a zero byte.
    ///
    /// Folders are listed without what is in them: rsync must run without `--recursive`, with `--dirs`.
    #[must_use]
    pub fn files_from(&self) -> Vec<u8> {
        let mut list = Vec::new();
        for entry in self.sent() {
            list_into(entry.order(), &mut list);
        }
        list_into(MANIFEST.as_bytes(), &mut list);
        list
    }

    /// Tells whether any file, not only folders and links, has to be sent besides the manifest.
    #[must_use]
    pub fn sends_files(&self) -> bool {
        self.changed.iter().chain(&self.added).any(|entry| matches!(entry.kind(), Kind::File { .. }))
    }
}

/// Adds a name to a list for rsync: behind `./`, for one that begins with `#` or `;` is a comment to it, also where names end
/// with a zero byte (as observed with 3.2.3 to 3.5.1).
pub fn list_into(name: &[u8], list: &mut Vec<u8>) {
    list.extend_from_slice(b"./");
    list.extend_from_slice(name);
    list.push(0);
}
