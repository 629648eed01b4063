use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use super::name::{NameError, check_name, text_name, written_as_text};

text_name! {
    /// Names what is installed: a tag, or `git describe` of another commit.
    ///
    /// It is part of a folder's name on every host, so it is one path component that no shell takes for anything else.
    Version, NameError, Version::new
}

impl Version {
    /// Makes a version of a text.
    ///
    /// # Errors
    ///
    /// When the text is empty, longer than 128 bytes, or has a character that cannot stand in a folder's name on every host.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check_name(
            "version",
            name,
            128,
            "cannot be part of a release's folder: letters, digits, `.`, `_`, `-`, `+` and `~` can, a letter or digit first",
            |c| c.is_ascii_alphanumeric(),
            |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '~'),
        )?;
        Ok(Self(name.into()))
    }

    /// Tells whether it names a commit that has no tag of its own, as `git describe` does: by its place behind one, or by itself.
    ///
    /// Git takes it for that commit. A tag that is written so means the same either way.
    #[must_use]
    pub fn is_of_commit(&self) -> bool {
        let itself = |text: &str| {
            matches!(text.len(), 7..=64)
                && text.bytes().all(|byte| byte.is_ascii_hexdigit())
                && text.bytes().any(|byte| byte.is_ascii_alphabetic())
        };
        described(self.as_str()).is_some() || itself(self.as_str())
    }
}

/// Gives the tag of what `git describe` wrote (`4.283.0-3-gdeadbee`), and how many commits are ahead of it.
#[must_use]
pub fn described(text: &str) -> Option<(&str, &str)> {
    let (rest, hash) = text.rsplit_once("-g")?;
    let (rest, count) = rest.rsplit_once('-')?;
    let is_hash = hash.len() >= 4 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_count = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    (is_hash && is_count).then_some((rest, count))
}

/// Tells why a text is not a digest, or not a release's id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not {expected}")]
pub struct DigestError {
    /// The text.
    pub text: String,
    /// What it should have been.
    pub expected: &'static str,
}

/// Proves a content: its SHA-256 (FIPS 180-4), written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Gives the first eight digits, as a release's id has them.
    #[must_use]
    pub fn short(&self) -> String {
        let [a, b, c, d, ..] = self.0;
        format!("{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A manifest has one for every file.
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |number: u8| DIGITS.get(usize::from(number)).copied().map_or('?', char::from);
        let text: String = self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
        f.write_str(&text)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let error = || DigestError { text: text.to_owned(), expected: "a SHA-256 digest of 64 hexadecimal digits" };
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
            return Err(error());
        };
        let bytes: Option<Vec<u8>> = pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect();
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or_else(error)
    }
}

written_as_text! { Digest, DigestError, str::parse }

/// Names a release: `VERSION-DIGEST8`, a folder under `releases/` on every host that holds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseId {
    version: Version,
    digest8: Arc<str>,
}

impl ReleaseId {
    /// Names the release of a version with a digest.
    #[must_use]
    pub fn new(version: &Version, digest: &Digest) -> Self {
        Self { version: version.clone(), digest8: digest.short().into() }
    }

    /// Names whatever is built of a version, or what is no build at all: no folder is called so, and no store has it.
    #[must_use]
    pub fn unbuilt(version: &Version) -> Self {
        Self::new(version, &Digest([0; 32]))
    }

    /// Tells whether it names no build in particular.
    #[must_use]
    pub fn is_unbuilt(&self) -> bool {
        self.has_digest(&Digest([0; 32]))
    }

    /// Gives the version.
    #[must_use]
    pub const fn version(&self) -> &Version {
        &self.version
    }

    /// Gives the first eight hexadecimal digits of the digest.
    #[must_use]
    pub fn digest8(&self) -> &str {
        &self.digest8
    }

    /// Tells whether a release with this id may have the digest.
    #[must_use]
    pub fn has_digest(&self, digest: &Digest) -> bool {
        *self.digest8 == *digest.short()
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}", self.version, self.digest8))
    }
}

impl FromStr for ReleaseId {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let error = || DigestError { text: text.to_owned(), expected: "a release's id, VERSION-DIGEST8" };
        let (version, digest8) = text.rsplit_once('-').ok_or_else(error)?;
        let is_digest = digest8.len() == 8 && digest8.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !is_digest {
            return Err(error());
        }
        let version = Version::new(version).map_err(|_| error())?;
        Ok(Self { version, digest8: digest8.into() })
    }
}

written_as_text! { ReleaseId, DigestError, str::parse }

#[cfg(test)]
mod tests {
    use super::{Digest, ReleaseId, Version};

    #[test]
    fn versions_that_could_leave_their_folder_are_refused() {
        for name in ["", ".", "..", "a/b", "-1", "1 2", "1;2", "$(id)", "1\n", "é"] {
            assert!(Version::new(name).is_err(), "{name:?} was taken");
        }
        for name in ["4.283.0", "v1.0-rc1", "4.10.0-3-gdeadbee", "1.0+local~1"] {
            assert_eq!(Version::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_version_is_a_tags_or_that_of_a_commit() {
        for commit in ["4.10.0-3-gdeadbee", "v1.0-rc1-12-g0a1b2c3d4e", "0a1b2c3d4e"] {
            assert!(Version::new(commit).unwrap().is_of_commit(), "{commit}");
        }
        for tag in ["4.283.0", "v1.0-rc1", "20261102", "2026110200", "1.0-g1", "1.0-x-gdeadbee", "beta"] {
            assert!(!Version::new(tag).unwrap().is_of_commit(), "{tag}");
        }
    }

    #[test]
    fn a_release_id_reads_back_what_it_writes() {
        let digest = Digest([0xab; 32]);
        let id = ReleaseId::new(&Version::new("4.10.0-rc1").unwrap(), &digest);
        assert_eq!(id.to_string(), "4.10.0-rc1-abababab");
        assert_eq!(id.to_string().parse::<ReleaseId>().unwrap(), id);
        assert!(id.has_digest(&digest));
        assert!("4.10.0".parse::<ReleaseId>().is_err());
        assert!("4.10.0-ABABABAB".parse::<ReleaseId>().is_err());
    }

    #[test]
    fn a_digest_reads_back_what_it_writes_and_refuses_the_rest() {
        let digest = Digest(std::array::from_fn(|i| u8::try_from(i * 7 % 256).unwrap()));
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        for text in ["", "abc", &"g".repeat(64), &"A".repeat(64), &"a".repeat(63), &"a".repeat(66)] {
            assert!(text.parse::<Digest>().is_err(), "{text:?} was taken");
        }
    }
}
