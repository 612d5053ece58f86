//! What a file must hash to before a byte of it is used.

use serde::{Serialize, Serializer};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// A digest that somebody has published for a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Digest {
    /// What Maven repositories publish. It guards against accidents, not against an attacker who can choose the file.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256([u8; 32]),
}

impl Digest {
    /// From 40 hexadecimal digits.
    pub fn sha1(hex: &str) -> Option<Self> {
        decode(hex).map(Self::Sha1)
    }

    /// From 64 hexadecimal digits.
    pub fn sha256(hex: &str) -> Option<Self> {
        decode(hex).map(Self::Sha256)
    }

    /// Whether `bytes` have this digest.
    pub fn is_of(&self, bytes: &[u8]) -> bool {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        hasher.finish() == *self
    }

    /// Whether `other` is a digest by the same algorithm.
    pub(crate) fn is_comparable(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// The SHA-1 in a `.sha1` file. It stands alone, before a file name, or after one: all three are found in the
    /// repositories of this world.
    pub(crate) fn in_sidecar(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        text.split(|c: char| c.is_whitespace() || c == '=').find_map(Self::sha1)
    }

    pub(crate) fn hasher(&self) -> Hasher {
        match self {
            Self::Sha1(_) => Hasher::Sha1(Sha1::new()),
            Self::Sha256(_) => Hasher::Sha256(Sha256::new()),
        }
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, bytes): (_, &[u8]) = match self {
            Self::Sha1(bytes) => ("sha1:", bytes),
            Self::Sha256(bytes) => ("sha256:", bytes),
        };
        f.write_str(name)?;
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A digest in the making.
pub(crate) enum Hasher {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        match self {
            Self::Sha1(hasher) => Digest::Sha1(hasher.finalize().into()),
            Self::Sha256(hasher) => Digest::Sha256(hasher.finalize().into()),
        }
    }
}

fn decode<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let digits: Vec<u8> = hex.chars().map(|c| c.to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
    let bytes: Vec<u8> =
        digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    (digits.len() == 2 * N).then(|| bytes.try_into().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "a9993e364706816aba3e25717850c26c9cd0d89d";

    #[test]
    fn digests_are_those_of_the_standard() {
        assert!(Digest::sha1(ABC).unwrap().is_of(b"abc"));
        assert!(!Digest::sha1(ABC).unwrap().is_of(b"abd"));
        let abc = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
        assert!(Digest::sha256(abc).unwrap().is_of(b"abc"));
        assert_eq!(Digest::sha256(abc).unwrap().to_string(), format!("sha256:{}", abc.to_lowercase()));
        assert_eq!(Digest::sha1(&ABC[1..]), None);
        assert_eq!(Digest::sha1(&format!("{ABC}0")), None);
        assert_eq!(Digest::sha1(&ABC.replace('a', "g")), None);
        assert_eq!(Digest::sha256(ABC), None);
    }

    #[test]
    fn a_sidecar_is_read_in_all_its_dialects() {
        let expected = Digest::sha1(ABC);
        for text in [
            ABC.to_owned(),
            format!("{}\r\n", ABC.to_uppercase()),
            format!("{ABC}  a-1.0.jar\n"),
            format!("SHA1(a-1.0.jar)= {ABC}"),
            format!("/home/builder/a-1.0.jar = {ABC}"),
        ] {
            assert_eq!(Digest::in_sidecar(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(Digest::in_sidecar(b"<html>not found</html>"), None);
        assert_eq!(Digest::in_sidecar(&[0xff, 0xfe]), None);
    }
}
