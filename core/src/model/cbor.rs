//! Strict CBOR: one way to write each value, checked on the raw bytes before any schema sees them.
//!
//! Allowed: integers, byte and text strings, arrays, maps, `false`, `true`; definite lengths, shortest heads, text
//! keys, unique within their map, UTF-8, nothing behind the end, at most eight levels deep. Refused: tags, floats,
//! `null`, `undefined` and other simple values: what is absent is left out, so they would be a second way to say it.
//! Source: RFC 8949; `docs/protocol.md` says what the bodies hold.

use std::collections::BTreeSet;

/// How deep values may nest: an event is an array (1) of a map (2) of fields, and the deepest field takes three more.
pub const DEPTH_MAX: usize = 8;

/// Why bytes are not strict CBOR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// The bytes end within a value.
    #[error("the body ends early")]
    Short,
    /// Bytes stand behind the value.
    #[error("the body has extra bytes")]
    Trailing,
    /// More than [`DEPTH_MAX`] levels.
    #[error("the body is nested too deeply")]
    Deep,
    /// An indefinite or overlong length, a tag, a float, a simple value other than `false` and `true`.
    #[error("the body is not in standard form")]
    Form,
    /// A map key that is not text, or stands twice.
    #[error("a field name is not text, or occurs twice")]
    Key,
    /// A text that is not UTF-8.
    #[error("a text is not UTF-8")]
    Utf8,
}

/// Checks that `bytes` are exactly one strict CBOR value; says how many map fields it holds on all levels.
///
/// The count lets a reader notice fields that its schema does not know.
///
/// # Errors
/// [`CborError`], for the first breach.
pub fn check(bytes: &[u8]) -> Result<usize, CborError> {
    let mut scan = Scan { rest: bytes, fields: 0 };
    scan.value(1)?;
    if scan.rest.is_empty() { Ok(scan.fields) } else { Err(CborError::Trailing) }
}

/// Takes `[number, map]` apart, checked strictly: the number, the map's bytes, and the fields on all levels.
///
/// # Errors
/// [`CborError`]; [`CborError::Form`] also for any other shape.
pub fn numbered_map(bytes: &[u8]) -> Result<(u16, &[u8], usize), CborError> {
    let fields = check(bytes)?;
    let mut scan = Scan { rest: bytes, fields: 0 };
    if scan.head()? != (Major::Array, 2) {
        return Err(CborError::Form);
    }
    let (Major::Unsigned, number) = scan.head()? else { return Err(CborError::Form) };
    let number = u16::try_from(number).map_err(|_| CborError::Form)?;
    let map = scan.rest;
    match scan.head()? {
        (Major::Map, _) => Ok((number, map, fields)),
        _other_shape => Err(CborError::Form),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Major {
    Unsigned,
    Negative,
    Bytes,
    Text,
    Array,
    Map,
    Simple,
}

struct Scan<'a> {
    rest: &'a [u8],
    fields: usize,
}

impl<'a> Scan<'a> {
    fn value(&mut self, depth: usize) -> Result<(), CborError> {
        if depth > DEPTH_MAX {
            return Err(CborError::Deep);
        }
        let (major, argument) = self.head()?;
        match major {
            Major::Unsigned | Major::Negative | Major::Simple => Ok(()),
            Major::Bytes => self.take(argument).map(|_| ()),
            Major::Text => self.text(argument).map(|_| ()),
            Major::Array => {
                // Each item takes a byte at least: a count beyond the rest ends the loop as `Short`.
                for _ in 0..argument {
                    self.value(depth + 1)?;
                }
                Ok(())
            }
            Major::Map => {
                let mut keys = BTreeSet::new();
                for _ in 0..argument {
                    let (Major::Text, len) = self.head()? else { return Err(CborError::Key) };
                    if !keys.insert(self.text(len)?) {
                        return Err(CborError::Key);
                    }
                    self.value(depth + 1)?;
                }
                self.fields += keys.len();
                Ok(())
            }
        }
    }

    /// A head in its shortest form.
    fn head(&mut self) -> Result<(Major, u64), CborError> {
        let (&first, rest) = self.rest.split_first().ok_or(CborError::Short)?;
        self.rest = rest;
        let major = match first >> 5 {
            0 => Major::Unsigned,
            1 => Major::Negative,
            2 => Major::Bytes,
            3 => Major::Text,
            4 => Major::Array,
            5 => Major::Map,
            7 if matches!(first, 0xf4 | 0xf5) => return Ok((Major::Simple, 0)),
            _tag_float_or_other_simple => return Err(CborError::Form),
        };
        let (argument, least) = match first & 0x1f {
            small @ 0..=23 => (u64::from(small), 0),
            24 => (u64::from(u8::from_be_bytes(self.array()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.array()?)), 0x100),
            26 => (u64::from(u32::from_be_bytes(self.array()?)), 0x1_0000),
            27 => (u64::from_be_bytes(self.array()?), 0x1_0000_0000),
            _reserved_or_indefinite => return Err(CborError::Form),
        };
        if argument < least { Err(CborError::Form) } else { Ok((major, argument)) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(CborError::Short)?;
        self.rest = rest;
        Ok(*head)
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], CborError> {
        let len = usize::try_from(len).map_err(|_| CborError::Short)?;
        let (head, rest) = self.rest.split_at_checked(len).ok_or(CborError::Short)?;
        self.rest = rest;
        Ok(head)
    }

    fn text(&mut self, len: u64) -> Result<&'a str, CborError> {
        core::str::from_utf8(self.take(len)?).map_err(|_| CborError::Utf8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ciborium::Value;
    use proptest::prelude::*;

    fn encode(value: &Value) -> Vec<u8> {
        let mut bytes = Vec::new();
        ciborium::into_writer(value, &mut bytes).unwrap();
        bytes
    }

    fn strict_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            "\\PC{0,30}".prop_map(Value::Text),
            proptest::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
        ];
        leaf.prop_recursive(5, 60, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                proptest::collection::btree_map("[a-z]{0,5}", inner, 0..6).prop_map(|map| {
                    Value::Map(map.into_iter().map(|(k, v)| (Value::Text(k), v)).collect())
                }),
            ]
        })
    }

    #[test]
    fn a_second_way_to_write_a_value_is_refused() {
        let refused: [(&[u8], CborError); 17] = [
            (&[], CborError::Short),
            (&[0x18, 0x17], CborError::Form), // 23 in two bytes
            (&[0x19, 0x00, 0xff], CborError::Form), // 255 in three
            (&[0x1a, 0, 0, 0xff, 0xff], CborError::Form), // 65,535 in five
            (&[0x9f, 0xff], CborError::Form), // indefinite array
            (&[0x7f, 0x60, 0xff], CborError::Form), // indefinite text
            (&[0xbf, 0xff], CborError::Form), // indefinite map
            (&[0xc0, 0x00], CborError::Form), // tag
            (&[0xf6], CborError::Form),       // null
            (&[0xf7], CborError::Form),       // undefined
            (&[0xf8, 0x20], CborError::Form), // another simple value
            (&[0xfa, 0, 0, 0, 0], CborError::Form), // float
            (&[0xa1, 0x01, 0x01], CborError::Key), // number as key
            (&[0xa2, 0x61, 0x61, 0, 0x61, 0x61, 0], CborError::Key), // "a" twice
            (&[0x61, 0xff], CborError::Utf8),
            (&[0x00, 0x00], CborError::Trailing),
            (&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], CborError::Short),
        ];
        for (bytes, error) in refused {
            assert_eq!(check(bytes), Err(error), "{bytes:02x?}");
        }
    }

    #[test]
    fn eight_levels_pass_and_nine_do_not() {
        let nested = |levels: usize| [vec![0x81; levels - 1], vec![0x00]].concat();
        assert_eq!(check(&nested(8)), Ok(0));
        assert_eq!(check(&nested(9)), Err(CborError::Deep));
        assert_eq!(check(&vec![0x81; 1_000_000]), Err(CborError::Deep));
    }

    #[test]
    fn an_event_is_a_number_and_a_map() {
        assert_eq!(numbered_map(&[0x82, 0x01, 0xa0]), Ok((1, &[0xa0][..], 0)));
        for bytes in [
            &[0x81, 0x01][..],
            &[0x82, 0x20, 0xa0],
            &[0x82, 0x01, 0x80],
            &[0x82, 0x1a, 0, 1, 0, 0, 0xa0],
        ] {
            assert_eq!(numbered_map(bytes), Err(CborError::Form), "{bytes:02x?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_check_panic(bytes: Vec<u8>) {
            let _ = (check(&bytes), numbered_map(&bytes));
        }

        #[test]
        fn what_the_encoder_writes_is_accepted(value in strict_value()) {
            prop_assert!(check(&encode(&value)).is_ok());
        }

        /// Whatever passes is what the encoder would write: there is no second form.
        #[test]
        fn what_is_accepted_is_what_the_encoder_writes(value in strict_value(), at: prop::sample::Index, bit in 0..8u8) {
            let mut bytes = encode(&value);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            if check(&bytes).is_ok() {
                let value: Value = ciborium::from_reader(bytes.as_slice()).unwrap();
                prop_assert_eq!(encode(&value), bytes);
            }
        }
    }
}
