//! A product in the shape of a Python environment, the same wherever it is made.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

/// The two versions.
pub(crate) const OLD: &str = "1.0.0";
/// See [`OLD`].
pub(crate) const NEW: &str = "1.1.0";

/// How many packages there are, and how many modules each has; every module has its bytecode.
const PACKAGES: usize = 110;
const MODULES: usize = 24;
/// Which packages have a compiled extension, which two are newer in the new version, and how large theirs are.
const EXTENSIONS: usize = 5;
const BUMPED: [usize; 2] = [20, 75];
const EXTENSION_BYTES: usize = 900_000;
const BUMPED_EXTENSION_BYTES: usize = 4_200_000;
/// How many parts of a changed file, of this many, are new.
const NEWS: u64 = 6;

const WORDS: [&str; 32] = [
    "request", "response", "header", "session", "buffer", "stream", "parse", "encode", "token", "value", "index",
    "cache", "config", "state", "event", "handler", "worker", "queue", "result", "error", "connect", "close", "update",
    "node", "field", "schema", "context", "version", "path", "module", "length", "offset",
];

/// Tells what was made.
#[derive(Debug)]
pub(crate) struct Product {
    files: usize,
    bytes: usize,
    changed_files: usize,
    changed_bytes: usize,
}

impl fmt::Display for Product {
    #[expect(clippy::cast_precision_loss, reason = "megabytes with a digit behind the point")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, bytes, changed_files, changed_bytes } = self;
        let mega = |bytes: &usize| *bytes as f64 / 1e6;
        write!(
            f,
            "{files} files of {:.1} MB, of which {changed_files} of {:.1} MB change",
            mega(bytes),
            mega(changed_bytes)
        )
    }
}

/// Steele, Lea and Flood's SplitMix64: what has to be the same everywhere must not hang on a library's version.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or_default()
    }

    fn word(&mut self) -> &'static str {
        WORDS.get(self.below(WORDS.len())).copied().unwrap_or_default()
    }
}

/// Says what a file is made of.
#[derive(Clone, Copy)]
enum Stuff {
    Source,
    Bytecode,
    Extension,
}

/// Makes a repository with a tag for each version.
pub(crate) fn make(repository: &Path) -> Result<Product> {
    let tree = repository.join("tree");
    let packages = tree.join("lib/python3.11/site-packages");
    let mut product = Product { files: 1, bytes: 0, changed_files: 0, changed_bytes: 0 };
    let mut news: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    let mut seed = 0;
    for package in 0..PACKAGES {
        let folder = packages.join(format!("{}_{}{package}", word(package), word(package / 7)));
        fs::create_dir_all(folder.join("__pycache__"))?;
        let is_bumped = BUMPED.contains(&package);
        let mut put = |path: PathBuf, stuff: Stuff, bytes: usize| -> Result<()> {
            seed += 1;
            let old = content(stuff, bytes, seed, false);
            product.files += 1;
            product.bytes += old.len();
            if is_bumped {
                let new = content(stuff, bytes, seed, true);
                product.changed_files += 1;
                product.changed_bytes += new.len();
                news.push((path.clone(), new));
            }
            Ok(fs::write(path, old)?)
        };
        for module in 0..MODULES {
            let name = format!("{}_{module}", word(module * 5 + package));
            // Most modules are small, and a few are not.
            let scale = 1 + (module * 7 + package) % 11;
            let bytes = 600 * scale + if scale > 8 { 22_000 } else { 0 };
            put(folder.join(format!("{name}.py")), Stuff::Source, bytes)?;
            put(folder.join(format!("__pycache__/{name}.cpython-311.pyc")), Stuff::Bytecode, bytes * 9 / 10)?;
        }
        if package % EXTENSIONS == 0 {
            let bytes = if is_bumped { BUMPED_EXTENSION_BYTES } else { EXTENSION_BYTES };
            put(folder.join("_speedups.cpython-311-x86_64-linux-gnu.so"), Stuff::Extension, bytes)?;
        }
    }
    fs::write(tree.join("pyvenv.cfg"), "include-system-site-packages = false\nversion = 3.11.2\n")?;
    git(repository, &["init", "--quiet"])?;
    commit(repository, OLD)?;
    for (path, content) in news {
        fs::write(path, content)?;
    }
    commit(repository, NEW)?;
    Ok(product)
}

fn word(index: usize) -> &'static str {
    WORDS.get(index % WORDS.len()).copied().unwrap_or_default()
}

/// Makes a file part by part; what is new in a changed one is some of its parts, as after a recompilation.
fn content(stuff: Stuff, bytes: usize, seed: u64, changed: bool) -> Vec<u8> {
    let mut content = Vec::with_capacity(bytes + 128);
    let part = if matches!(stuff, Stuff::Source) { 512 } else { 2048 };
    let mut number = 0;
    while content.len() < bytes {
        let place = (seed << 32) | number;
        let is_new = changed && (number == 0 || Random(place).next().is_multiple_of(NEWS));
        let mut random = Random(if is_new { place ^ (1 << 63) } else { place });
        // The first draw decided about the part.
        random.next();
        let end = (content.len() + part).min(bytes);
        while content.len() < end {
            match stuff {
                Stuff::Source => source_line(&mut content, &mut random),
                // Of names and instructions by halves: it compresses, but not like text.
                Stuff::Bytecode => {
                    content.extend_from_slice(&random.next().to_le_bytes());
                    content.extend_from_slice(random.word().as_bytes());
                }
                // Of opcodes and operands: half of the bytes are what they mostly are.
                Stuff::Extension => {
                    let bits = random.next();
                    content.extend_from_slice(&[0x48, 0x8b, 0x44, 0x24]);
                    content.extend(bits.to_le_bytes().into_iter().take(4));
                }
            }
        }
        number += 1;
    }
    content
}

fn source_line(content: &mut Vec<u8>, random: &mut Random) {
    let (a, b, c, number) = (random.word(), random.word(), random.word(), random.below(1000));
    let line = match random.below(6) {
        0 => format!("\n    def {a}_{b}(self, {c}={number}):\n"),
        1 => format!("        if self.{a}.{b}({c}) is None:\n            raise {b}_{c}_{number}(\"{a} of {c}\")\n"),
        2 => format!("        self._{a} = {b}({c}, {number})\n"),
        3 => format!("        return {a}.{b}_{c}[{number}:]\n"),
        4 => format!("        # the {a} of a {b} is its {c}\n"),
        _ => format!("        for {a} in self.{b}_{c}:\n            {a}.{c}({number})\n"),
    };
    content.extend_from_slice(line.as_bytes());
}

fn commit(repository: &Path, tag: &str) -> Result<()> {
    git(repository, &["add", "--all", "--force"])?;
    git(repository, &["-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "-m", tag])?;
    git(repository, &["tag", tag])
}

fn git(repository: &Path, arguments: &[&str]) -> Result<()> {
    let status = Command::new("git").arg("-C").arg(repository).args(arguments).status()?;
    ensure!(status.success(), "git {arguments:?}: {status}");
    Ok(())
}
