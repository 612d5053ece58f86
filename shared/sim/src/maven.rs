//! A Maven cache and one night of it: the same files on every machine, for tests that count and for the benchmark.
//!
//! | | files | directories | bytes |
//! |---|---|---|---|
//! | [`base`] | 29,985 | 10,275 | 642,027,040 |
//! | [`tonight`] | 2,101 | 1,001 of them new | 109,329,030 |

use std::{collections::BTreeSet, sync::LazyLock};

/// How many versions of artifacts the base has. Each is five files.
const VERSIONS: u64 = 5_997;
/// Content is other from one page to the next, in bytes: no block and no page is like another.
const PAGE: usize = 4096;

/// A file of the cache.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// Its path, without a `/` in front.
    pub path: String,
    /// What its content is made from.
    pub seed: u64,
    /// How many bytes it has.
    pub size: usize,
}

impl File {
    /// Its content.
    pub fn bytes(&self) -> Vec<u8> {
        bytes(self.seed, self.size)
    }

    /// The directory that it is in.
    pub fn directory(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(directory, _)| directory)
    }

    fn new(path: String, seed: u64, size: u64) -> Self {
        Self { path, seed, size: size as usize }
    }
}

/// The cache as it is: versions of artifacts, most of them small.
pub fn base() -> Vec<File> {
    (0..VERSIONS).flat_map(version).collect()
}

/// What a night brings: 2,000 small new files, a jar of 50 MiB, 100 files that replace others of the same size.
pub fn tonight() -> Vec<File> {
    let new = (0..1_000).flat_map(|number| {
        let group = number % 850;
        let directory = format!("repository/top{}/group{group}/artifact{number}/2.{number}", group % 27);
        let jar = 14_000 + number * 7_919 % 60_000;
        [
            File::new(format!("{directory}/a-2.{number}.jar"), number + 9_000, jar),
            File::new(format!("{directory}/a-2.{number}.pom"), number + 9_001, 3_000),
        ]
    });
    let large = File::new("repository/top0/group0/artifact0/9/big.jar".to_owned(), 77, 50 << 20);
    let replaced = (0..100).map(|number| {
        let [jar, ..] = version(number * 59);
        File { seed: jar.seed + 50_000, ..jar }
    });
    new.chain([large]).chain(replaced).collect()
}

/// The directories that these files are in, each once.
pub fn directories(files: &[File]) -> BTreeSet<&str> {
    files.iter().map(File::directory).collect()
}

/// Bytes that are others for every seed, and in every 4 KiB.
pub fn bytes(seed: u64, length: usize) -> Vec<u8> {
    static NOISE: LazyLock<Vec<u8>> = LazyLock::new(noise);
    let mut bytes = Vec::with_capacity(length);
    for page in 0..length.div_ceil(PAGE) as u64 {
        let mixed = (seed ^ page.rotate_left(40)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let start = (mixed >> 52) as usize;
        let at = bytes.len();
        let take = PAGE.min(length - at);
        bytes.extend_from_slice(&NOISE[start..start + take]);
        let stamp = take.min(8);
        bytes[at..at + stamp].copy_from_slice(&mixed.to_le_bytes()[..stamp]);
    }
    bytes
}

/// Two pages that cannot be compressed.
fn noise() -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(word).take(2 * PAGE / 8).flatten().collect()
}

/// The files of a version of an artifact: jar, pom, their checksums, and what Maven keeps about where they came from.
fn version(number: u64) -> [File; 5] {
    let artifact = number % 3_400;
    let group = artifact % 850;
    let directory =
        format!("repository/top{}/group{group}/artifact{artifact}/1.{}", group % 27, number / 3_400);
    let name = format!("{directory}/artifact{artifact}-1.{}", number / 3_400);
    // Most jars are small, and a few have megabytes.
    let jar = match number % 100 {
        0 => 3_000_000 + number * 131 % 900_000,
        1..=20 => 200_000 + number * 977 % 100_000,
        _ => 2_000 + number * 7_919 % 44_000,
    };
    [
        File::new(format!("{name}.jar"), number, jar),
        File::new(format!("{name}.pom"), number + 1, 1_500 + number % 4_000),
        File::new(format!("{name}.jar.sha1"), number + 2, 40),
        File::new(format!("{name}.pom.sha1"), number + 3, 40),
        File::new(format!("{directory}/_remote.repositories"), number + 4, 180),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(files: &[File]) -> usize {
        files.iter().map(|file| file.size).sum()
    }

    #[test]
    fn the_cache_and_its_night_have_the_sizes_that_are_promised() {
        let (base, tonight) = (base(), tonight());
        let above =
            |path: &str| path.match_indices('/').map(|(at, _)| path[..at].to_owned()).collect::<Vec<_>>();
        let all: BTreeSet<String> = base.iter().flat_map(|file| above(&file.path)).collect();
        assert_eq!((base.len(), all.len(), total(&base)), (29_985, 10_275, 642_027_040));
        assert_eq!((tonight.len(), total(&tonight)), (2_101, 109_329_030));
        let new = directories(&tonight).into_iter().filter(|directory| !all.contains(*directory)).count();
        assert_eq!(new, 1_001);
    }

    #[test]
    fn no_page_is_like_another() {
        let bytes = [bytes(1, 3 * PAGE), bytes(2, 2 * PAGE)].concat();
        let pages: BTreeSet<&[u8]> = bytes.chunks(PAGE).collect();
        assert_eq!(pages.len(), 5);
    }
}
