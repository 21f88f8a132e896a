//! Passwords, and files and folders that only their owner can read.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use subtle::ConstantTimeEq as _;

/// Random bytes of a generated password: 192 bits, and a whole number of base64 characters.
const PASSWORD_BYTES: usize = 24;

/// What can go wrong with secrets.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// A password file that holds none.
    #[error("{} holds no password; write one line into it, or delete it", path.display())]
    NoPassword {
        /// The file.
        path: PathBuf,
    },
    /// A password that can't be sent in a header.
    #[error("a password must be 1 to 1000 characters without control characters")]
    BadPassword,
    /// A file or folder.
    #[error(transparent)]
    File(#[from] io::Error),
}

/// A password. It shows itself to nobody but through [`Password::reveal`].
#[derive(Clone)]
pub struct Password(String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

impl Password {
    /// A new one of 192 random bits from the operating system.
    pub fn generate() -> Result<Self, SecretError> {
        let mut bytes = [0; PASSWORD_BYTES];
        getrandom::fill(&mut bytes).map_err(SecretError::Random)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// One that was given by somebody, such as that of an agent added by hand.
    pub fn new(text: impl Into<String>) -> Result<Self, SecretError> {
        let text = text.into();
        let fits = (1..=1000).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text)) } else { Err(SecretError::BadPassword) }
    }

    /// Reads a password file; the end of its line is not part of the password.
    pub fn load(path: &Path) -> Result<Self, SecretError> {
        let text = fs::read_to_string(path)?;
        match Self::new(text.trim_end_matches(['\r', '\n'])) {
            Err(SecretError::BadPassword) => Err(SecretError::NoPassword { path: path.to_owned() }),
            other => other,
        }
    }

    /// Reads a password file, or makes it (mode 0600) with a new password.
    pub fn load_or_create(path: &Path) -> Result<Self, SecretError> {
        if fs::exists(path)? {
            fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
            return Self::load(path);
        }
        let password = Self::generate()?;
        let mut options = fs::OpenOptions::new();
        match options.write(true).create_new(true).mode(0o600).open(path) {
            Ok(_) => write_private(path, password.0.as_bytes())?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Self::load(path),
            Err(error) => return Err(error.into()),
        }
        Ok(password)
    }

    /// The password itself, to be sent or written to its file.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `given` is this password; how long it takes tells nothing but the length.
    pub fn matches(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

/// Writes a file of mode 0600 so that it has either its old or its whole new content, whatever
/// happens, and stays so after a power cut. Blocks.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), SecretError> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let named = |error: io::Error| {
        io::Error::new(error.kind(), format!("{} can't be written: {error}", path.display()))
    };
    // tempfile creates with mode 0600.
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(dir).map_err(named)?;
    file.write_all(bytes).map_err(named)?;
    file.as_file().sync_all().map_err(named)?;
    file.persist(path).map_err(|error| named(error.error))?;
    sync_dir(dir)?;
    Ok(())
}

/// Makes a folder of mode 0700, and those above it that lack. One that exists stays as it is.
pub fn create_private_dir(path: &Path) -> Result<(), SecretError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| {
        io::Error::new(error.kind(), format!("folder {} can't be made: {error}", path.display()))
    })?;
    Ok(())
}

/// Makes renames in a folder last.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    fs::File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_generated_password_has_192_random_bits_and_never_shows_itself() {
        let (one, other) = (Password::generate().unwrap(), Password::generate().unwrap());
        assert_eq!(URL_SAFE_NO_PAD.decode(one.reveal()).unwrap().len() * 8, 192);
        assert_ne!(one.reveal(), other.reveal());
        assert_eq!(format!("{one:?}"), "Password(..)");
    }

    #[test]
    fn only_the_same_password_matches() {
        let password = Password::new("secret").unwrap();
        assert!(password.matches("secret"));
        for wrong in ["", "secre", "secret ", "secreT", "secretsecret"] {
            assert!(!password.matches(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_password_file_is_private_and_keeps_its_password() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        let made = Password::load_or_create(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Password::load_or_create(&path).unwrap().matches(made.reveal()));
        assert_eq!(mode(&path), 0o600, "a file that others could read is closed again");
    }

    #[test]
    fn an_empty_password_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        fs::write(&path, "\n").unwrap();
        assert!(matches!(Password::load(&path), Err(SecretError::NoPassword { .. })));
        fs::write(&path, "by hand\n").unwrap();
        assert!(Password::load(&path).unwrap().matches("by hand"));
    }

    #[test]
    fn private_files_and_folders_are_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        create_private_dir(&inner).unwrap();
        create_private_dir(&inner).unwrap();
        assert_eq!((mode(&inner), mode(&dir.path().join("a"))), (0o700, 0o700));
        let file = inner.join("key");
        fs::write(&file, "old and readable").unwrap();
        write_private(&file, b"new").unwrap();
        assert_eq!((mode(&file), fs::read(&file).unwrap()), (0o600, b"new".to_vec()));
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 1, "no temporary file is left");
    }
}
