//! A center's folder: configuration, keys, certificates, storage.
//!
//! | file | what | mode |
//! |---|---|---|
//! | `center.json` | configuration | 0600 |
//! | `center.sqlite` | storage | 0600 |
//! | `authority.pem` | certificates that are trusted, the signing one first | 0644 |
//! | `server.pem` | the server's certificate | 0644 |
//! | `center.pub.pem` | the key that checks receipts, pages and documents | 0644 |
//! | `keys/authority.key`, `keys/server.key` | private keys, PEM | 0600 |
//! | `keys/center.seed` | the signing key's seed, 64 hexadecimal digits | 0600 |
//! | `keys/issuer.json` | issuer keys of the software security module, when there is one | 0600 |

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use protocol::{signature::PublicKey, timestamp::Timestamp};
use ring::signature::Ed25519KeyPair;
use zeroize::Zeroizing;

use crate::{
    access::{
        authority::{Authority, SERVER_VALIDITY_MS},
        tls::ServerIdentity,
    },
    configuration::Configuration,
    error::Error,
    outside::Outside,
    security_module::SoftwareModule,
    storage::sqlite::{SqliteOptions, SqliteStorage},
};

/// Most bytes of a configuration, key or certificate file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Head of an Ed25519 public key in DER (SubjectPublicKeyInfo). Source: RFC 8410 §4.
const ED25519_INFO: [u8; 12] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The folder of one center.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes the folder of a new center. `center.json` is written last: without it there is no center.
    ///
    /// Errors: `AlreadyThere`, `File`, `Key`, `Configuration`, `Storage`, `Random`.
    pub(crate) fn create(
        path: &Path,
        configuration: &Configuration,
        outside: &Outside,
    ) -> Result<Self, Error> {
        configuration.check()?;
        let folder = Folder(path.to_owned());
        if folder.file("center.json").exists() {
            return Err(Error::AlreadyThere { path: path.to_owned() });
        }
        let keys = folder.file("keys");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&keys).map_err(Error::file(&keys))?;

        let (authority_pem, authority_key) = Authority::create(&configuration.name, outside)?;
        let authority_key = Zeroizing::new(authority_key);
        folder.write("authority.pem", authority_pem.as_bytes(), 0o644)?;
        folder.write("keys/authority.key", authority_key.as_bytes(), 0o600)?;
        folder.issue_server(&Authority::open(&authority_pem, &authority_key)?, configuration, outside)?;

        let seed = Zeroizing::new(outside.bytes::<32>()?);
        let text = Zeroizing::new(hex::encode(seed.as_slice()));
        folder.write("keys/center.seed", text.as_bytes(), 0o600)?;
        let key = signing_key(&seed)?;
        folder.write("center.pub.pem", public_key_pem(&PublicKey::of(&key)).as_bytes(), 0o644)?;

        folder.remove_unfinished_storage()?;
        drop(SqliteStorage::create(&folder.file("center.sqlite"), SqliteOptions::default())?);
        folder.protect("center.sqlite")?;
        let text = serde_json::to_string_pretty(configuration)
            .map_err(|error| Error::Configuration { detail: error.to_string() })?;
        folder.write("center.json", text.as_bytes(), 0o600)?;
        Ok(folder)
    }

    /// Opens the folder of a center and reads its configuration.
    pub(crate) fn open(path: &Path) -> Result<(Self, Configuration), Error> {
        let folder = Folder(path.to_owned());
        let configuration = Configuration::from_json(&folder.read("center.json")?)?;
        Ok((folder, configuration))
    }

    pub(crate) fn storage(&self, configuration: &Configuration) -> Result<SqliteStorage, Error> {
        let options = SqliteOptions {
            cache_kib: configuration.storage_cache_kib,
            pages_max: configuration.storage_pages_max,
        };
        Ok(SqliteStorage::open(&self.file("center.sqlite"), options)?)
    }

    pub(crate) fn authority(&self) -> Result<Authority, Error> {
        Authority::open(&self.read("authority.pem")?, &self.read("keys/authority.key")?)
    }

    /// The server's certificate, issued anew when less than half of its time is left or its names have changed.
    pub(crate) fn server(
        &self,
        authority: &Authority,
        configuration: &Configuration,
        outside: &Outside,
    ) -> Result<ServerIdentity, Error> {
        let pem = self.read("server.pem")?;
        if !self.still_good(&pem, configuration, outside.now()) {
            self.issue_server(authority, configuration, outside)?;
        }
        // The authority goes along: a new terminal knows nothing of it but its fingerprint.
        let chain = format!("{}\n{}", self.read("server.pem")?, authority.pem());
        ServerIdentity::from_pem(&chain, &self.read("keys/server.key")?)
    }

    fn still_good(&self, pem: &str, configuration: &Configuration, now: Timestamp) -> bool {
        let Ok((_, pem)) = x509_parser::pem::parse_x509_pem(pem.as_bytes()) else { return false };
        let Ok(certificate) = pem.parse_x509() else { return false };
        let ends = certificate.validity().not_after.timestamp().saturating_mul(1_000);
        let begins = certificate.validity().not_before.timestamp().saturating_mul(1_000);
        let names = fs::read_to_string(self.file("keys/server.names")).unwrap_or_default();
        begins <= now.0
            && ends - now.0 > SERVER_VALIDITY_MS / 2
            && names == configuration.server_names.join("\n")
    }

    fn issue_server(
        &self,
        authority: &Authority,
        configuration: &Configuration,
        outside: &Outside,
    ) -> Result<(), Error> {
        let (issued, key) =
            authority.issue_server(&configuration.name, &configuration.server_names, outside)?;
        let key = Zeroizing::new(key);
        self.write("keys/server.key", key.as_bytes(), 0o600)?;
        self.write("server.pem", issued.pem.as_bytes(), 0o644)?;
        self.write("keys/server.names", configuration.server_names.join("\n").as_bytes(), 0o600)
    }

    pub(crate) fn signing_key(&self) -> Result<Ed25519KeyPair, Error> {
        let text = Zeroizing::new(self.read("keys/center.seed")?);
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), seed.as_mut_slice())
            .map_err(|_| Error::key("keys/center.seed holds no 64 hexadecimal digits"))?;
        signing_key(&seed)
    }

    /// The software security module, when its key file is there.
    pub(crate) fn security_module(&self) -> Result<Option<SoftwareModule>, Error> {
        if !self.file("keys/issuer.json").exists() {
            return Ok(None);
        }
        let text = Zeroizing::new(self.read("keys/issuer.json")?);
        Ok(Some(SoftwareModule::from_json(&text)?))
    }

    /// Puts a key file for the software security module in place, once it has been read successfully.
    pub(crate) fn set_issuer_keys(&self, text: &str) -> Result<(), Error> {
        SoftwareModule::from_json(text)?;
        self.write("keys/issuer.json", text.as_bytes(), 0o600)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Path of the authority's certificates.
    pub(crate) fn authority_path(&self) -> PathBuf {
        self.file("authority.pem")
    }

    fn read(&self, name: &str) -> Result<String, Error> {
        let path = self.file(name);
        let length = fs::metadata(&path).map_err(Error::file(&path))?.len();
        if length > FILE_BYTES_MAX {
            return Err(Error::key(format!("{name} is larger than any such file")));
        }
        fs::read_to_string(&path).map_err(Error::file(path))
    }

    /// Writes a file whole: beside its place first, flushed, then moved there.
    fn write(&self, name: &str, bytes: &[u8], mode: u32) -> Result<(), Error> {
        let path = self.file(name);
        let beside = self.file(&format!("{name}.new"));
        let written = || {
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&beside)?;
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&beside, &path)
        };
        written().map_err(Error::file(&path))
    }

    fn protect(&self, name: &str) -> Result<(), Error> {
        let path = self.file(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(Error::file(path))
    }

    /// An `init` that broke off may have left a storage without anything in it.
    fn remove_unfinished_storage(&self) -> Result<(), Error> {
        for name in ["center.sqlite", "center.sqlite-wal", "center.sqlite-shm"] {
            let path = self.file(name);
            if path.exists() {
                fs::remove_file(&path).map_err(Error::file(path))?;
            }
        }
        Ok(())
    }
}

fn signing_key(seed: &[u8; 32]) -> Result<Ed25519KeyPair, Error> {
    Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| Error::key("the center's key cannot be used"))
}

/// An Ed25519 public key as PEM, as openssl reads it.
pub fn public_key_pem(key: &PublicKey) -> String {
    let mut der = ED25519_INFO.to_vec();
    der.extend_from_slice(&key.0);
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
}
