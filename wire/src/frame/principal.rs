//! The keys by which one person is known to a relay for one space.

use crate::codec::{DecodeError, Reader, Writer};
use crate::id::PrincipalKey;
use crate::limit::PRINCIPALS_MAX;

/// One person as a relay knows them in one space: three keys that nothing links to another space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Signs in: pulls, pushes, tails, appends control items.
    pub acc: PrincipalKey,
    /// Makes the space, and is needed beside `acc` for what must not happen by a grabbed phone.
    pub adm: PrincipalKey,
    /// Derived from the recovery phrase: signs in when every device is gone.
    pub recovery: PrincipalKey,
}

impl Principal {
    /// The written length.
    pub const BYTES: usize = 96;

    fn encode(&self, writer: &mut Writer) {
        for key in [self.acc, self.adm, self.recovery] {
            writer.bytes(key.as_bytes());
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            acc: PrincipalKey::from_bytes(reader.array()?),
            adm: PrincipalKey::from_bytes(reader.array()?),
            recovery: PrincipalKey::from_bytes(reader.array()?),
        })
    }
}

/// What makes a space, beside its first control item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// One for a private space, two for a shared one, as in its Genesis.
    pub principals: Vec<Principal>,
    /// By the first principal's `adm` key, over [`crate::sign::creation_bytes`].
    pub signature: [u8; 64],
}

/// The principals as written in frames and signed: `list8(acc 32 ‖ adm 32 ‖ recovery 32)`.
pub fn encode_principals(principals: &[Principal]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(1 + principals.len() * Principal::BYTES);
    writer.count8(principals.len());
    for principal in principals {
        principal.encode(&mut writer);
    }
    writer.into_bytes()
}

/// Reads a list of one or two principals.
///
/// # Errors
/// [`DecodeError::Count`] above two, [`DecodeError::Form`] for none, [`DecodeError::Short`].
pub fn decode_principals(reader: &mut Reader<'_>) -> Result<Vec<Principal>, DecodeError> {
    match reader.list8(PRINCIPALS_MAX, Principal::BYTES)? {
        0 => Err(DecodeError::Form),
        count => (0..count).map(|_| Principal::decode(reader)).collect(),
    }
}
