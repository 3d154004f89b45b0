//! Where things lie in the memory of a card: made from an image, turned back into one.

use card_spec::key::Key128;

use crate::{
    eeprom::{Cell, Eeprom},
    error::SimError,
    image::{
        Access, AccountImage, CardImage, DirectoryImage, FileBody, FileImage, FingerImage, Hex, HexByte,
        HexLong, HexWord, KeyImage, KeyUse, Life, PinImage, ProofImage, PurseImage, Unlock, WalletImage,
    },
};

/// Most digits of a PIN, as bytes of BCD.
pub(super) const PIN_FIELD_BYTES_MAX: usize = 6;
/// Offsets in the cell of the account.
pub(super) mod account_at {
    pub(crate) const BALANCE: usize = 0;
    pub(crate) const SELF_PAID: usize = 4;
    pub(crate) const POOLED: usize = 8;
    pub(crate) const YEAR: usize = 12;
    pub(crate) const ONLINE_SERIAL: usize = 14;
    pub(crate) const OFFLINE_SERIAL: usize = 16;
    pub(crate) const BYTES: usize = 18;
}
/// Offsets in the cell of the wallets, each in the half of its own.
pub(super) mod purse_at {
    pub(crate) const BALANCE: usize = 0;
    pub(crate) const OVERDRAFT: usize = 4;
    pub(crate) const ONLINE_SERIAL: usize = 7;
    pub(crate) const OFFLINE_SERIAL: usize = 9;
    pub(crate) const BYTES: usize = 11;
}
/// Type 1, serial 2, MAC 4, TAC 4.
pub(super) const PROOF_BYTES: usize = 11;
/// Transactions of different types that a card can prove.
pub(super) const PROOFS_MAX: usize = 5;
/// Index of the newest record and number of records stand before the ring.
pub(super) const RING_HEAD_BYTES: usize = 2;

/// All directories, each above those below it; the first is the root.
pub(super) struct Layout {
    pub(super) note: String,
    pub(super) directories: Vec<Directory>,
    /// One byte: whether the card is blocked.
    pub(super) blocked: Cell,
}

pub(super) struct Directory {
    pub(super) parent: Option<usize>,
    pub(super) label: String,
    pub(super) id: u16,
    pub(super) alias: Option<u16>,
    pub(super) name: Vec<u8>,
    pub(super) fci: Vec<u8>,
    /// One byte: [`Life`].
    pub(super) life: Cell,
    pub(super) pin: Option<PinPlace>,
    pub(super) finger: Option<FingerPlace>,
    pub(super) keys: Vec<Key>,
    pub(super) files: Vec<File>,
    pub(super) account: Option<AccountPlace>,
    pub(super) wallet: Option<AccountPlace>,
}

/// Tries left, length, field.
pub(super) struct PinPlace {
    pub(super) cell: Cell,
    pub(super) tries_max: u8,
}

/// One byte: comparisons of fingers that may still fail.
#[derive(Clone, Copy)]
pub(super) struct FingerPlace {
    pub(super) tries: Cell,
    pub(super) tries_max: u8,
}

pub(super) struct Key {
    pub(super) name: String,
    pub(super) usage: KeyUse,
    pub(super) id: Option<u8>,
    pub(super) unlocks: Option<Unlock>,
    pub(super) versions: Vec<Key128>,
    /// One byte: tries left.
    pub(super) tries: Cell,
    pub(super) tries_max: u8,
}

pub(super) struct File {
    pub(super) label: String,
    pub(super) id: u16,
    pub(super) read: Access,
    pub(super) write: Access,
    pub(super) write_needs_mac: bool,
    pub(super) records_need_mac: Vec<u8>,
    pub(super) body: Body,
}

pub(super) enum Body {
    /// Records one behind the other; whether they begin with a tag.
    Records {
        cell: Cell,
        lengths: Vec<usize>,
        tagged: bool,
    },
    Transparent {
        cell: Cell,
    },
    Ring {
        cell: Cell,
        record_bytes: usize,
        records_max: usize,
    },
    Internal,
}

/// Balances and proofs, of the account or of both wallets.
#[derive(Clone, Copy)]
pub(super) struct AccountPlace {
    pub(super) balances: Cell,
    pub(super) proofs: Cell,
    pub(super) log_file: u16,
    pub(super) locked: bool,
}

impl Layout {
    /// Lays an image out in empty memory.
    ///
    /// Errors: `Image` when something in it cannot be.
    pub(super) fn new(image: &CardImage, memory: &mut Eeprom) -> Result<Self, SimError> {
        let mut directories = Vec::new();
        let blocked = memory.allocate(vec![u8::from(image.blocked)]);
        lay_out(&image.root, None, memory, &mut directories)?;
        if let Some(interrupted) = &image.interrupted {
            interrupted.restore(memory)?;
        }
        Ok(Self { note: image.note.clone(), directories, blocked })
    }

    /// The root and everything below as an image.
    pub(super) fn root_image(&self, memory: &Eeprom) -> DirectoryImage {
        self.directory_image(0, memory)
    }

    /// The directory whose PIN and global keys apply in this one: the nearest with a PIN, from itself up.
    pub(super) fn environment_of(&self, directory: usize) -> usize {
        let mut at = directory;
        while self.directories[at].pin.is_none() {
            match self.directories[at].parent {
                Some(parent) => at = parent,
                None => return directory,
            }
        }
        at
    }

    pub(super) fn life(&self, directory: usize, memory: &Eeprom) -> Life {
        match memory.read(self.directories[directory].life)[0] {
            0 => Life::Active,
            1 => Life::Blocked,
            // Anything else can only be a terminated application.
            _ => Life::Terminated,
        }
    }

    fn directory_image(&self, at: usize, memory: &Eeprom) -> DirectoryImage {
        let directory = &self.directories[at];
        DirectoryImage {
            label: directory.label.clone(),
            id: HexWord(directory.id),
            alias: directory.alias.map(HexWord),
            name: Hex(directory.name.clone()),
            fci: Hex(directory.fci.clone()),
            life: self.life(at, memory),
            pin: directory.pin.as_ref().map(|pin| pin.image(memory)),
            finger: directory.finger.map(|finger| FingerImage {
                tries_left: memory.read(finger.tries)[0],
                tries_max: finger.tries_max,
            }),
            keys: directory.keys.iter().map(|key| key.image(memory)).collect(),
            files: directory.files.iter().map(|file| file.image(memory)).collect(),
            account: directory.account.as_ref().map(|place| place.account_image(memory)),
            wallet: directory.wallet.as_ref().map(|place| place.wallet_image(memory)),
            directories: (0..self.directories.len())
                .filter(|child| self.directories[*child].parent == Some(at))
                .map(|child| self.directory_image(child, memory))
                .collect(),
        }
    }
}

fn lay_out(
    image: &DirectoryImage,
    parent: Option<usize>,
    memory: &mut Eeprom,
    directories: &mut Vec<Directory>,
) -> Result<(), SimError> {
    let problem = |problem: String| SimError::Image { problem: format!("{}: {problem}", image.label) };
    let life = memory.allocate(vec![match image.life {
        Life::Active => 0,
        Life::Blocked => 1,
        Life::Terminated => 2,
    }]);
    let pin = match &image.pin {
        None => None,
        // Two bytes at least, but for a field that is torn and waits for recovery.
        Some(pin) if pin.field.0.len() <= PIN_FIELD_BYTES_MAX => Some(PinPlace::new(pin, memory)),
        Some(_) => return Err(problem("a PIN has at most six bytes".to_owned())),
    };
    let finger = image.finger.map(|finger| FingerPlace {
        tries: memory.allocate(vec![finger.tries_left]),
        tries_max: finger.tries_max,
    });
    let mut keys = Vec::new();
    for key in &image.keys {
        keys.push(Key::new(key, memory).map_err(problem)?);
    }
    let mut files = Vec::new();
    for file in &image.files {
        files.push(File::new(file, memory).map_err(problem)?);
    }
    let log = |id: HexWord| {
        let found = files.iter().any(|file| file.id == id.0 && matches!(file.body, Body::Ring { .. }));
        if found { Ok(id.0) } else { Err(problem(format!("the log {id:?} is no cyclic file here"))) }
    };
    let account = match &image.account {
        None => None,
        Some(account) => Some(AccountPlace::of_account(account, log(account.log_file)?, memory)),
    };
    let wallet = match &image.wallet {
        None => None,
        Some(wallet) => Some(AccountPlace::of_wallet(wallet, log(wallet.log_file)?, memory)),
    };
    let own = directories.len();
    directories.push(Directory {
        parent,
        label: image.label.clone(),
        id: image.id.0,
        alias: image.alias.map(|id| id.0),
        name: image.name.0.clone(),
        fci: image.fci.0.clone(),
        life,
        pin,
        finger,
        keys,
        files,
        account,
        wallet,
    });
    image.directories.iter().try_for_each(|child| lay_out(child, Some(own), memory, directories))
}

impl PinPlace {
    fn new(image: &PinImage, memory: &mut Eeprom) -> Self {
        let mut bytes = vec![image.tries_left, image.field.0.len() as u8];
        bytes.extend_from_slice(&image.field.0);
        bytes.resize(2 + PIN_FIELD_BYTES_MAX, 0);
        Self { cell: memory.allocate(bytes), tries_max: image.tries_max }
    }

    pub(super) fn tries_left(&self, memory: &Eeprom) -> u8 {
        memory.read(self.cell)[0]
    }

    pub(super) fn field<'a>(&self, memory: &'a Eeprom) -> &'a [u8] {
        let bytes = memory.read(self.cell);
        &bytes[2..2 + usize::from(bytes[1]).min(PIN_FIELD_BYTES_MAX)]
    }

    fn image(&self, memory: &Eeprom) -> PinImage {
        PinImage {
            field: self.field(memory).into(),
            tries_left: self.tries_left(memory),
            tries_max: self.tries_max,
        }
    }
}

impl Key {
    fn new(image: &KeyImage, memory: &mut Eeprom) -> Result<Self, String> {
        let versions = image
            .versions
            .iter()
            .map(|key| key.0.as_slice().try_into().map(Key128::new))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| format!("key {} has not 16 bytes", image.name))?;
        if versions.is_empty() || versions.len() > usize::from(card_spec::key::KEY_VERSIONS_MAX) {
            return Err(format!("key {} has no version, or more than four", image.name));
        }
        Ok(Self {
            name: image.name.clone(),
            usage: image.usage,
            id: image.id.map(|id| id.0),
            unlocks: image.unlocks,
            versions,
            tries: memory.allocate(vec![image.tries_left]),
            tries_max: image.tries_max,
        })
    }

    pub(super) fn tries_left(&self, memory: &Eeprom) -> u8 {
        memory.read(self.tries)[0]
    }

    fn image(&self, memory: &Eeprom) -> KeyImage {
        KeyImage {
            name: self.name.clone(),
            usage: self.usage,
            id: self.id.map(HexByte),
            unlocks: self.unlocks,
            versions: self.versions.iter().map(|key| key.as_bytes().into()).collect(),
            tries_left: self.tries_left(memory),
            tries_max: self.tries_max,
        }
    }
}

impl File {
    fn new(image: &FileImage, memory: &mut Eeprom) -> Result<Self, String> {
        let in_range = |bytes: usize| {
            if bytes <= usize::from(u16::MAX) {
                Ok(bytes)
            } else {
                Err(format!("file {:?} is larger than 64 KB", image.id))
            }
        };
        let records = |records: &[Hex], tagged: bool, memory: &mut Eeprom| -> Result<Body, String> {
            let bytes = records.iter().flat_map(|record| record.0.iter().copied()).collect::<Vec<u8>>();
            in_range(bytes.len())?;
            let lengths = records.iter().map(|record| record.0.len()).collect();
            Ok(Body::Records { cell: memory.allocate(bytes), lengths, tagged })
        };
        let body = match &image.body {
            FileBody::Linear(list) => records(list, true, memory)?,
            FileBody::Fixed(list) => records(list, false, memory)?,
            FileBody::Transparent(bytes) => {
                in_range(bytes.0.len())?;
                Body::Transparent { cell: memory.allocate(bytes.0.clone()) }
            }
            FileBody::Cyclic { record_bytes, records_max, records } => {
                let (record_bytes, records_max) = (usize::from(*record_bytes), usize::from(*records_max));
                let fits = records.iter().all(|record| record.0.len() == record_bytes);
                if !fits || records.len() > records_max || record_bytes == 0 || records_max == 0 {
                    return Err(format!("the ring {:?} is not of its own measure", image.id));
                }
                let mut bytes = vec![0; RING_HEAD_BYTES + record_bytes * records_max];
                // The oldest first, so that the newest is the last one written.
                for (at, record) in records.iter().rev().enumerate() {
                    let start = RING_HEAD_BYTES + at * record_bytes;
                    bytes[start..start + record_bytes].copy_from_slice(&record.0);
                }
                bytes[0] = records.len().saturating_sub(1) as u8;
                bytes[1] = records.len() as u8;
                Body::Ring { cell: memory.allocate(bytes), record_bytes, records_max }
            }
            FileBody::Internal => Body::Internal,
        };
        Ok(Self {
            label: image.label.clone(),
            id: image.id.0,
            read: image.read.clone(),
            write: image.write.clone(),
            write_needs_mac: image.write_needs_mac,
            records_need_mac: image.records_need_mac.clone(),
            body,
        })
    }

    fn image(&self, memory: &Eeprom) -> FileImage {
        let body = match &self.body {
            Body::Records { tagged, .. } => {
                let records = self.records(memory).map(Hex::from).collect();
                if *tagged { FileBody::Linear(records) } else { FileBody::Fixed(records) }
            }
            Body::Transparent { cell } => FileBody::Transparent(memory.read(*cell).into()),
            Body::Ring { record_bytes, records_max, .. } => FileBody::Cyclic {
                record_bytes: *record_bytes as u8,
                records_max: *records_max as u8,
                records: self.records(memory).map(Hex::from).collect(),
            },
            Body::Internal => FileBody::Internal,
        };
        FileImage {
            label: self.label.clone(),
            id: HexWord(self.id),
            read: self.read.clone(),
            write: self.write.clone(),
            write_needs_mac: self.write_needs_mac,
            records_need_mac: self.records_need_mac.clone(),
            body,
        }
    }

    /// The records, as they are numbered; none for a file without records.
    pub(super) fn records<'a>(&'a self, memory: &'a Eeprom) -> impl Iterator<Item = &'a [u8]> {
        let (cell, places): (Option<Cell>, Vec<(usize, usize)>) = match &self.body {
            Body::Records { cell, lengths, .. } => {
                let starts = lengths.iter().scan(0, |at, length| {
                    let start = *at;
                    *at += length;
                    Some((start, *length))
                });
                (Some(*cell), starts.collect())
            }
            Body::Ring { cell, record_bytes, records_max } => {
                let bytes = memory.read(*cell);
                let (newest, count) = (usize::from(bytes[0]), usize::from(bytes[1]).min(*records_max));
                let start =
                    |age: usize| RING_HEAD_BYTES + (newest + records_max - age) % records_max * record_bytes;
                (Some(*cell), (0..count).map(|age| (start(age), *record_bytes)).collect())
            }
            Body::Transparent { .. } | Body::Internal => (None, Vec::new()),
        };
        places.into_iter().filter_map(move |(start, length)| memory.read(cell?).get(start..start + length))
    }
}

impl AccountPlace {
    fn of_account(image: &AccountImage, log_file: u16, memory: &mut Eeprom) -> Self {
        let mut bytes = Vec::with_capacity(account_at::BYTES);
        bytes.extend_from_slice(&image.balance_fen.to_be_bytes());
        bytes.extend_from_slice(&image.self_paid_fen.to_be_bytes());
        bytes.extend_from_slice(&image.pooled_fen.to_be_bytes());
        bytes.extend_from_slice(&image.year.0.to_be_bytes());
        bytes.extend_from_slice(&image.online_serial.to_be_bytes());
        bytes.extend_from_slice(&image.offline_serial.to_be_bytes());
        Self {
            balances: memory.allocate(bytes),
            proofs: proofs_cell(&image.proofs, memory),
            log_file,
            locked: image.locked,
        }
    }

    fn of_wallet(image: &WalletImage, log_file: u16, memory: &mut Eeprom) -> Self {
        let mut bytes = Vec::with_capacity(2 * purse_at::BYTES);
        for purse in [&image.deposit, &image.purse] {
            bytes.extend_from_slice(&purse.balance_fen.to_be_bytes());
            bytes.extend_from_slice(&purse.overdraft_fen.to_be_bytes()[1..]);
            bytes.extend_from_slice(&purse.online_serial.to_be_bytes());
            bytes.extend_from_slice(&purse.offline_serial.to_be_bytes());
        }
        Self {
            balances: memory.allocate(bytes),
            proofs: proofs_cell(&image.proofs, memory),
            log_file,
            locked: image.locked,
        }
    }

    fn account_image(&self, memory: &Eeprom) -> AccountImage {
        let bytes = memory.read(self.balances);
        AccountImage {
            balance_fen: long(bytes, account_at::BALANCE),
            self_paid_fen: long(bytes, account_at::SELF_PAID),
            pooled_fen: long(bytes, account_at::POOLED),
            year: HexWord(word(bytes, account_at::YEAR)),
            online_serial: word(bytes, account_at::ONLINE_SERIAL),
            offline_serial: word(bytes, account_at::OFFLINE_SERIAL),
            log_file: HexWord(self.log_file),
            locked: self.locked,
            proofs: self.proofs(memory).collect(),
        }
    }

    fn wallet_image(&self, memory: &Eeprom) -> WalletImage {
        let (deposit, purse) = memory.read(self.balances).split_at(purse_at::BYTES);
        let image = |bytes: &[u8]| PurseImage {
            balance_fen: long(bytes, purse_at::BALANCE),
            overdraft_fen: long(bytes, purse_at::OVERDRAFT) >> 8,
            online_serial: word(bytes, purse_at::ONLINE_SERIAL),
            offline_serial: word(bytes, purse_at::OFFLINE_SERIAL),
        };
        WalletImage {
            deposit: image(deposit),
            purse: image(purse),
            log_file: HexWord(self.log_file),
            locked: self.locked,
            proofs: self.proofs(memory).collect(),
        }
    }

    /// What the card can prove; places that were never used are left out.
    pub(super) fn proofs<'a>(&self, memory: &'a Eeprom) -> impl Iterator<Item = ProofImage> + 'a {
        memory.read(self.proofs).chunks_exact(PROOF_BYTES).filter(|proof| proof[0] != 0).map(|proof| {
            ProofImage {
                kind: HexByte(proof[0]),
                serial: word(proof, 1),
                mac: hex_long(&proof[3..7]),
                tac: hex_long(&proof[7..11]),
            }
        })
    }

    /// Where the proof of a transaction type goes: its own place, or the first that is free.
    pub(super) fn proof_offset(&self, kind: u8, memory: &Eeprom) -> usize {
        let bytes = memory.read(self.proofs);
        let place = |wanted: u8| bytes.chunks_exact(PROOF_BYTES).position(|proof| proof[0] == wanted);
        // There are no more types than places.
        place(kind).or_else(|| place(0)).unwrap_or(0) * PROOF_BYTES
    }
}

fn proofs_cell(proofs: &[ProofImage], memory: &mut Eeprom) -> Cell {
    let mut bytes = Vec::new();
    for proof in proofs.iter().take(PROOFS_MAX) {
        bytes.push(proof.kind.0);
        bytes.extend_from_slice(&proof.serial.to_be_bytes());
        bytes.extend_from_slice(&proof.mac.0);
        bytes.extend_from_slice(&proof.tac.0);
    }
    bytes.resize(PROOF_BYTES * PROOFS_MAX, 0);
    memory.allocate(bytes)
}

fn hex_long(bytes: &[u8]) -> HexLong {
    let mut own = [0; 4];
    own.copy_from_slice(bytes);
    crate::image::HexArray(own)
}

/// Two bytes, most significant first.
pub(super) fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// Four bytes, most significant first.
pub(super) fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
