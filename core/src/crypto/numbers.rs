//! What two people compare, and what proves knowledge of an invitation's secret.

use super::derive;
use super::error::Forged;
use ring::hmac;
use wire::hash;

/// The two numbers of a pairing, six digits each: the first is shown by the inviter, the second by the joiner.
pub fn sas_numbers(
    th: &[u8; 32],
    inviter_nonce: &[u8; 32],
    joiner_nonce: &[u8; 32],
    psk: Option<&[u8; 32]>,
) -> (String, String) {
    let psk = psk.map(<[u8; 32]>::as_slice).unwrap_or_default();
    let both = u128::from_be_bytes(*derive::numbers(th, &[inviter_nonce, joiner_nonce, psk]));
    (six_digits(both >> 64), six_digits(both & u128::from(u64::MAX)))
}

fn six_digits(half: u128) -> String {
    format!("{:06}", half % 1_000_000)
}

/// HMAC-SHA256 over the transcript under an invitation's secret.
pub fn pairing_mac(psk: &[u8; 32], th: &[u8; 32]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(hmac::sign(&mac_key(psk), &mac_input(th)).as_ref());
    out
}

/// Compares in constant time.
///
/// # Errors
/// [`Forged`].
pub fn pairing_mac_fits(psk: &[u8; 32], th: &[u8; 32], mac: &[u8; 32]) -> Result<(), Forged> {
    hmac::verify(&mac_key(psk), &mac_input(th), mac).map_err(|_| Forged)
}

fn mac_key(psk: &[u8; 32]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, psk)
}

fn mac_input(th: &[u8; 32]) -> Vec<u8> {
    [hash::PMAC.as_bytes().as_slice(), th].concat()
}
