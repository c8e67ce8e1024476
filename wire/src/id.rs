//! Names that cross the wire: one macro, one type each.

/// Makes an id type of `N` bytes. `Debug` prints the type's name only: ids never reach a log.
#[macro_export]
macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $n:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $n]);

        impl $name {
            /// The length in bytes.
            pub const LEN: usize = $n;
            /// All bytes zero: "none" in every layout that holds this id.
            pub const ZERO: Self = Self([0; $n]);

            /// Takes the bytes as they are.
            pub const fn from_bytes(bytes: [u8; $n]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $n] {
                &self.0
            }

            /// The bytes, by value.
            pub const fn to_bytes(self) -> [u8; $n] {
                self.0
            }

            /// Takes a slice of exactly the right length.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                <[u8; $n]>::try_from(bytes).ok().map(Self)
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

byte_id!(
    /// The only name of a space that the relay knows (`sid`): random, unrelated to the space's own id.
    SpaceHandle, 16
);
byte_id!(
    /// SHA-256 of an envelope: pushing the same envelope twice is recognised by it.
    EnvelopeId, 32
);
byte_id!(
    /// SHA-256 of a control item as the relay stores it.
    ItemHash, 32
);
byte_id!(
    /// Drawn when a relay's database is made: another store id means that the relay forgot or moved.
    StoreId, 16
);
byte_id!(
    /// The relay's Ed25519 public key: its TLS raw public key and the key that signs receipts.
    RelayId, 32
);
byte_id!(
    /// An Ed25519 public key by which a person signs in to one space (`acc_pk`), or its `adm` or recovery sibling.
    PrincipalKey, 32
);
byte_id!(
    /// The name of a pairing mailbox.
    RendezvousId, 16
);
byte_id!(
    /// The relay's running hash `R_n` over all data envelopes of a space.
    RunningHash, 32
);
