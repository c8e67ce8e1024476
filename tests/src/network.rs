//! What lies between the devices and the relay. Streams are reliable and in order, as QUIC's are; streams overtake
//! each other; a connection that ends loses what is under way, and its two ends may notice at different times.

use crate::trace::Kind;
use crate::world::{DeviceIndex, World, index_byte, relay_now};
use reknit_core::client::Notice;
use reknit_relay::job::{Batch, Committed};
use reknit_relay::protocol::{ConnectionId, Prefix, StreamId};
use std::collections::BTreeMap;
use std::time::Duration;
use wire::frame::{Channel, Frame};
use wire::hash::envelope_id;
use wire::time::Moment;

const SLICE: Duration = Duration::from_millis(1);

/// One connection, as its device sees it.
#[derive(Debug)]
pub struct Wire {
    pub(crate) id: ConnectionId,
    pub(crate) up: bool,
    streams: BTreeMap<Channel, StreamId>,
    channels: BTreeMap<StreamId, Channel>,
    next_stream: u64,
}

/// Something under way.
#[derive(Debug)]
pub(crate) enum Event {
    Connected(DeviceIndex, ConnectionId),
    Failed(DeviceIndex, ConnectionId),
    ToRelay {
        device: DeviceIndex,
        id: ConnectionId,
        stream: StreamId,
        frame: Frame,
        last: bool,
    },
    ToDevice {
        device: DeviceIndex,
        id: ConnectionId,
        stream: StreamId,
        frame: Frame,
        last: bool,
    },
    Cancelled {
        device: DeviceIndex,
        id: ConnectionId,
        stream: StreamId,
    },
    Ended {
        device: DeviceIndex,
        id: ConnectionId,
        stream: StreamId,
    },
    Cut(DeviceIndex, ConnectionId),
    /// The relay notices that a connection is gone.
    Noticed(ConnectionId),
    /// The relay's disk makes a batch durable.
    Commits {
        life: u64,
        batch: Batch,
    },
    /// The relay hears that it did.
    Committed {
        life: u64,
        done: Committed,
    },
}

impl World {
    /// Cuts a device's connection: what is under way is lost.
    pub fn cut(&mut self, device: DeviceIndex) {
        if let Some(id) = self.devices[device].wire.as_ref().map(|wire| wire.id) {
            self.disconnected(device, id);
        }
    }

    pub(crate) fn cut_all(&mut self) {
        for device in 0..self.devices.len() {
            self.cut(device);
        }
    }

    pub(crate) fn happen(&mut self, event: Event) {
        self.tell(|| format!("{event:?}"));
        match event {
            Event::Connected(device, id) => self.connected(device, id),
            Event::Failed(device, id) | Event::Cut(device, id) => self.disconnected(device, id),
            Event::ToRelay { device, id, stream, frame, last } => {
                if !self.is_live(device, id) {
                    self.tally.lost += 1;
                    return;
                }
                self.reach_relay((device, id, stream), frame, last);
            }
            Event::ToDevice { device, id, stream, frame, last } => {
                if !self.is_live(device, id) {
                    self.tally.lost += 1;
                    return;
                }
                let bytes = frame.encode();
                self.trace.note(Kind::ToDevice, &[&[index_byte(device)], &bytes]);
                self.arrive(device, stream, frame);
                if last && self.is_live(device, id) {
                    self.ended(device, stream);
                }
            }
            Event::Cancelled { device, id, stream } => {
                if self.is_live(device, id) {
                    let now = relay_now(self.now);
                    self.host_of(id).relay.handle_stream_closed(id, stream, now);
                    self.drain_relay();
                }
            }
            Event::Ended { device, id, stream } => {
                if self.is_live(device, id) {
                    self.ended(device, stream);
                }
            }
            Event::Noticed(id) => {
                let now = relay_now(self.now);
                self.host_of(id).relay.handle_disconnected(id, now);
                self.drain_relay();
            }
            event @ (Event::Commits { .. } | Event::Committed { .. }) => self.disk_event(event),
        }
    }

    /// A frame is with the relay, if it listens.
    fn reach_relay(
        &mut self,
        (device, id, stream): (DeviceIndex, ConnectionId, StreamId),
        frame: Frame,
        last: bool,
    ) {
        let bytes = frame.encode();
        self.trace.note(Kind::ToRelay, &[&[index_byte(device)], &bytes]);
        if let Some(heard) = &mut self.heard {
            heard.push(bytes);
        }
        self.s5_no_salt_comes_twice(&frame);
        let changes = matches!(frame, Frame::Push { .. } | Frame::ControlAppend { .. });
        if changes && self.is_frozen(id) {
            self.tally.swallowed += 1;
            return;
        }
        let now = relay_now(self.now);
        let relay = &mut self.host_of(id).relay;
        relay.handle_frame(id, stream, frame, now);
        if last {
            relay.handle_stream_finished(id, stream, now);
        }
        self.drain_relay();
    }

    fn is_frozen(&self, id: ConnectionId) -> bool {
        self.shadow.as_ref().is_some_and(|of| of.frozen && of.connections.contains(&id))
    }

    /// Whether a frame does not arrive, nor any later one of its stream in this direction: streams have no gaps.
    fn is_swallowed(&mut self, id: ConnectionId, stream: StreamId, up: bool) -> bool {
        if self.random.one_in(self.weather.deaf_one_in) {
            self.deaf.insert((id, stream, up));
        }
        let swallowed = self.deaf.contains(&(id, stream, up));
        self.tally.swallowed += u64::from(swallowed);
        swallowed
    }

    fn is_live(&self, device: DeviceIndex, id: ConnectionId) -> bool {
        self.devices[device].wire.as_ref().is_some_and(|wire| wire.id == id && wire.up)
    }

    fn connected(&mut self, device: DeviceIndex, id: ConnectionId) {
        let Some(wire) = self.devices[device].wire.as_mut().filter(|wire| wire.id == id) else {
            return;
        };
        wire.up = true;
        let mut exporter = [0; 32];
        exporter[..8].copy_from_slice(&id.0.to_be_bytes());
        let now = relay_now(self.now);
        if let Some(shadow) = self.shadow.as_mut().filter(|of| of.devices.contains(&device)) {
            shadow.connections.insert(id);
        }
        self.host_of(id).relay.handle_connected(id, Prefix(device as u64), exporter, now);
        let relay = self.host.line.relay;
        self.turn(device, |node, now, random| node.handle_connected(relay, exporter, now, random));
        self.drain_relay();
    }

    /// The connection ends: the device knows at once, the relay perhaps later.
    pub(crate) fn disconnected(&mut self, device: DeviceIndex, id: ConnectionId) {
        if self.devices[device].wire.as_ref().is_none_or(|wire| wire.id != id) {
            return;
        }
        self.drop_wire(device);
        let relay = self.host.line.relay;
        self.turn(device, |node, now, random| node.handle_disconnected(relay, now, random));
    }

    /// The device's end is gone.
    pub(crate) fn drop_wire(&mut self, device: DeviceIndex) {
        if let Some(wire) = self.devices[device].wire.take()
            && wire.up
        {
            let after = self.weather.ghost(&mut self.random);
            self.push(self.now + after, Event::Noticed(wire.id));
        }
    }

    fn arrive(&mut self, device: DeviceIndex, stream: StreamId, frame: Frame) {
        let wire = self.devices[device].wire.as_mut().expect("live");
        let channel = if let (true, Frame::TailStart { sid }) = (stream.is_tail(), &frame) {
            let channel = Channel::Tail(*sid);
            wire.channels.insert(stream, channel);
            channel
        } else {
            let Some(channel) = wire.channels.get(&stream) else { return };
            *channel
        };
        let relay = self.host.line.relay;
        self.turn(device, |node, now, random| {
            node.handle_frame(relay, (channel, frame), now, random)
        });
    }

    fn ended(&mut self, device: DeviceIndex, stream: StreamId) {
        let Some(wire) = self.devices[device].wire.as_mut() else { return };
        let Some(channel) = wire.channels.remove(&stream) else { return };
        if wire.streams.get(&channel) == Some(&stream) {
            wire.streams.remove(&channel);
        }
        let relay = self.host.line.relay;
        self.turn(device, |node, now, random| {
            node.handle_channel_closed(relay, channel, now, random)
        });
    }

    pub(crate) fn dial(&mut self, device: DeviceIndex) {
        self.drop_wire(device);
        self.counter += 1;
        let id = ConnectionId(self.counter);
        self.devices[device].wire = Some(Wire {
            id,
            up: false,
            streams: BTreeMap::new(),
            channels: BTreeMap::new(),
            next_stream: 1,
        });
        let fails = !self.devices[device].online || self.weather.dial_fails(&mut self.random);
        let at = self.now + self.weather.delay(&mut self.random);
        let event = if fails { Event::Failed(device, id) } else { Event::Connected(device, id) };
        self.push(at, event);
        if let Some(after) = self.weather.cut_after(&mut self.random) {
            self.push(at + after, Event::Cut(device, id));
        }
    }

    pub(crate) fn send(&mut self, device: DeviceIndex, channel: Channel, frame: Frame, last: bool) {
        if let Frame::Push { sid, envelope } = &frame {
            let id = envelope_id(envelope);
            let in_memory = self.devices[device].folder.is_none();
            if in_memory && !self.sealed.contains_key(&id) {
                let entry = self.devices[device].entry_in_outbox(envelope);
                let entry = entry.expect("D2: what leaves a device is on its disk");
                self.sealed.insert(id, (*sid, entry));
                self.note_sent(device, entry);
            }
        }
        let Some(wire) = self.devices[device].wire.as_mut().filter(|wire| wire.up) else { return };
        let stream = *wire.streams.entry(channel).or_insert_with(|| {
            if channel == Channel::Control {
                return StreamId::CONTROL;
            }
            wire.next_stream += 1;
            StreamId(wire.next_stream)
        });
        wire.channels.insert(stream, channel);
        let id = wire.id;
        self.tally.frames += 1;
        if self.is_swallowed(id, stream, true) {
            return;
        }
        let at = self.arrival(id, stream, true);
        self.push(at, Event::ToRelay { device, id, stream, frame, last });
    }

    pub(crate) fn cancel(&mut self, device: DeviceIndex, channel: Channel) {
        let Some(wire) = self.devices[device].wire.as_mut() else { return };
        let stream = wire.streams.remove(&channel).or_else(|| {
            let found = wire.channels.iter().find(|(_, of)| **of == channel);
            found.map(|(stream, _)| *stream)
        });
        let Some(stream) = stream else { return };
        wire.channels.remove(&stream);
        let id = wire.id;
        let at = self.arrival(id, stream, true);
        self.push(at, Event::Cancelled { device, id, stream });
    }

    /// A frame of the relay sets out.
    pub(crate) fn deliver(&mut self, id: ConnectionId, stream: StreamId, frame: Frame, last: bool) {
        if let Some(heard) = self.strangers.get_mut(&id) {
            heard.push((stream, frame));
            return;
        }
        let Some(device) = self.device_of(id) else {
            self.tally.lost += 1;
            return;
        };
        self.tally.frames += 1;
        if self.is_swallowed(id, stream, false) {
            return;
        }
        let at = self.arrival(id, stream, false);
        self.push(at, Event::ToDevice { device, id, stream, frame, last });
    }

    /// The relay ends a stream.
    pub(crate) fn end_stream(&mut self, id: ConnectionId, stream: StreamId) {
        if let Some(device) = self.device_of(id) {
            if self.deaf.contains(&(id, stream, false)) {
                return;
            }
            let at = self.arrival(id, stream, false);
            self.push(at, Event::Ended { device, id, stream });
        }
    }

    /// The relay closes a connection.
    pub(crate) fn close(&mut self, id: ConnectionId) {
        if let Some(device) = self.device_of(id) {
            let at = self.now + self.weather.delay(&mut self.random);
            self.push(at, Event::Cut(device, id));
        }
    }

    fn device_of(&self, id: ConnectionId) -> Option<DeviceIndex> {
        self.devices
            .iter()
            .position(|device| device.wire.as_ref().is_some_and(|wire| wire.id == id))
    }

    /// When a frame sent now arrives: never before the one before it on its stream.
    fn arrival(&mut self, id: ConnectionId, stream: StreamId, up: bool) -> Moment {
        let drawn = self.now + self.weather.delay(&mut self.random);
        let newest = self.arrivals.entry((id, stream, up)).or_insert(drawn);
        *newest = drawn.max(*newest + SLICE);
        let at = *newest;
        let overtaken = self.newest_arrival.entry((id, up)).or_insert(at);
        if at < *overtaken {
            self.tally.reordered += 1;
        }
        *overtaken = at.max(*overtaken);
        at
    }

    pub(crate) fn push(&mut self, at: Moment, event: Event) {
        self.counter += 1;
        self.queue.insert((at, self.counter), event);
    }

    /// What a person is shown; some of it is held against the relay's disk at that instant.
    pub(crate) fn notice(&mut self, device: DeviceIndex, notice: Notice) {
        self.tell(|| format!("device {device} shows {notice:?}"));
        let shown = format!("{notice:?}");
        self.trace.note(Kind::Notice, &[&[index_byte(device)], shown.as_bytes()]);
        match &notice {
            Notice::Sent(entry) if self.devices[device].folder.is_none() => {
                let of = |(_, (_, of)): &(_, &(_, _))| of == entry;
                let mut ids = self.sealed.iter().filter(of).map(|(id, _)| *id);
                let there = ids.any(|id| crate::disk::holds(self.disk_seen_by(device), id));
                assert!(
                    there,
                    "D3: what is said to be sent is on the relay's disk at that instant"
                );
            }
            Notice::Incident(code) => *self.tally.codes.entry(code).or_default() += 1,
            Notice::Changed(changed) => self.tally.delivered += changed.entries as u64,
            _ => {}
        }
        self.devices[device].notices.push_back(notice);
    }
}
