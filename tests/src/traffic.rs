//! What goes between the devices and the relay of a world: dials, frames, and what the relay's machine asks for.

use crate::world::{Device, DeviceIndex, Event, SLICE, Wire, World, relay_now};
use reknit_core::client::{Node, Output};
use reknit_relay::protocol::{ConnectionId, Output as RelayOutput, Prefix, StreamId};
use std::collections::BTreeMap;
use wire::frame::{Channel, Frame};
use wire::time::Moment;

impl World {
    pub(crate) fn happen(&mut self, event: Event) {
        if std::env::var_os("REKNIT_TRACE").is_some() {
            eprintln!("{:?} {event:?}", self.now);
        }
        match event {
            Event::Connected(device, id) => self.connected(device, id),
            Event::Failed(device, id) | Event::Cut(device, id) => self.disconnected(device, id),
            Event::ToRelay { device, id, stream, frame, last } => {
                if !self.is_live(device, id) {
                    self.tally.lost += 1;
                    return;
                }
                if let Some(heard) = &mut self.heard {
                    heard.push(frame.encode());
                }
                self.relay.handle_frame(id, stream, frame, relay_now(self.now));
                if last {
                    self.relay.handle_stream_finished(id, stream, relay_now(self.now));
                }
                self.drain_relay();
            }
            Event::ToDevice { device, id, stream, frame, last } => {
                if !self.is_live(device, id) {
                    self.tally.lost += 1;
                    return;
                }
                self.arrive(device, stream, frame);
                if last {
                    self.ended(device, stream);
                }
            }
            Event::Cancelled { id, stream } => {
                self.relay.handle_stream_closed(id, stream, relay_now(self.now));
                self.drain_relay();
            }
            Event::Ended { device, id, stream } => {
                if self.is_live(device, id) {
                    self.ended(device, stream);
                }
            }
        }
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
        self.relay.handle_connected(id, Prefix(device as u64), exporter, relay_now(self.now));
        let relay = self.line().relay;
        self.turn(device, |node, now, random| node.handle_connected(relay, exporter, now, random));
        self.drain_relay();
    }

    fn disconnected(&mut self, device: DeviceIndex, id: ConnectionId) {
        let Some(up) =
            self.devices[device].wire.as_ref().filter(|wire| wire.id == id).map(|wire| wire.up)
        else {
            return;
        };
        self.devices[device].wire = None;
        if up {
            self.relay.handle_disconnected(id, relay_now(self.now));
            self.drain_relay();
        }
        let relay = self.line().relay;
        self.turn(device, |node, now, random| node.handle_disconnected(relay, now, random));
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
        if matches!(frame, Frame::Data { .. }) {
            self.tally.delivered += 1;
        }
        let relay = self.line().relay;
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
        let relay = self.line().relay;
        self.turn(device, |node, now, random| {
            node.handle_channel_closed(relay, channel, now, random)
        });
    }

    /// Carries out what a node asks for.
    pub(crate) fn drain(&mut self, device: DeviceIndex) {
        while let Some(output) = self.devices[device].node.as_mut().and_then(Node::poll_output) {
            match output {
                Output::Dial { .. } => self.dial(device),
                Output::Send { channel, frame, last, .. } => {
                    self.send(device, channel, frame, last);
                }
                Output::Cancel { channel, .. } => self.cancel(device, channel),
                Output::Hangup { .. } => self.hangup(device),
                Output::Notice(notice) => self.devices[device].notices.push_back(notice),
            }
        }
    }

    fn dial(&mut self, device: DeviceIndex) {
        self.hangup(device);
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

    fn hangup(&mut self, device: DeviceIndex) {
        if let Some(wire) = self.devices[device].wire.take()
            && wire.up
        {
            self.relay.handle_disconnected(wire.id, relay_now(self.now));
            self.drain_relay();
        }
    }

    fn send(&mut self, device: DeviceIndex, channel: Channel, frame: Frame, last: bool) {
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
        let at = self.arrival(id, stream, true);
        self.push(at, Event::ToRelay { device, id, stream, frame, last });
    }

    fn cancel(&mut self, device: DeviceIndex, channel: Channel) {
        let Some(wire) = self.devices[device].wire.as_mut() else { return };
        let stream = wire.streams.remove(&channel).or_else(|| {
            let found = wire.channels.iter().find(|(_, of)| **of == channel);
            found.map(|(stream, _)| *stream)
        });
        let Some(stream) = stream else { return };
        wire.channels.remove(&stream);
        let id = wire.id;
        let at = self.arrival(id, stream, true);
        self.push(at, Event::Cancelled { id, stream });
    }

    /// Carries out what the relay asks for.
    pub(crate) fn drain_relay(&mut self) {
        while let Some(output) = self.relay.poll_output() {
            let now = relay_now(self.now);
            match output {
                RelayOutput::Commit(batch) => {
                    let done = self.storage.commit(batch).expect("the relay's disk holds");
                    let again =
                        done.outcomes.iter().filter(|outcome| is_duplicate(outcome)).count();
                    self.tally.duplicated += again as u64;
                    self.relay.handle_committed(done, now);
                }
                RelayOutput::Read { ticket, read } => {
                    let answer = self.storage.read(read);
                    self.relay.handle_answer(ticket, answer, now);
                }
                RelayOutput::Send { connection, stream, frame, weight, last } => {
                    self.deliver(connection, stream, frame, last);
                    self.relay.handle_written(connection, stream, weight, now);
                }
                RelayOutput::OpenTail { .. } => {}
                RelayOutput::Finish { connection, stream }
                | RelayOutput::Cut { connection, stream } => {
                    if let Some(device) = self.device_of(connection) {
                        let at = self.arrival(connection, stream, false);
                        self.push(at, Event::Ended { device, id: connection, stream });
                    }
                }
                RelayOutput::Close { connection, .. } => {
                    if let Some(device) = self.device_of(connection) {
                        let at = self.now + self.weather.delay(&mut self.random);
                        self.push(at, Event::Cut(device, connection));
                    }
                }
            }
        }
    }

    fn deliver(&mut self, id: ConnectionId, stream: StreamId, frame: Frame, last: bool) {
        if let Some(heard) = self.strangers.get_mut(&id) {
            heard.push((stream, frame));
            return;
        }
        let Some(device) = self.device_of(id) else { return };
        let at = self.arrival(id, stream, false);
        self.push(at, Event::ToDevice { device, id, stream, frame, last });
    }

    fn device_of(&self, id: ConnectionId) -> Option<DeviceIndex> {
        let wire = |device: &Device| device.wire.as_ref().is_some_and(|wire| wire.id == id);
        self.devices.iter().position(wire)
    }

    /// When a frame sent now arrives: never before the one before it on its stream.
    fn arrival(&mut self, id: ConnectionId, stream: StreamId, up: bool) -> Moment {
        let drawn = self.now + self.weather.delay(&mut self.random);
        let newest = self.arrivals.entry((id, stream, up)).or_insert(drawn);
        *newest = drawn.max(*newest + SLICE);
        let at = *newest;
        let overtaken = self.newest_arrival.entry(id).or_insert(at);
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
}

fn is_duplicate(outcome: &reknit_relay::job::Outcome) -> bool {
    matches!(outcome, reknit_relay::job::Outcome::Stored(place) if !place.fresh)
}
