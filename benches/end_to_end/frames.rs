//! Just enough of the websocket protocol for a load that costs little itself: unfragmented text
//! frames, a mask of zeros.

/// Appends a client's text frame.
pub fn write(out: &mut Vec<u8>, text: &str) {
    out.push(0x81);
    match text.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length @ 126..=65_535 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(text.as_bytes());
}

/// The payload of the first whole frame of a server and the bytes it took; `None` when more bytes
/// must come first.
fn read(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (head, length) = match *bytes.get(1)? & 0x7f {
        126 => (4, u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?) as usize),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize),
        length => (2, length as usize),
    };
    Some((bytes.get(head..head + length)?, head + length))
}

/// Hands each whole frame of a server to `take` and removes it.
///
/// # Errors
/// Those of `take`, and any message of the server that says something went wrong.
pub fn drain(
    received: &mut Vec<u8>,
    mut take: impl FnMut(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut used = 0;
    while let Some((payload, length)) = read(&received[used..]) {
        used += length;
        if payload.starts_with(br#"{"type":"error"#) || payload.starts_with(br#"{"type":"nack"#) {
            anyhow::bail!("{}", String::from_utf8_lossy(payload));
        }
        take(payload)?;
    }
    received.drain(..used);
    Ok(())
}
