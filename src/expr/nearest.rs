/// Gives the candidate that `wanted` was most likely meant to be, if any is near enough to be worth a question.
///
/// Near is at most a third of the letters wrong, at least one being allowed; of equals the first wins.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = wanted.chars().count();
    let most = (length / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        // The distance is never smaller than the difference in length, and much dearer to compute.
        if candidate.chars().count().abs_diff(length) > most {
            continue;
        }
        let distance = strsim::osa_distance(wanted, candidate);
        if distance <= most && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn only_what_is_near_is_offered() {
        let known = ["canaries", "all", "masters"];
        assert_eq!(nearest("cannaries", known), Some("canaries"));
        assert_eq!(nearest("al", known), Some("all"));
        assert_eq!(nearest("msaters", known), Some("masters"));
        assert_eq!(nearest("database", known), None);
    }
}
