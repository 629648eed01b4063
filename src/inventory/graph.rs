//! What is made of what, without recursion: a file may nest groups as deep as it likes.

/// Orders nodes so that each comes after all that it is made of; `parts` gives these for each node.
///
/// # Errors
///
/// A cycle, from a node back to itself, when there is one.
pub(super) fn parts_first(parts: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut wholes: Vec<Vec<usize>> = vec![Vec::new(); parts.len()];
    let mut missing: Vec<usize> = parts.iter().map(Vec::len).collect();
    for (whole, parts) in parts.iter().enumerate() {
        for &part in parts {
            if let Some(wholes) = wholes.get_mut(part) {
                wholes.push(whole);
            }
        }
    }
    let mut order: Vec<usize> =
        missing.iter().enumerate().filter_map(|(node, &missing)| (missing == 0).then_some(node)).collect();
    let mut next = 0;
    while let Some(&done) = order.get(next) {
        next += 1;
        for &whole in wholes.get(done).into_iter().flatten() {
            if let Some(missing) = missing.get_mut(whole) {
                *missing = missing.saturating_sub(1);
                if *missing == 0 {
                    order.push(whole);
                }
            }
        }
    }
    if order.len() == parts.len() {
        return Ok(order);
    }
    // Every node that is left has a part that is left: following those must come back somewhere.
    let is_left = |node: usize| missing.get(node).is_some_and(|&missing| missing > 0);
    let mut seen_at: Vec<Option<usize>> = vec![None; parts.len()];
    let mut path = Vec::new();
    let mut here = (0..parts.len()).find(|&node| is_left(node));
    while let Some(node) = here {
        if let Some(start) = seen_at.get(node).copied().flatten() {
            path.drain(..start);
            path.push(node);
            break;
        }
        if let Some(seen) = seen_at.get_mut(node) {
            *seen = Some(path.len());
        }
        path.push(node);
        here = parts.get(node).into_iter().flatten().copied().find(|&part| is_left(part));
    }
    Err(path)
}

#[cfg(test)]
mod tests {
    use super::parts_first;

    #[test]
    fn parts_come_before_what_is_made_of_them() {
        assert_eq!(parts_first(&[vec![1, 2], vec![2], vec![]]), Ok(vec![2, 1, 0]));
    }

    #[test]
    fn a_cycle_is_told_from_its_first_node_back_to_it() {
        assert_eq!(parts_first(&[vec![0]]), Err(vec![0, 0]));
        assert_eq!(parts_first(&[vec![3], vec![2], vec![1, 3], vec![]]), Err(vec![1, 2, 1]));
    }

    #[test]
    fn nesting_has_no_depth_that_is_too_deep() {
        let chain: Vec<Vec<usize>> = (0..200_000).map(|node| if node == 0 { vec![] } else { vec![node - 1] }).collect();
        assert_eq!(parts_first(&chain).map(|order| order.len()), Ok(200_000));
    }
}
