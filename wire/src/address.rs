//! Where a relay is, and who it must prove to be.

use crate::id::RelayId;
use crate::limit::ADDRESS_BYTES_MAX;
use core::fmt;
use core::str::FromStr;

/// Why a text is not an address or address line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Longer than 300 bytes.
    #[error("the address is longer than {ADDRESS_BYTES_MAX} bytes")]
    Long,
    /// Not `HOST:PORT`.
    #[error("the address is not HOST:PORT")]
    HostPort,
    /// What follows the slash is not a relay's key.
    #[error("the address does not end in /KEY with the relay's key of 52 letters and digits")]
    Key,
}

/// `HOST:PORT`; the host is a name, an IPv4 address, or an IPv6 address in brackets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayAddress(String);

impl RelayAddress {
    /// Checks an address.
    ///
    /// # Errors
    /// [`AddressError::Long`] or [`AddressError::HostPort`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > ADDRESS_BYTES_MAX {
            return Err(AddressError::Long);
        }
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::HostPort)?;
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        let port_good = digits && !port.starts_with('0') && port.parse::<u16>().is_ok();
        if port_good && is_host(host) {
            Ok(Self(text.to_owned()))
        } else {
            Err(AddressError::HostPort)
        }
    }

    /// `HOST:PORT`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host, without brackets.
    pub fn host(&self) -> &str {
        let host = self.0.rsplit_once(':').map_or("", |(host, _)| host);
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.0.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or_default()
    }
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<core::net::Ipv6Addr>().is_ok();
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(label)
}

impl fmt::Display for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelayAddress")
    }
}

impl FromStr for RelayAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

/// `HOST:PORT/KEY`: what a person is given to reach a relay. The key is base32 (RFC 4648), lower case, unpadded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressLine {
    /// Where.
    pub address: RelayAddress,
    /// Who.
    pub relay: RelayId,
}

impl FromStr for AddressLine {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (address, key) = text.rsplit_once('/').ok_or(AddressError::Key)?;
        let address = RelayAddress::parse(address)?;
        let relay = decode_key(key).ok_or(AddressError::Key)?;
        Ok(Self { address, relay })
    }
}

impl fmt::Display for AddressLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, encode_key(self.relay))
    }
}

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

fn encode_key(relay: RelayId) -> String {
    let (mut out, mut bits, mut held) = (String::with_capacity(52), 0_u32, 0_u32);
    let mut push = |five: u32| {
        out.extend(ALPHABET.get((five & 31) as usize).map(|letter| char::from(*letter)));
    };
    for byte in relay.as_bytes() {
        bits = (bits << 8 | u32::from(*byte)) & 0xfff;
        held += 8;
        while held >= 5 {
            held -= 5;
            push(bits >> held);
        }
    }
    push(bits << (5 - held));
    out
}

fn decode_key(text: &str) -> Option<RelayId> {
    if text.len() != 52 {
        return None;
    }
    let (mut out, mut bits, mut held) = (Vec::with_capacity(32), 0_u32, 0_u32);
    for letter in text.bytes() {
        let five = ALPHABET.iter().position(|known| *known == letter)?;
        bits = (bits << 5 | u32::try_from(five).ok()?) & 0xfff;
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 0xff).ok()?);
        }
    }
    let spare_is_zero = bits & ((1 << held) - 1) == 0;
    spare_is_zero.then(|| RelayId::from_slice(&out)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn good_addresses_are_taken_as_they_are() {
        for (text, host, port) in [
            ("relay.example:4433", "relay.example", 4433),
            ("127.0.0.1:1", "127.0.0.1", 1),
            ("[::1]:65535", "::1", 65535),
        ] {
            let address = RelayAddress::parse(text).unwrap();
            assert_eq!((address.as_str(), address.host(), address.port()), (text, host, port));
        }
    }

    #[test]
    fn bad_addresses_are_refused() {
        for text in [
            "",
            ":1",
            "a",
            "a:",
            "a:0",
            "a:01",
            "a:65536",
            "a:+1",
            "a b:1",
            "a/b:1",
            "::1:1",
            "[::1:1",
            "a..b:1",
            "-a:1",
            "a:1 ",
            "ä:1",
            "http://a:1",
        ] {
            assert_eq!(RelayAddress::parse(text), Err(AddressError::HostPort), "{text}");
        }
        assert_eq!(RelayAddress::parse(&format!("{}:1", "a".repeat(299))), Err(AddressError::Long));
    }

    #[test]
    fn a_key_of_another_length_case_or_spelling_is_refused() {
        let line =
            AddressLine { address: RelayAddress::parse("a:1").unwrap(), relay: RelayId::ZERO };
        let good = line.to_string();
        assert_eq!(good, format!("a:1/{}", "a".repeat(52)));
        let key_of_spare_bits = format!("a:1/{}b", "a".repeat(51));
        for bad in [
            good.to_uppercase(),
            good.replacen('a', "", 2),
            format!("{good}a"),
            key_of_spare_bits,
            "a:1".into(),
        ] {
            assert!(bad.parse::<AddressLine>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn an_address_line_reads_back_as_written(key: [u8; 32], port in 1_u16..) {
            let address = RelayAddress::parse(&format!("relay.example:{port}")).unwrap();
            let line = AddressLine { address, relay: RelayId::from_bytes(key) };
            prop_assert_eq!(line.to_string().parse::<AddressLine>(), Ok(line));
        }

        #[test]
        fn what_parses_prints_the_same(text in "\\PC{0,80}") {
            if let Ok(line) = text.parse::<AddressLine>() {
                prop_assert_eq!(line.to_string(), text);
            }
        }
    }
}
