//! CRC-32 of IEEE 802.3, bit by bit: the journal is short.

/// Checksum of these bytes.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 0 { 0 } else { 0xEDB8_8320 })
    })
}

#[cfg(test)]
mod tests {
    /// Check value of the CRC catalogue.
    #[test]
    fn the_nine_digits() {
        assert_eq!(super::crc32(b"123456789"), 0xCBF4_3926);
    }
}
