//! What lies where in the 1 MiB of flash and in memory. Source of the sectors: RM §3.4, table 5.
//!
//! | sectors | from | bytes | what |
//! |---|---|---|---|
//! | 0, 1 | `0800_0000` | 32 Ki | boot stage, write protected on a board in the field |
//! | 2, 3 | `0800_8000` | 2 × 16 Ki | journal of the boot stage |
//! | 4 | `0801_0000` | 64 Ki | unused |
//! | 5 | `0802_0000` | 128 Ki | application: header, then the program at `0802_0200` |
//! | 6 | `0804_0000` | 128 Ki | staged image |
//! | 7 to 11 | `0806_0000` | 5 × 128 Ki | unused |
//!
//! | memory | bytes | what |
//! |---|---|---|
//! | `2000_0000` | 128 Ki - 64 | variables and stack of whoever runs |
//! | `2001_FFC0` | 64 | report of the boot stage, kept over a start |

/// A region of flash whose erase sectors have one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Address of its first byte.
    pub address: u32,
    /// Bytes.
    pub bytes: u32,
    /// Number of its first erase sector.
    pub first_sector: u8,
}

/// The boot stage.
pub const BOOT: Region = Region { address: 0x0800_0000, bytes: 32 * 1024, first_sector: 0 };
/// The journal of the boot stage.
pub const JOURNAL: Region =
    Region { address: 0x0800_8000, bytes: 2 * JOURNAL_SECTOR_BYTES as u32, first_sector: 2 };
/// The application with its header.
pub const APPLICATION: Region =
    Region { address: 0x0802_0000, bytes: IMAGE_SECTOR_BYTES as u32, first_sector: 5 };
/// The image that was received last.
pub const STAGED: Region = Region { address: 0x0804_0000, bytes: IMAGE_SECTOR_BYTES as u32, first_sector: 6 };

/// Bytes of an erase sector of the journal.
pub const JOURNAL_SECTOR_BYTES: usize = 16 * 1024;
/// Bytes of an erase sector of the application and of the staged image.
pub const IMAGE_SECTOR_BYTES: usize = 128 * 1024;

/// First address of memory.
pub const MEMORY: u32 = 0x2000_0000;
/// Bytes of memory for variables and stack.
pub const MEMORY_BYTES: u32 = 128 * 1024 - 64;
/// Where the report of the boot stage lies.
pub const REPORT: u32 = MEMORY + MEMORY_BYTES;

/// Bytes of flash altogether.
pub const FLASH_BYTES: u32 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_lie_on_their_sectors() {
        // Sizes of the sectors in KiB.
        let sectors = [16, 16, 16, 16, 64, 128, 128, 128, 128, 128, 128, 128];
        assert_eq!(sectors.iter().sum::<u32>() * 1024, FLASH_BYTES);
        for region in [BOOT, JOURNAL, APPLICATION, STAGED] {
            let first = usize::from(region.first_sector);
            let before: u32 = sectors[..first].iter().sum();
            assert_eq!(region.address, 0x0800_0000 + before * 1024, "{region:?}");
            let count = region.bytes / 1024 / sectors[first];
            assert!(sectors[first..first + count as usize].iter().all(|size| *size == sectors[first]));
            assert_eq!(count * sectors[first] * 1024, region.bytes, "{region:?}");
        }
    }
}
