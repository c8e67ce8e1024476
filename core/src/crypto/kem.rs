//! X-Wing: to whom a key is wrapped. One place calls `hpke`.

use super::error::{KeyError, OpenError};
use super::random::Random;
use super::secret::Secret;
use core::convert::Infallible;
use core::fmt;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, PskBundle, Serializable};
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// The length of an X-Wing public key.
pub(super) const KEM_PUBLIC_BYTES: usize = 1_216;
/// The length of an encapsulated key.
pub(super) const KEM_ENC_BYTES: usize = 1_120;

/// A secret X-Wing key: the 32 bytes *are* the decapsulation key.
#[derive(Debug)]
pub struct KemKey {
    seed: Secret<32>,
    /// Made when it is asked for: whoever only opens a vault does not wait for it.
    public: OnceLock<KemPublic>,
}

impl KemKey {
    /// The key of these 32 bytes. The caller wipes its own copy.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::of(Secret::copy_of(seed))
    }

    /// Draws a new key.
    pub fn generate(random: &mut dyn Random) -> Self {
        Self::of(Secret::generate(random))
    }

    /// The 32 bytes, to be sealed.
    pub const fn seed(&self) -> &[u8; 32] {
        self.seed.bytes()
    }

    /// To whom others wrap.
    pub fn public(&self) -> &KemPublic {
        self.public.get_or_init(|| {
            let mut public = Box::new([0; KEM_PUBLIC_BYTES]);
            public.copy_from_slice(&XWing::sk_to_pk(&private_key(&self.seed)).to_bytes());
            KemPublic(public)
        })
    }

    const fn of(seed: Secret<32>) -> Self {
        Self { seed, public: OnceLock::new() }
    }
}

fn private_key(seed: &Secret<32>) -> <XWing as Kem>::PrivateKey {
    #[expect(clippy::expect_used, reason = "hpke refuses other lengths only")]
    <XWing as Kem>::PrivateKey::from_bytes(seed.bytes()).expect("a key has 32 bytes")
}

/// A public X-Wing key. Outside of [`Unverified`](super::Unverified) it is well formed.
#[derive(Clone, PartialEq, Eq)]
pub struct KemPublic(Box<[u8; KEM_PUBLIC_BYTES]>);

impl KemPublic {
    /// Accepts a foreign key.
    ///
    /// # Errors
    /// [`KeyError::Kem`] if a coefficient of its lattice part is not reduced.
    pub fn from_bytes(bytes: &[u8; KEM_PUBLIC_BYTES]) -> Result<Self, KeyError> {
        let key = Self::unchecked(bytes);
        key.recheck()?;
        Ok(key)
    }

    /// The bytes as they came, inside of something still unverified.
    pub(super) fn unchecked(bytes: &[u8; KEM_PUBLIC_BYTES]) -> Self {
        Self(Box::new(*bytes))
    }

    pub(super) fn recheck(&self) -> Result<(), KeyError> {
        self.parse().map(drop)
    }

    /// The 1,216 bytes.
    pub const fn as_bytes(&self) -> &[u8; KEM_PUBLIC_BYTES] {
        &self.0
    }

    fn parse(&self) -> Result<<XWing as Kem>::PublicKey, KeyError> {
        <XWing as Kem>::PublicKey::from_bytes(self.0.as_slice()).map_err(|_| KeyError::Kem)
    }
}

impl fmt::Debug for KemPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KemPublic")
    }
}

/// A secret both sides hold already and its public name, for HPKE's psk mode.
#[derive(Clone, Copy)]
pub(super) struct Bundle<'a> {
    pub(super) psk: &'a [u8; 32],
    pub(super) id: &'a [u8],
}

/// HPKE, one message, no aad: `enc ‖ ciphertext ‖ tag`.
pub(super) fn hpke_seal(
    to: &KemPublic,
    info: &[u8],
    bundle: Option<Bundle<'_>>,
    plaintext: &[u8],
    random: &mut dyn Random,
) -> Result<Vec<u8>, KeyError> {
    let mode = match bundle {
        Some(bundle) => OpModeS::Psk(psk_bundle(bundle)?),
        None => OpModeS::Base,
    };
    let (enc, ciphertext) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &mode,
        &to.parse()?,
        info,
        plaintext,
        &[],
        &mut Stream(random),
    )
    .map_err(|_| KeyError::Kem)?;
    Ok([enc.to_bytes().as_slice(), &ciphertext].concat())
}

/// Opens what [`hpke_seal`] made.
pub(super) fn hpke_open(
    key: &KemKey,
    info: &[u8],
    bundle: Option<Bundle<'_>>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let mode = match bundle {
        Some(bundle) => OpModeR::Psk(psk_bundle(bundle).map_err(|_| OpenError::Forged)?),
        None => OpModeR::Base,
    };
    let (enc, ciphertext) = sealed.split_at_checked(KEM_ENC_BYTES).ok_or(OpenError::Forged)?;
    let enc = <XWing as Kem>::EncappedKey::from_bytes(enc).map_err(|_| OpenError::Forged)?;
    hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &mode,
        &private_key(&key.seed),
        &enc,
        info,
        ciphertext,
        &[],
    )
    .map(Zeroizing::new)
    .map_err(|_| OpenError::Forged)
}

fn psk_bundle(bundle: Bundle<'_>) -> Result<PskBundle<'_>, KeyError> {
    PskBundle::new(bundle.psk, bundle.id).map_err(|_| KeyError::Kem)
}

/// Our random source in the shape that `hpke` asks for.
struct Stream<'a>(&'a mut dyn Random);

impl rand_core::TryRng for Stream<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_be_bytes(super::random::draw(self.0)))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_be_bytes(super::random::draw(self.0)))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Stream<'_> {}
