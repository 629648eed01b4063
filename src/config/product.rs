//! What is installed, and where its tags are.

use serde::Deserialize;

use super::leaf::leaf;
use super::schema::Presence::{Default, Essential};
use super::schema::{Section, value};
use super::text::{BranchName, GitRemote, LocalPath, ProductName, TagGlob};
use super::version::VersionPattern;

pub(super) static PRODUCT: Section = Section {
    keys: &[
        value::<ProductName>("name", Essential(r#""scap""#), "what is installed"),
        value::<LocalPath>("repository", Essential(r#""/srv/deployment/scap""#), "the checkout that holds the tags"),
        value::<Option<GitRemote>>("remote", Default(r#""origin""#), r#"fetched first; "" for never"#),
        value::<TagGlob>("tags", Default(r#""[0-9]*""#), "which tags are releases; ordered as versions, not as text"),
        value::<Option<VersionPattern>>(
            "version_pattern",
            Default(r#""""#),
            r"where tags cannot be ordered as they are: '^rel-(\d+)-(\d+)$', its captures are the version",
        ),
        value::<Option<BranchName>>(
            "state_branch",
            Default(r#""""#),
            "the branch of the repository that keeps what each environment runs, such as \"coalmine/state\"; \"\": none",
        ),
        value::<Option<GitRemote>>(
            "state_remote",
            Default(r#""""#),
            "where that is pushed to, and read from; \"\": nowhere",
        ),
        value::<bool>("verify_tags", Default("false"), "true: only tags that `git verify-tag` accepts"),
    ],
};

/// Says what is installed, and where its tags are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Its name.
    pub name: ProductName,
    /// The checkout that holds the tags.
    pub repository: LocalPath,
    /// What is fetched first; none for never.
    #[serde(deserialize_with = "leaf")]
    pub remote: Option<GitRemote>,
    /// Which tags are releases.
    pub tags: TagGlob,
    /// How the version is read in a tag; none for the order that needs no words.
    #[serde(deserialize_with = "leaf")]
    pub version_pattern: Option<VersionPattern>,
    /// Whether only tags count that `git verify-tag` accepts.
    pub verify_tags: bool,
    /// The branch that keeps what each environment runs.
    #[serde(deserialize_with = "leaf")]
    pub state_branch: Option<BranchName>,
    /// The remote that has it too.
    #[serde(deserialize_with = "leaf")]
    pub state_remote: Option<GitRemote>,
}
