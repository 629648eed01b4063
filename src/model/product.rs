use serde::{Deserialize, Serialize};

/// Says of which product an environment is, so that no two share one: by name, by its checkout, and by what its rollouts switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductId {
    /// Its name.
    pub name: String,
    /// The checkout that holds its tags.
    #[serde(default)]
    pub repository: String,
    /// The link that names its current release on hosts, with the folder that it is in.
    pub link: String,
    /// Whose login folder that begins in, as the configuration says it; none where it begins in none, and in journals of an earlier
    /// coalmine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
}

impl ProductId {
    /// Tells whether they are two products: one that was renamed has its checkout and its link still, and one that moved has its name.
    #[must_use]
    pub fn is_another_than(&self, other: &Self) -> bool {
        self.name != other.name && (self.repository != other.repository || self.link != other.link)
    }
}

#[cfg(test)]
mod tests {
    use super::ProductId;

    #[test]
    fn a_product_that_is_renamed_or_moves_is_the_same() {
        let product = |name: &str, repository: &str, link: &str| ProductId {
            name: name.to_owned(),
            repository: repository.to_owned(),
            link: link.to_owned(),
            login: None,
        };
        let scap = product("scap", "/git/scap", "/srv/scap/current");
        assert!(!scap.is_another_than(&scap));
        assert!(!product("scap4", "/git/scap", "/srv/scap/current").is_another_than(&scap));
        assert!(!product("scap", "/home/amy/scap", "/opt/scap/current").is_another_than(&scap));
        assert!(product("shop", "/git/shop", "/srv/shop/current").is_another_than(&scap));
        // Two of one repository, and two whose hosts have them in the same place.
        assert!(product("mwdeploy", "/git/scap", "/srv/mwdeploy/current").is_another_than(&scap));
        assert!(product("shop", "/git/shop", "/srv/scap/current").is_another_than(&scap));
    }
}
