//! Documents through their public door: honest histories, hostile bytes, mutants of honest changes.

mod device;
mod honest;
