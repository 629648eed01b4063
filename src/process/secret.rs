use std::fs::File;
use std::io::{self, Read as _};

/// Makes what nobody can guess: so many bytes of urandom(4), in lower-case hexadecimal digits.
///
/// # Errors
///
/// When this machine gives none.
pub fn secret<const BYTES: usize>() -> io::Result<String> {
    let mut bytes = [0; BYTES];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::secret;

    #[test]
    fn two_secrets_are_as_long_as_asked_and_never_the_same() {
        let (one, other) = (secret::<32>().unwrap(), secret::<32>().unwrap());
        assert_eq!((one.len(), secret::<16>().unwrap().len()), (64, 32));
        assert!(one != other && one.bytes().all(|byte| byte.is_ascii_hexdigit()), "{one} {other}");
    }
}
