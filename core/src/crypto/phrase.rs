//! The recovery phrase: twelve words (BIP-39, English) for 16 bytes.

use super::error::PhraseError;
use super::recovery::RecoveryEntropy;
use bip39::{Error, Language, Mnemonic};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use zeroize::Zeroizing;

/// Words of a phrase: 11 bits each, 128 of entropy and 4 of check.
const WORDS: usize = 12;
/// What is typed is cut here: no twelve words are that long, whatever stands between them.
const TYPED_BYTES_MAX: usize = 4_096;
/// A suggestion differs from what was typed in at most so many letters.
const TYPING_ERRORS_MAX: usize = 2;

/// The words, lower case, one space between them.
///
/// # Panics
/// Never: 16 bytes always make twelve words.
pub fn words(entropy: &RecoveryEntropy) -> Zeroizing<String> {
    #[expect(clippy::expect_used, reason = "bip39 refuses other lengths only")]
    let mnemonic = Mnemonic::from_entropy(entropy.as_bytes()).expect("16 bytes make twelve words");
    let mut words = Zeroizing::new(String::with_capacity(WORDS * 9));
    for word in mnemonic.words() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
    words
}

/// Reads typed words: any case, any normal form, anything but letters between them.
///
/// # Errors
/// [`PhraseError`]: the count, the first word that is not in the list, or the check bits.
pub fn parse(typed: &str) -> Result<RecoveryEntropy, PhraseError> {
    let normal = normalize(typed)?;
    let count = normal.split(' ').filter(|word| !word.is_empty()).count();
    if count != WORDS {
        return Err(PhraseError::Count { found: u8::try_from(count).unwrap_or(u8::MAX) });
    }
    let mnemonic =
        Mnemonic::parse_in_normalized(Language::English, &normal).map_err(|error| match error {
            Error::UnknownWord(at) => unknown_word(&normal, at),
            Error::BadWordCount(_) | Error::BadEntropyBitCount(_) => {
                PhraseError::Count { found: u8::try_from(count).unwrap_or(u8::MAX) }
            }
            Error::InvalidChecksum | Error::AmbiguousLanguages(_) => PhraseError::Check,
        })?;
    let (bytes, _) = mnemonic.to_entropy_array();
    let bytes = Zeroizing::new(bytes);
    let entropy = bytes.first_chunk::<16>().ok_or(PhraseError::Check)?;
    Ok(RecoveryEntropy::from_bytes(entropy))
}

/// NFKD, lower case, one space for whatever separates words.
fn normalize(typed: &str) -> Result<Zeroizing<String>, PhraseError> {
    if typed.len() > TYPED_BYTES_MAX {
        return Err(PhraseError::Count { found: u8::MAX });
    }
    // NFKD makes at most 18 characters of one, 4 bytes each: no reallocation leaves a copy behind.
    let mut normal = Zeroizing::new(String::with_capacity(typed.len() * 18 * 4));
    for character in typed.nfkd().flat_map(char::to_lowercase) {
        if character.is_alphabetic() || is_combining_mark(character) {
            normal.push(character);
        } else if !normal.is_empty() && !normal.ends_with(' ') {
            normal.push(' ');
        }
    }
    if normal.ends_with(' ') {
        normal.pop();
    }
    Ok(normal)
}

fn unknown_word(normal: &str, at: usize) -> PhraseError {
    let number = u8::try_from(at + 1).unwrap_or(u8::MAX);
    let word = normal.split(' ').nth(at).unwrap_or_default();
    PhraseError::Word { number, suggestion: nearest(word) }
}

/// The word of the list with the fewest letters typed wrongly; of equals one with the same first letter.
fn nearest(typed: &str) -> Option<&'static str> {
    let first = typed.chars().next();
    let near = Language::English
        .word_list()
        .iter()
        .map(|word| (distance(typed, word), word.chars().next() != first, *word));
    let (errors, _, word) = near.min()?;
    (errors <= TYPING_ERRORS_MAX).then_some(word)
}

/// Letters to insert, remove or replace (Levenshtein); words far longer than the list's are infinitely far.
fn distance(typed: &str, word: &str) -> usize {
    if typed.chars().count() > word.len() + TYPING_ERRORS_MAX {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=word.len()).collect();
    for (i, a) in typed.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (above, b) in row.iter().skip(1).zip(word.chars()) {
            left = (diagonal + usize::from(a != b)).min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHRASE: &str =
        "legal winner thank year wave sausage worth useful legal winner thank yellow";

    #[test]
    fn the_words_come_back_as_the_same_bytes() {
        let entropy = parse(PHRASE).unwrap();
        assert_eq!(entropy.as_bytes(), &[0x7f; 16]);
        assert_eq!(*words(&entropy), PHRASE);
    }

    #[test]
    fn b65_case_forms_and_separators_do_not_matter() {
        let typed = [
            PHRASE.to_uppercase(),
            PHRASE.replace(' ', "  \n "),
            PHRASE.replace(' ', ", "),
            format!("\u{201c}{}\u{201d}", PHRASE.replace(' ', "\u{a0}")),
            PHRASE.chars().map(fullwidth).collect(),
            format!("1. {}", PHRASE.replace(' ', " 2) ")),
        ];
        for text in typed {
            assert_eq!(parse(&text).unwrap().as_bytes(), &[0x7f; 16], "{text}");
        }
    }

    #[test]
    fn b65_another_count_is_told_with_the_number_found() {
        for (count, text) in [
            (0, String::new()),
            (11, PHRASE.replace(" yellow", "")),
            (13, format!("{PHRASE} zoo")),
            (23, format!("{PHRASE} {}", PHRASE.replace(" yellow", ""))),
            (24, format!("{PHRASE} {PHRASE}")),
            (255, "a ".repeat(300)),
            (255, "a ".repeat(3_000_000)),
        ] {
            assert_eq!(parse(&text).unwrap_err(), PhraseError::Count { found: count });
        }
    }

    #[test]
    fn b65_a_word_outside_the_list_is_numbered_and_the_nearest_word_suggested() {
        let error = parse(&PHRASE.replacen("worth", "wortth", 1)).unwrap_err();
        assert_eq!(error, PhraseError::Word { number: 7, suggestion: Some("worth") });
        assert_eq!(error.code(), "phrase.word");
        assert_eq!(error.to_string(), "word 7 is not in the list; did you mean 'worth'?");
        let error = parse(&PHRASE.replacen("worth", "geheimschrift", 1)).unwrap_err();
        assert_eq!(error, PhraseError::Word { number: 7, suggestion: None });
        assert!(!error.to_string().contains("geheim"));
    }

    #[test]
    fn b65_words_in_another_order_or_of_another_phrase_do_not_fit_together() {
        let swapped = PHRASE.replacen("legal winner", "winner legal", 1);
        assert_eq!(parse(&swapped).unwrap_err(), PhraseError::Check);
    }

    fn fullwidth(letter: char) -> char {
        if letter == ' ' { '\u{3000}' } else { char::from_u32(letter as u32 + 0xfee0).unwrap() }
    }
}
