//! Both machines against each other, and against somebody in between.

mod attack;
mod box_attack;
mod handshake;
mod hostile;
mod phones;
