//! A whole pairing of each kind against its known answer: invitation, messages, transcript, numbers. The transcript and
//! what depends on it are recomputed from the formulas of `docs/protocol.md`. `REKNIT_WRITE_VECTORS=1` writes anew.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test file: a panic is a failed test"
)]

#[path = "../../wire/tests/vectors/check.rs"]
mod check;

use check::{check, hex};
use reknit_core::crypto::{
    DeviceKeys, Home, Random, RecoveryEntropy, RecoveryKeys, Signature, SigningKey, draw,
    pairing_mac, sas_numbers,
};
use reknit_core::model::id::{OpId, PersonId, SpaceId};
use reknit_core::pairing::{
    Card, DeviceWelcome, Digits, Invitation, Invite, Inviter, Join, Joiner, Mode, Output, Way,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wire::hash::{self, hash, id16, sha256};
use wire::id::SpaceHandle;
use wire::time::Moment;

/// SHA-256 of seed and counter: the same bytes in every run.
struct Seeded(u64, u64);

impl Random for Seeded {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let block = sha256(&[&self.0.to_be_bytes(), &self.1.to_be_bytes()]);
            chunk.copy_from_slice(&block[..chunk.len()]);
            self.1 += 1;
        }
    }
}

fn human(seed: u64) -> (DeviceKeys, Card) {
    let random = &mut Seeded(seed, 0);
    let keys = DeviceKeys::generate(random);
    let person = PersonId::from_bytes(draw(random));
    let recovery = RecoveryKeys::from_entropy(&RecoveryEntropy::generate(random)).public();
    let card = Card { person, device: keys.device(person), recovery };
    (keys, card)
}

struct Pair {
    invite: Invite,
    join: Join,
    mailbox: BTreeMap<u8, Vec<u8>>,
    asked: Vec<Output>,
}

impl Pair {
    /// Delivers every message to the other side; all other outputs are kept.
    fn pump(&mut self) {
        loop {
            let (output, to_joiner) = match self.invite.poll_output() {
                Some(output) => (output, true),
                None => match self.join.poll_output() {
                    Some(output) => (output, false),
                    None => return,
                },
            };
            let kept = self.mail(output, to_joiner);
            self.asked.extend(kept);
        }
    }

    fn mail(&mut self, output: Output, to_joiner: bool) -> Option<Output> {
        let Output::Put { idx, bytes } = output else {
            return (!matches!(output, Output::Get { .. })).then_some(output);
        };
        if to_joiner {
            self.join.handle_mail(idx, &bytes, Moment::ORIGIN);
            self.invite.handle_stored(idx);
        } else {
            self.invite.handle_mail(idx, &bytes, Moment::ORIGIN);
            self.join.handle_stored(idx);
        }
        self.mailbox.insert(idx, bytes);
        None
    }

    fn number(&self, nth: usize) -> String {
        let mut numbers = self.asked.iter().filter_map(|output| {
            if let Output::ShowNumber(number) = output { Some(number.clone()) } else { None }
        });
        numbers.nth(nth).unwrap()
    }

    fn th(&self) -> [u8; 32] {
        let all: Vec<[u8; 32]> = self
            .asked
            .iter()
            .filter_map(
                |output| if let Output::Meet { th, .. } = output { Some(*th) } else { None },
            )
            .collect();
        all[0]
    }
}

fn shown(invite: &Invite) -> Invitation {
    let of = invite.invitation();
    match &of.way {
        Way::Code { .. } => Invitation::parse(&of.text()).unwrap(),
        Way::Digits(digits) => {
            let digits = Digits::parse(digits.as_str()).unwrap();
            Invitation::by_digits(of.mode, digits, of.line.clone())
        }
    }
}

/// Runs both machines to the joiner's first sealed message.
fn begin(mode: Mode, by_digits: bool) -> (Pair, DeviceKeys) {
    let ((keys, card), (joiner_keys, joiner_card)) = (human(1), human(2));
    let relay = SigningKey::from_seed(&[3; 32]).public().into();
    let line = wire::address::AddressLine { address: "relay.example:4433".parse().unwrap(), relay };
    let setup = Inviter { mode, card, line, by_digits };
    let invite = Invite::new(setup, &mut Seeded(4, 0), Moment::ORIGIN);
    let who = match mode {
        Mode::Device => Joiner::Device(&joiner_keys),
        Mode::Partner => Joiner::Partner(Box::new(joiner_card)),
    };
    let join = Join::new(shown(&invite), who, &mut Seeded(5, 0), Moment::ORIGIN).unwrap();
    let mut pair = Pair { invite, join, mailbox: BTreeMap::new(), asked: Vec::new() };
    pair.pump();
    if by_digits {
        pair.join.handle_typed(&pair.number(0)).unwrap();
    }
    let joiners = pair.number(usize::from(by_digits));
    pair.invite.handle_typed(&joiners, &keys, &mut Seeded(6, 0)).unwrap();
    pair.pump();
    (pair, joiner_keys)
}

/// Recomputes what both sides derived, and writes it down with the messages.
fn report(pair: &Pair) -> Value {
    let of = pair.invite.invitation();
    let psk = match &of.way {
        Way::Code { psk, check } => {
            assert_eq!(*check, id16(hash::INV, &[&pair.mailbox[&2]]));
            Some(*psk.as_bytes())
        }
        Way::Digits(digits) => {
            let rid = id16(hash::RID, &[of.line.relay.as_bytes(), digits.as_str().as_bytes()]);
            assert_eq!(of.rid.as_bytes(), &rid);
            None
        }
    };
    let mail = &pair.mailbox;
    let (reveal, mac) = mail[&3].split_at(1_282);
    assert_eq!(mail[&1], hash(hash::COM, &[reveal]));
    let mode = [of.mode.number()];
    let (rid, relay) = (of.rid.as_bytes(), of.line.relay.as_bytes());
    let th = hash(hash::TH, &[&mode, rid, relay, &mail[&0], &mail[&1], &mail[&2], reveal]);
    assert_eq!(th, pair.th());
    assert_eq!(mac, psk.map_or([0; 32], |psk| pairing_mac(&psk, &th)));
    let (inviter, joiner) =
        (mail[&2][..32].try_into().unwrap(), reveal[1_216..1_248].try_into().unwrap());
    let (s1, s2) = sas_numbers(&th, inviter, joiner, psk.as_ref());
    let joiners =
        pair.asked.iter().any(|it| matches!(it, Output::ShowNumber(number) if *number == s2));
    assert!(joiners, "the joiner shows S2");
    let messages: BTreeMap<String, Value> = mail
        .iter()
        .map(|(idx, bytes)| {
            let full = if bytes.len() <= 2_048 { Value::from(hex(bytes)) } else { Value::Null };
            let value =
                json!({ "bytes": full, "len": bytes.len(), "sha256": hex(&sha256(&[bytes])) });
            (format!("m{idx}"), value)
        })
        .collect();
    json!({
        "mode": of.mode.number(), "rid": hex(rid), "relay_id": hex(relay), "text": of.text(),
        "code": of.encode().map(|bytes| hex(&bytes)), "psk": psk.map(|psk| hex(&psk)),
        "th": hex(&th), "s1": s1, "s2": s2, "messages": messages,
    })
}

#[test]
fn an_own_device() {
    let vectors = [false, true].map(|by_digits| {
        let (mut pair, keys) = begin(Mode::Device, by_digits);
        pair.join.enter(&keys, &mut Seeded(7, 0)).unwrap();
        pair.pump();
        let welcome = DeviceWelcome {
            home: Home {
                sid: SpaceHandle::from_bytes([1; 16]),
                space: SpaceId::from_bytes([2; 16]),
            },
            line: pair.invite.invitation().line.clone(),
            head: (3, OpId::from_bytes([4; 32])),
            acc: SigningKey::from_seed(&[5; 32]),
        };
        pair.invite.admitted(&welcome, &mut Seeded(8, 0)).unwrap();
        pair.pump();
        assert!(matches!(pair.asked.last(), Some(Output::Done)));
        report(&pair)
    });
    check("pairing_device.json", &Value::from(vectors.to_vec()));
}

#[test]
fn a_partner() {
    let vectors = [false, true].map(|by_digits| {
        let (mut pair, _) = begin(Mode::Partner, by_digits);
        let [acc, adm] = [6, 7].map(|seed| SigningKey::from_seed(&[seed; 32]).public().into());
        pair.join.agree(acc, adm, &mut Seeded(7, 0)).unwrap();
        pair.pump();
        pair.invite.drafted(&[9; 6_000], &[[8; 1_168]; 12], &mut Seeded(8, 0)).unwrap();
        pair.pump();
        pair.join.signed(&Signature([7; 64]), &mut Seeded(9, 0)).unwrap();
        pair.pump();
        pair.invite.founded(b"receipt", &mut Seeded(10, 0)).unwrap();
        pair.pump();
        assert!(matches!(pair.asked.last(), Some(Output::Done)));
        report(&pair)
    });
    check("pairing_partner.json", &Value::from(vectors.to_vec()));
}
