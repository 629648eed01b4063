use serde::{Deserialize, Serialize};

/// Says of which product an environment is, so that no two share one: by name, and by what its rollouts switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductId {
    /// Its name.
    pub name: String,
    /// The link that names its current release on hosts, with the folder that it is in.
    pub link: String,
}

impl ProductId {
    /// Tells whether they are two products: one that was renamed has its link still, and one that moved on its hosts has its name.
    #[must_use]
    pub fn is_another_than(&self, other: &Self) -> bool {
        self.name != other.name && self.link != other.link
    }
}

#[cfg(test)]
mod tests {
    use super::ProductId;

    #[test]
    fn a_product_that_is_renamed_or_moves_is_the_same() {
        let product = |name: &str, link: &str| ProductId { name: name.to_owned(), link: link.to_owned() };
        let scap = product("scap", "/srv/scap/current");
        assert!(!scap.is_another_than(&scap));
        assert!(!product("scap4", "/srv/scap/current").is_another_than(&scap));
        assert!(!product("scap", "/opt/scap/current").is_another_than(&scap));
        assert!(product("shop", "/srv/shop/current").is_another_than(&scap));
    }
}
