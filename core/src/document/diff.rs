//! What changed between two texts, by words: so that two people who rewrote different sentences merge well.

use std::collections::{BTreeMap, BTreeSet};

/// Beyond this many differing words, the differing part is replaced as a whole.
const DIFFERENCES_MAX: usize = 600;

/// Replace `delete` characters at `at` (counted in the old text) by `insert`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hunk {
    pub(super) at: usize,
    pub(super) delete: usize,
    pub(super) insert: Vec<char>,
}

/// The hunks in order, none touching the next.
pub(super) fn diff(old: &str, new: &str) -> Vec<Hunk> {
    let old: Vec<char> = old.chars().collect();
    let new: Vec<char> = new.chars().collect();
    let (old_words, new_words) = (words(&old), words(&new));
    let start = common(old_words.iter(), new_words.iter());
    let (old_rest, new_rest) =
        (old_words.get(start..).unwrap_or(&[]), new_words.get(start..).unwrap_or(&[]));
    let end = common(old_rest.iter().rev(), new_rest.iter().rev());
    let old_part = old_rest.get(..old_rest.len() - end).unwrap_or(&[]);
    let new_part = new_rest.get(..new_rest.len() - end).unwrap_or(&[]);
    let mut at = old_words.iter().take(start).map(|word| word.len()).sum();
    let mut hunks = Vec::new();
    for piece in pieces(old_part, new_part) {
        match piece {
            Piece::Same(len) => at += len,
            Piece::Changed { old, new } => {
                hunks.extend(trimmed(at, &old, &new));
                at += old.len();
            }
        }
    }
    hunks
}

/// What was edited from `base` while `base` became `current`: both stay, as if two devices had written at once.
pub fn rebased(base: &str, edited: &str, current: &str) -> String {
    let letters: Vec<char> = base.chars().collect();
    let mut deleted = BTreeSet::new();
    let mut inserted: BTreeMap<usize, Vec<Vec<char>>> = BTreeMap::new();
    for hunk in diff(base, current).into_iter().chain(diff(base, edited)) {
        deleted.extend(hunk.at..hunk.at + hunk.delete);
        let there = inserted.entry(hunk.at).or_default();
        // The same words typed twice in the same place are one change.
        if !there.contains(&hunk.insert) {
            there.push(hunk.insert);
        }
    }
    let mut text = String::with_capacity(edited.len().max(current.len()));
    for at in 0..=letters.len() {
        text.extend(inserted.get(&at).into_iter().flatten().flatten());
        text.extend(letters.get(at).filter(|_| !deleted.contains(&at)));
    }
    text
}

/// Runs of letters and digits, and every other character alone.
fn words(text: &[char]) -> Vec<&[char]> {
    text.chunk_by(|a, b| a.is_alphanumeric() && b.is_alphanumeric()).collect()
}

fn common<T: PartialEq>(a: impl Iterator<Item = T>, b: impl Iterator<Item = T>) -> usize {
    a.zip(b).take_while(|(a, b)| a == b).count()
}

fn trimmed(at: usize, old: &[char], new: &[char]) -> Option<Hunk> {
    let start = common(old.iter(), new.iter());
    let (old, new) = (old.get(start..)?, new.get(start..)?);
    let end = common(old.iter().rev(), new.iter().rev());
    let insert = new.get(..new.len() - end)?.to_vec();
    let delete = old.len() - end;
    (delete > 0 || !insert.is_empty()).then_some(Hunk { at: at + start, delete, insert })
}

enum Piece {
    Same(usize),
    Changed { old: Vec<char>, new: Vec<char> },
}

/// Both word lists as alternating same and changed pieces.
fn pieces(old: &[&[char]], new: &[&[char]]) -> Vec<Piece> {
    let Some(kept) = kept_words(old, new) else {
        return vec![Piece::Changed { old: old.concat(), new: new.concat() }];
    };
    let mut pieces = Vec::new();
    let (mut from, mut to) = (0, 0);
    for (i, j) in kept.into_iter().chain([(old.len(), new.len())]) {
        let (old_part, new_part) = (old.get(from..i).unwrap_or(&[]), new.get(to..j).unwrap_or(&[]));
        if !old_part.is_empty() || !new_part.is_empty() {
            pieces.push(Piece::Changed { old: old_part.concat(), new: new_part.concat() });
        }
        if let Some(word) = old.get(i) {
            pieces.push(Piece::Same(word.len()));
        }
        (from, to) = (i + 1, j + 1);
    }
    pieces
}

/// Myers' greedy algorithm: the pairs of a longest common subsequence; none if more than the bound differs.
/// Source: E. Myers, "An O(ND) Difference Algorithm and Its Variations", 1986.
fn kept_words(old: &[&[char]], new: &[&[char]]) -> Option<Vec<(usize, usize)>> {
    // For each number of differences: how far in `old` each diagonal (old index minus new index) reaches.
    let mut rounds: Vec<BTreeMap<isize, usize>> = Vec::new();
    let mut reached: BTreeMap<isize, usize> = BTreeMap::new();
    for differences in 0..=isize::try_from(DIFFERENCES_MAX.min(old.len() + new.len())).ok()? {
        let mut round = BTreeMap::new();
        for diagonal in (-differences..=differences).step_by(2) {
            let Some(mut i) = start_of(&reached, diagonal, (old.len(), new.len())) else {
                continue;
            };
            while let Some(j) = i.checked_add_signed(-diagonal)
                && old.get(i).is_some_and(|word| new.get(j) == Some(word))
            {
                i += 1;
            }
            round.insert(diagonal, i);
            if i == old.len() && i.checked_add_signed(-diagonal) == Some(new.len()) {
                return trace(&rounds, (diagonal, i), (old.len(), new.len()));
            }
        }
        reached.clone_from(&round);
        rounds.push(round);
    }
    None
}

/// Where a diagonal starts its next round: one word deleted or one inserted after the last, whichever is further.
fn start_of(
    reached: &BTreeMap<isize, usize>,
    diagonal: isize,
    (old_len, new_len): (usize, usize),
) -> Option<usize> {
    if reached.is_empty() {
        return (diagonal == 0).then_some(0);
    }
    let inside =
        |i: &usize| *i <= old_len && i.checked_add_signed(-diagonal).is_some_and(|j| j <= new_len);
    let inserted = reached.get(&(diagonal + 1)).copied().filter(inside);
    let deleted = reached.get(&(diagonal - 1)).map(|i| i + 1).filter(inside);
    inserted.max(deleted)
}

fn trace(
    rounds: &[BTreeMap<isize, usize>],
    (mut diagonal, mut i): (isize, usize),
    lengths: (usize, usize),
) -> Option<Vec<(usize, usize)>> {
    let mut kept = Vec::new();
    let mut keep = |from: usize, to: usize, diagonal: isize| {
        for i in (from..to).rev() {
            kept.extend(i.checked_add_signed(-diagonal).map(|j| (i, j)));
        }
    };
    for reached in rounds.iter().rev() {
        let start = start_of(reached, diagonal, lengths)?;
        keep(start, i, diagonal);
        if reached.get(&(diagonal + 1)) == Some(&start) {
            (diagonal, i) = (diagonal + 1, start);
        } else {
            (diagonal, i) = (diagonal - 1, start.checked_sub(1)?);
        }
    }
    keep(0, i, diagonal);
    kept.reverse();
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn applied(old: &str, hunks: &[Hunk]) -> String {
        let mut text: Vec<char> = old.chars().collect();
        for hunk in hunks.iter().rev() {
            text.splice(hunk.at..hunk.at + hunk.delete, hunk.insert.iter().copied());
        }
        text.into_iter().collect()
    }

    #[test]
    fn what_was_typed_meanwhile_on_another_device_stays() {
        let base = "We talk at nine. We stop at ten.";
        let edited = "We talk at nine. We stop at ten, always.";
        let current = "Dear both: we talk at eight. We stop at ten.";
        let both = rebased(base, edited, current);
        assert_eq!(both, "Dear both: we talk at eight. We stop at ten, always.");
        assert_eq!(rebased(base, edited, base), edited);
        assert_eq!(rebased(base, base, current), current);
        assert_eq!(rebased(base, current, current), current);
    }

    #[test]
    fn two_edits_far_apart_are_two_hunks() {
        let hunks = diff("one two three four", "one 2 three four five");
        assert_eq!(hunks.len(), 2);
        assert_eq!(hunks[1], Hunk { at: 18, delete: 0, insert: " five".chars().collect() });
        assert_eq!(diff("hel", "hello"), [Hunk { at: 3, delete: 0, insert: vec!['l', 'o'] }]);
        assert_eq!(diff("same", "same"), []);
    }

    #[test]
    fn texts_that_share_nothing_are_replaced_whole() {
        let (old, new) = ("a ".repeat(2_000), "b-".repeat(2_000));
        let hunks = diff(&old, &new);
        assert_eq!(hunks.len(), 1);
        assert_eq!(applied(&old, &hunks), new);
    }

    proptest! {
        #[test]
        fn hunks_lead_from_old_to_new(old in "[ab cé👍]{0,40}", new in "[ab cé👍]{0,40}") {
            let hunks = diff(&old, &new);
            prop_assert_eq!(applied(&old, &hunks), new);
            prop_assert!(hunks.is_sorted_by(|a, b| a.at + a.delete <= b.at));
        }
    }
}
