//! The master key and the keys derived from it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::settings::{Database, Settings};
use crate::entropy::Entropy;

const KEY_FILE: &str = "master.key";
const KEY_LEN: usize = 32;
/// Fixed for ever: another salt would make every stored secret unreadable.
const SALT: &[u8] = b"hookline master key v1";

/// 256 bits, wiped when dropped, never printed.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; KEY_LEN]>);

impl Key {
    /// From its bytes.
    pub fn new(bytes: [u8; KEY_LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The raw bytes, for a cryptographic function.
    pub fn expose(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// One key for each purpose, all derived by HKDF-SHA256 from the master key.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Signs our tokens.
    pub token: Key,
    /// Authenticates stored API keys.
    pub api_key: Key,
    /// Encrypts secrets in the database.
    pub secret: Key,
    /// Authenticates compiled components in the cache.
    pub cache: Key,
}

/// Why there is no usable master key. Never holds key material.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is no key.
    #[error("{place} must hold 32 bytes as 64 hexadecimal digits or as base64")]
    Malformed {
        /// The setting or the file.
        place: String,
    },
    /// Others can read the file.
    #[error("{} must be readable by its owner alone (chmod 600)", path.display())]
    TooOpen {
        /// The key file.
        path: PathBuf,
    },
    /// The file cannot be read or made.
    #[error("the key file {} cannot be used", path.display())]
    File {
        /// The key file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Keys {
    /// `ORDER_MASTER_KEY`, else on SQLite the file `master.key` of the data directory, made at first start (mode 0600).
    pub fn load(settings: &Settings, entropy: &Entropy) -> Result<Self, KeyError> {
        let master = match (&settings.master_key, &settings.database) {
            (Some(text), _) => parse(text.expose_secret(), || "ORDER_MASTER_KEY".to_owned())?,
            (None, Database::Sqlite { .. } | Database::Postgres(_)) => load_or_make(&settings.data_dir, entropy)?,
        };
        Ok(Self::derive(&master))
    }

    /// The derived keys of `master`.
    pub fn derive(master: &Key) -> Self {
        let root = Salt::new(HKDF_SHA256, SALT).extract(master.expose());
        let key = |purpose: &'static str| {
            let mut bytes = Zeroizing::new([0; KEY_LEN]);
            root.expand(&[purpose.as_bytes()], Length)
                .and_then(|expanded| expanded.fill(&mut *bytes))
                .expect("HKDF-SHA256 yields up to 8,160 bytes and 32 are asked for");
            Key(bytes)
        };
        Self {
            token: key("hookline/token"),
            api_key: key("hookline/api-key"),
            secret: key("hookline/secret"),
            cache: key("hookline/cache"),
        }
    }
}

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        KEY_LEN
    }
}

fn parse(text: &str, place: impl FnOnce() -> String) -> Result<Key, KeyError> {
    let text = text.trim();
    let bytes = Zeroizing::new(
        hex::decode(text)
            .ok()
            .or_else(|| STANDARD.decode(text).ok())
            .or_else(|| STANDARD_NO_PAD.decode(text).ok())
            .or_else(|| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok())
            .unwrap_or_default(),
    );
    let bytes = bytes.as_slice().try_into().map_err(|_| KeyError::Malformed { place: place() })?;
    Ok(Key::new(bytes))
}

fn load_or_make(data_dir: &Path, entropy: &Entropy) -> Result<Key, KeyError> {
    let path = data_dir.join(KEY_FILE);
    let problem = |source| KeyError::File { path: path.clone(), source };
    match read(&path) {
        Err(KeyError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        found => return found,
    }
    fs::create_dir_all(data_dir).map_err(problem)?;
    make(data_dir, &path, entropy).map_err(problem)?;
    // Another host may have been first: what is in the file counts.
    read(&path)
}

fn read(path: &Path) -> Result<Key, KeyError> {
    let problem = |source| KeyError::File { path: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(problem)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(KeyError::TooOpen { path: path.to_owned() });
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(problem)?);
    parse(&text, || path.display().to_string())
}

/// Writes a new key beside its place and links it there, so that nobody ever reads half a key.
fn make(data_dir: &Path, path: &Path, entropy: &Entropy) -> io::Result<()> {
    let fresh = data_dir.join(format!("{KEY_FILE}.{}", hex::encode(entropy.bytes::<8>())));
    let text = Zeroizing::new(hex::encode(*Zeroizing::new(entropy.bytes::<KEY_LEN>())));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&fresh, path);
    fs::remove_file(&fresh)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::File::open(data_dir)?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedded(data_dir: &Path) -> Settings {
        let environment = [("ORDER_DATA_DIR".to_owned(), data_dir.display().to_string())];
        Settings::from_parts(None, environment).unwrap()
    }

    #[test]
    fn the_key_is_made_once_and_for_the_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let settings = embedded(&folder.path().join("data"));
        let first = Keys::load(&settings, &Entropy::system()).unwrap();
        let second = Keys::load(&settings, &Entropy::system()).unwrap();
        assert_eq!(first.token.expose(), second.token.expose());
        assert_ne!(first.token.expose(), first.secret.expose());
        let file = settings.data_dir.join(KEY_FILE);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&settings.data_dir).unwrap().count(), 1);

        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Keys::load(&settings, &Entropy::system()), Err(KeyError::TooOpen { .. })));
    }

    #[test]
    fn hex_and_base64_name_the_same_key() {
        let bytes = [0xa5; 32];
        let place = || "test".to_owned();
        for text in [hex::encode(bytes), STANDARD.encode(bytes), URL_SAFE_NO_PAD.encode(bytes)] {
            assert_eq!(parse(&text, place).unwrap().expose(), &bytes);
        }
        assert!(matches!(parse("abcd", place), Err(KeyError::Malformed { .. })));
    }

    #[test]
    fn derived_keys_never_change() {
        let keys = Keys::derive(&Key::new([7; 32]));
        let prints: Vec<_> =
            [&keys.token, &keys.api_key, &keys.secret, &keys.cache].map(|key| hex::encode(&key.expose()[..4])).to_vec();
        insta::assert_snapshot!(prints.join(" "), @"d2010b64 03d82e10 d1bb383a fb978be3");
        assert_eq!(format!("{keys:?}").matches("Key(…)").count(), 4);
    }
}
