//! Disk space kept back, so that a full disk never stops a transaction half-way.
//!
//! SQLite needs space even to finish or to delete. The ballast is a file that holds this space; when the
//! disk is full it is given free, what was begun is completed, and new business stops until the ballast
//! could be laid down again.

use std::{fs, io, path::Path};

use rustix::fs::{FallocateFlags, fallocate};

use crate::failure::{EdgeError, file_error};

/// Space kept back: a few hundred records with their journal.
pub const BALLAST_BYTES: u64 = 16 << 20;

/// Lays the ballast down where it is missing or short. `false` when the disk has no room for it.
pub fn lay(path: &Path) -> Result<bool, EdgeError> {
    if fs::metadata(path).is_ok_and(|meta| meta.len() >= BALLAST_BYTES) {
        return Ok(true);
    }
    let file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(file_error(path))?;
    // A sparse file would hold nothing back: the blocks have to be there.
    let laid = match fallocate(&file, FallocateFlags::empty(), 0, BALLAST_BYTES) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::OPNOTSUPP) => write_blocks(&file),
        Err(error) => Err(error.into()),
    };
    match laid {
        Ok(()) => Ok(true),
        Err(error) => {
            drop(file);
            let _ = fs::remove_file(path);
            if error.kind() == io::ErrorKind::StorageFull || error.kind() == io::ErrorKind::QuotaExceeded {
                Ok(false)
            } else {
                Err(file_error(path)(error))
            }
        }
    }
}

fn write_blocks(mut file: &fs::File) -> io::Result<()> {
    use io::Write;
    // Not zeros: some file systems store no blocks for them.
    let block = [0xB5; 1 << 16];
    for _ in 0..BALLAST_BYTES / block.len() as u64 {
        file.write_all(&block)?;
    }
    file.sync_all()
}

/// Gives the space free. `false` when there was none left to give.
pub fn free(path: &Path) -> bool {
    fs::remove_file(path).is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn ballast_holds_real_blocks_and_can_be_freed_once() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("ballast");
        assert!(lay(&path).unwrap());
        assert!(fs::metadata(&path).unwrap().blocks() * 512 >= BALLAST_BYTES);
        assert!(lay(&path).unwrap());
        assert!(free(&path));
        assert!(!free(&path));
    }
}
