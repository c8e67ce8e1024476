//! Base32 (RFC 4648), lower case and unpadded when written; read in any case, with spaces and dashes between.

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Writes.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            out.extend(letter(bits >> held));
        }
    }
    if held > 0 {
        out.extend(letter(bits << (5 - held)));
    }
    out
}

/// Reads. `None` if a character is none of ours, or if the bits that are left over are not zero.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 5 / 8);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for letter in text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'-') {
        let five = ALPHABET.iter().position(|known| *known == letter.to_ascii_lowercase())?;
        bits = (bits << 5) | u32::try_from(five).ok()?;
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from((bits >> held) & 0xff).ok()?);
        }
    }
    let spare_is_zero = bits & ((1 << held) - 1) == 0;
    (held < 5 && spare_is_zero).then_some(out)
}

fn letter(five: u32) -> Option<char> {
    ALPHABET.get((five & 31) as usize).map(|letter| char::from(*letter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_rfc_4648_hold() {
        for (bytes, text) in [
            ("", ""),
            ("f", "my"),
            ("fo", "mzxq"),
            ("foo", "mzxw6"),
            ("foob", "mzxw6yq"),
            ("fooba", "mzxw6ytb"),
            ("foobar", "mzxw6ytboi"),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(&text.to_uppercase()).unwrap(), bytes.as_bytes());
        }
        for bad in ["a", "abc", "mz1", "mz0", "mz8", "mzxr", "ä"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }

        #[test]
        fn no_text_makes_decode_panic(text: String) {
            drop(decode(&text));
        }
    }
}
