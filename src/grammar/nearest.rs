//! What somebody may have meant by a word that isn't known.

/// The known word that is close to `word`: one letter apart, two in longer words. `None` if none is.
#[must_use]
pub fn nearest<'k>(word: &[u8], known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let word = String::from_utf8_lossy(word);
    let most = if word.len() < 5 { 1 } else { 2 };
    let near = known.map(|known| (strsim::damerau_levenshtein(&word, known), known)).min();
    near.filter(|(distance, _)| *distance <= most).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_close_word_is_meant() {
        let known = || ["peer", "publish", "refresh"].into_iter();
        assert_eq!(nearest(b"pear", known()), Some("peer"));
        assert_eq!(nearest(b"publsih", known()), Some("publish"));
        assert_eq!(nearest(b"fresh", known()), Some("refresh"));
        assert_eq!(nearest(b"stale", known()), None);
    }
}
