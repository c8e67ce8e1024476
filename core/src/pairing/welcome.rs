//! The sealed messages: the inviter's welcome, the way into a private space, the Genesis of a shared one.
//!
//! ```text
//! m4  I  HPKE( ck 32 | card_I | partner: sid 16, space_id 16 ) | voice signature 64
//! m5  J  device: voice | seat | kem | pop_voice | pop_seat      partner: card_J | acc_pk 32 | adm_pk 32
//! m6  I  device: sid 16 | space_id 16 | relay_id 32 | address var | idx u32 | op_id 32 | acc seed 32
//!        partner: body var | 12 wraps
//! m7  J  partner: seat signature 64
//! m8  I  partner: receipt
//! ```

use super::card::{Card, check_hash};
use super::error::PairError;
use super::output::DeviceWelcome;
use crate::crypto::{
    Home, KemKey, KemPublic, PairingSecret, Psk, Random, Signature, SigningKey, Zeroizing,
    open_welcome, seal_welcome,
};
use crate::model::id::{OpId, SpaceId};
use wire::address::{AddressLine, RelayAddress};
use wire::codec::{Reader, Writer};
use wire::hash::{self, sha256};
use wire::id::{RelayId, SpaceHandle};
use wire::limit::{ADDRESS_BYTES_MAX, MAIL_BYTES_MAX, WRAP_BYTES, WRAPS};

/// `m4`, opened.
#[derive(Debug)]
pub(super) struct Welcome {
    pub(super) channel: PairingSecret,
    pub(super) inviter: Card,
    pub(super) home: Option<Home>,
}

impl Welcome {
    /// Seals it to the joiner's fresh key and signs with the inviter's voice.
    pub(super) fn seal(
        &self,
        to: (&KemPublic, Option<Psk<'_>>),
        th: &[u8; 32],
        voice: &SigningKey,
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, PairError> {
        // Written at once into a buffer that is large enough and wiped: it holds the key of the channel.
        let mut inner = Zeroizing::new(Vec::with_capacity(32 + Card::BYTES + 32));
        inner.extend_from_slice(self.channel.as_bytes());
        inner.extend_from_slice(&self.inviter.encode());
        if let Some(Home { sid, space }) = self.home {
            inner.extend_from_slice(sid.as_bytes());
            inner.extend_from_slice(space.as_bytes());
        }
        let mut m4 = seal_welcome(to.0, th, to.1, &inner, random).map_err(|_| PairError::Key)?;
        let signature = voice.sign(hash::WEL, &[th, &sha256(&[&m4])]);
        m4.extend_from_slice(signature.as_bytes());
        Ok(m4)
    }

    /// Opens it; the inviter's card must be the one committed to, and its voice must have signed.
    pub(super) fn open(
        m4: &[u8],
        with: (&KemKey, Option<Psk<'_>>),
        th: &[u8; 32],
        expected: &Expected,
    ) -> Result<Self, PairError> {
        let (sealed, signature) = m4.split_last_chunk::<64>().ok_or(PairError::Form)?;
        let inner = open_welcome(with.0, th, with.1, sealed).map_err(|_| PairError::Mismatch)?;
        let (channel, rest) = inner.split_first_chunk::<32>().ok_or(PairError::Form)?;
        let (card, names) = rest.split_at_checked(Card::BYTES).ok_or(PairError::Form)?;
        check_hash(card, &expected.card_hash)?;
        let inviter = Card::decode(card)?;
        let signed = inviter.device.voice.verify(
            hash::WEL,
            &[th, &sha256(&[sealed])],
            &Signature(*signature),
        );
        signed.map_err(|_| PairError::Mismatch)?;
        let mut reader = Reader::new(names);
        let home = if expected.names { Some(decode_home(&mut reader)?) } else { None };
        reader.end()?;
        Ok(Self { channel: PairingSecret::from_bytes(channel), inviter, home })
    }
}

/// What a joiner knows of the welcome before it comes.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) card_hash: [u8; 32],
    /// Whether the names of a shared space follow.
    pub(super) names: bool,
}

fn decode_home(reader: &mut Reader<'_>) -> Result<Home, PairError> {
    let sid = SpaceHandle::from_bytes(reader.array()?);
    Ok(Home { sid, space: SpaceId::from_bytes(reader.array()?) })
}

impl DeviceWelcome {
    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let (idx, op) = (self.head.0, &self.head.1);
        let mut writer = Writer::with_capacity(512);
        writer.bytes(self.home.sid.as_bytes()).bytes(self.home.space.as_bytes());
        writer.bytes(self.line.relay.as_bytes()).var(self.line.address.as_str().as_bytes());
        writer.u32(idx).bytes(op.as_bytes()).bytes(self.acc.seed());
        Zeroizing::new(writer.into_bytes())
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, PairError> {
        let mut reader = Reader::new(bytes);
        let home = decode_home(&mut reader)?;
        let relay = RelayId::from_bytes(reader.array()?);
        let address = core::str::from_utf8(reader.var(ADDRESS_BYTES_MAX)?);
        let address = RelayAddress::parse(address.map_err(|_| PairError::Form)?);
        let address = address.map_err(|_| PairError::Form)?;
        let head = (reader.u32()?, OpId::from_bytes(reader.array()?));
        let acc = SigningKey::from_seed(&Zeroizing::new(reader.array()?));
        reader.end()?;
        Ok(Self { home, line: AddressLine { address, relay }, head, acc })
    }
}

/// The twelve wraps of a Genesis.
type Wraps = Vec<[u8; WRAP_BYTES]>;

/// `m6` of a partner.
pub(super) fn encode_genesis(body: &[u8], wraps: &[[u8; WRAP_BYTES]]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(4 + body.len() + wraps.len() * WRAP_BYTES);
    writer.var(body);
    for wrap in wraps {
        writer.bytes(wrap);
    }
    writer.into_bytes()
}

/// The layout only: what it says is for `membership`.
pub(super) fn decode_genesis(bytes: &[u8]) -> Result<(Vec<u8>, Wraps), PairError> {
    let mut reader = Reader::new(bytes);
    let body = reader.var(MAIL_BYTES_MAX)?.to_vec();
    let wraps = (0..WRAPS).map(|_| reader.array()).collect::<Result<_, _>>()?;
    reader.end()?;
    Ok((body, wraps))
}
