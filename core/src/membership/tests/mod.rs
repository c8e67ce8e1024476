//! The log as a whole: founding, devices, keys, intents, properties, vectors.

mod branches;
mod devices;
mod every_order;
mod fixture;
mod founding;
mod incarnations;
mod intents;
mod keys;
mod limits;
mod properties;
mod rejects;
mod removals;
mod vectors;
