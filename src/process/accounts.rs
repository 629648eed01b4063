use uzers::{get_group_by_name, get_user_by_uid};

/// Names a user of this machine, wherever nsswitch.conf(5) has users from: files, LDAP, sssd.
///
/// It may wait for a directory service. None where there is no such user, or where the name is no text.
#[must_use]
pub fn user_name(id: u32) -> Option<String> {
    get_user_by_uid(id)?.name().to_str().map(str::to_owned)
}

/// Finds the number of a group of this machine, wherever nsswitch.conf(5) has groups from.
///
/// It may wait for a directory service.
#[must_use]
pub fn group_id(name: &str) -> Option<u32> {
    get_group_by_name(name).map(|group| group.gid())
}

#[cfg(test)]
mod tests {
    use super::{group_id, user_name};

    #[test]
    fn root_is_known_and_nobody_made_up_is() {
        assert_eq!(user_name(0).as_deref(), Some("root"));
        assert_eq!(group_id("root"), Some(0));
        assert_eq!(user_name(4_000_000_000), None);
        assert_eq!((group_id("no-such-group"), group_id("")), (None, None));
    }
}
