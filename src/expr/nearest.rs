/// Gives the candidate that `wanted` was most likely meant to be, if any is near enough to be worth a question.
///
/// Near is at most a third of the letters wrong, at least one being allowed; capitals do not count. Of equals the longest wins, since a
/// letter is left out more easily than typed twice, and of those the first.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let length = wanted.chars().count();
    let most = (length / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        // The distance is never smaller than the difference in length, and much dearer to compute.
        if candidate.chars().count().abs_diff(length) > most {
            continue;
        }
        let distance = strsim::osa_distance(&wanted, &candidate.to_lowercase());
        let is_better =
            |(least, best): (usize, &str)| distance < least || (distance == least && candidate.len() > best.len());
        if distance <= most && best.is_none_or(is_better) {
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
        assert_eq!(nearest("hots", ["host", "hosts"]), Some("hosts"));
        assert_eq!(nearest("ALL", known), Some("all"));
        assert_eq!(nearest("database", known), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), known), None);
    }
}
