//! The name of a vCon.

use sha2::{Digest, Sha256};

use crate::wire::lists::CallDetail;

/// A UUID of version 8: the milliseconds at which the call began, then a hash of its id and
/// number. The same call has the same one whenever and wherever it is written, also by a later
/// version and from a backup; the epoch is no part of it, because a new model begins a new one.
pub(super) fn of(call: &CallDetail) -> String {
    let mut hash = Sha256::new();
    hash.update(b"forewarn call\0");
    hash.update(call.view.call_id.as_bytes());
    hash.update(b"\0");
    hash.update(call.number.to_be_bytes());
    hash.update(call.view.started_at.0.to_be_bytes());
    let hash = hash.finalize();
    let mut bytes = [0_u8; 16];
    let began = call.view.started_at.0.max(0).to_be_bytes();
    bytes[..6].copy_from_slice(&began[2..]);
    bytes[6..].copy_from_slice(&hash[..10]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
