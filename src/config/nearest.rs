//! The name that somebody most likely meant.

/// Gives the known name that is spelt most like a wrong one; none when all are far from it.
pub(super) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Two thirds of the letters in their places is where guesses stop being funny.
    const FAR: f64 = 0.6;
    // A pasted novel is no typing error, and comparing it takes quadratic time.
    if wrong.len() > 100 {
        return None;
    }
    let wrong = wrong.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(&wrong, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= FAR)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let known = ["connect_timeout", "connects", "sessions"];
        assert_eq!(nearest("conects", known), Some("connects"));
        assert_eq!(nearest("ConnectTimeout", known), Some("connect_timeout"));
        assert_eq!(nearest("bandwidth", known), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), known), None);
    }
}
