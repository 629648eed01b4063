//! A product in the shape of a Python environment, the same wherever it is made.
//!
//! Sizes, and how each kind of file compresses, are those of an environment of aiohttp 3.14.5, click 8.5.1, cryptography 50.0.2, Jinja2 3.1.6,
//! lxml 6.1.3, pydantic 2.14.4, PyYAML 6.0.4, requests 2.34.2, rich 15.0.0, SQLAlchemy 2.1.9, and what these require, with its bytecode
//! (Python 3.11, `unchecked-hash`): 4,474 files of 123 MB, half of each kind smaller than 6 kB but for the extensions. What is left of the bytes
//! of each kind, of theirs and of these:
//!
//! | kind | `zstd -3` | `-6` | `-10` | `-19 --long` | `gzip -6` |
//! |---|---|---|---|---|---|
//! | sources | 0.222, 0.219 | 0.196, 0.199 | 0.182, 0.188 | 0.145, 0.159 | 0.222, 0.211 |
//! | bytecode | 0.347, 0.339 | 0.313, 0.295 | 0.288, 0.279 | 0.234, 0.247 | 0.369, 0.383 |
//! | extensions | 0.346, 0.342 | 0.323, 0.302 | 0.300, 0.290 | 0.257, 0.259 | 0.348, 0.353 |
//!
//! What changes is as from SQLAlchemy 2.1.8, cryptography 50.0.1, aiohttp 3.14.4 and lxml 6.1.2 to those above: of a compiled extension
//! rsync finds from a hundredth to three fourths again in the older one, of bytecode most of it, of sources half or more.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

/// The two versions.
pub(crate) const OLD: &str = "1.0.0";
/// See [`OLD`].
pub(crate) const NEW: &str = "1.1.0";

/// Says how large a product is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How many packages there are, and how many modules each has; every module has its bytecode.
    packages: usize,
    modules: usize,
    /// Every how many packages one has a compiled extension, and how large that is.
    extensions: usize,
    extension_bytes: usize,
    /// Which packages are newer in the new version: of each the extension, if it has one, and two modules of three.
    bumped: &'static [usize],
}

/// A tool with its whole environment.
pub(crate) const FULL: Shape =
    Shape { packages: 66, modules: 24, extensions: 5, extension_bytes: 1_750_000, bumped: &[20, 55] };
/// A small tool, of which hundreds of hosts have room on one machine.
pub(crate) const SMALL: Shape =
    Shape { packages: 6, modules: 24, extensions: 3, extension_bytes: 500_000, bumped: &[3] };

/// How large modules are, from the smallest twentieth to the largest.
const MODULE_BYTES: [usize; 20] = [
    300, 596, 900, 1_400, 2_087, 2_800, 3_500, 4_300, 5_000, 5_748, 7_000, 8_500, 10_500, 13_000, 15_699, 20_000,
    24_000, 30_000, 37_414, 60_000,
];

/// What asks the product whether it works: its own script, which imports some of its modules.
pub(crate) const TOOL: &str = "bin/tool";
/// How many modules that imports.
const IMPORTED: usize = 6;

const WORDS: [&str; 32] = [
    "request", "response", "header", "session", "buffer", "stream", "parse", "encode", "token", "value", "index",
    "cache", "config", "state", "event", "handler", "worker", "queue", "result", "error", "connect", "close", "update",
    "node", "field", "schema", "context", "version", "path", "module", "length", "offset",
];
const SYLLABLES: [&str; 34] = [
    "ba", "co", "di", "fe", "ga", "hu", "jo", "ka", "le", "mi", "no", "pa", "qu", "re", "si", "ta", "un", "ve", "wi",
    "xy", "zo", "al", "en", "str", "con", "pre", "tion", "ing", "ment", "er", "ed", "ly", "able", "ure",
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

    /// Draws a number of so many bits, a small one as often as a large one: what is used in programs is mostly the same.
    fn often_small(&mut self, bits: usize) -> usize {
        let bits = 1 + self.below(bits);
        usize::try_from(self.next() & ((1 << bits) - 1)).unwrap_or_default()
    }

    fn one_of<'a, T: ?Sized>(&mut self, all: &'a [Box<T>], bits: usize) -> Option<&'a T> {
        all.get(self.often_small(bits)).map(AsRef::as_ref)
    }
}

/// Says what a file is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stuff {
    Source,
    Bytecode,
    Extension,
}

/// Makes a repository with a tag for each version.
pub(crate) fn make(repository: &Path, shape: &Shape) -> Result<Product> {
    let tree = repository.join("tree");
    let packages = tree.join("lib/python3.11/site-packages");
    let mut product = Product { files: 2, bytes: 0, changed_files: 0, changed_bytes: 0 };
    let mut news: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    let mut imports = Vec::new();
    let mut seed = 0;
    let writer = Writer::new();
    for package in 0..shape.packages {
        let name = format!("{}_{}{package}", word(package), word(package / 7));
        let folder = packages.join(&name);
        fs::create_dir_all(folder.join("__pycache__"))?;
        let is_bumped = shape.bumped.contains(&package);
        let mut put = |path: PathBuf, stuff: Stuff, bytes: usize, changes: bool| -> Result<()> {
            seed += 1;
            let old = writer.content(stuff, bytes, seed, false);
            product.files += 1;
            product.bytes += old.len();
            if changes {
                let new = writer.content(stuff, bytes, seed, true);
                product.changed_files += 1;
                product.changed_bytes += new.len();
                news.push((path.clone(), new));
            }
            Ok(fs::write(path, old)?)
        };
        for module in 0..shape.modules {
            let file = format!("{}_{module}", word(module * 5 + package));
            let rank = (module * 7 + package) % MODULE_BYTES.len();
            let bytes = MODULE_BYTES.get(rank).copied().unwrap_or_default();
            let changes = is_bumped && module % 3 < 2;
            put(folder.join(format!("{file}.py")), Stuff::Source, bytes, changes)?;
            let bytecode = folder.join(format!("__pycache__/{file}.cpython-311.pyc"));
            put(bytecode, Stuff::Bytecode, bytes + bytes / 8, changes)?;
            // The smaller half: there is no bytecode that an interpreter would take for its own.
            if imports.len() < IMPORTED && rank < MODULE_BYTES.len() / 2 {
                imports.push(format!("{name}.{file}"));
            }
        }
        if package % shape.extensions == 0 {
            let path = folder.join("_speedups.cpython-311-x86_64-linux-gnu.so");
            put(path, Stuff::Extension, shape.extension_bytes, is_bumped)?;
        }
    }
    fs::write(tree.join("pyvenv.cfg"), "include-system-site-packages = false\nversion = 3.11.2\n")?;
    fs::create_dir_all(tree.join("bin"))?;
    fs::write(tree.join(TOOL), tool(&imports))?;
    git(repository, &["init", "--quiet"])?;
    commit(repository, OLD)?;
    for (path, content) in news {
        fs::write(path, content)?;
    }
    commit(repository, NEW)?;
    Ok(product)
}

/// Writes the product's own script.
fn tool(imports: &[String]) -> String {
    let imports: String = imports.iter().map(|module| format!("import {module}\n")).collect();
    format!(
        "import json, os, sys\n\
         release = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))\n\
         sys.path.insert(0, os.path.join(release, \"lib/python3.11/site-packages\"))\n\
         {imports}\
         if not os.path.isfile(os.path.join(release, \"pyvenv.cfg\")):\n    sys.exit(\"no environment\")\n\
         print(json.dumps({{\"works\": True, \"modules\": len(sys.modules) > {IMPORTED}}}))\n"
    )
}

fn word(index: usize) -> &'static str {
    WORDS.get(index % WORDS.len()).copied().unwrap_or_default()
}

/// Bits of the number of different names, of phrases in sources, and of names in one part of a source.
const NAMES: usize = 10;
const PHRASES: usize = 12;
const LOCAL: usize = 5;

/// Makes bytes that are no text: of what is often there, of sequences of it, of what was there a moment ago, and of bytes.
struct Machine {
    tokens: Vec<Box<[u8]>>,
    token_bits: usize,
    sequences: Vec<Box<[u8]>>,
    sequence_bits: usize,
    /// How many of a hundred draws are bytes, what was there, and sequences; the others are tokens.
    shares: [usize; 3],
}

impl Machine {
    fn new(seed: u64, token_bits: usize, sequence_bits: usize, longest: usize, shares: [usize; 3]) -> Self {
        let token = |number: u64| {
            let mut random = Random((seed << 48) | number);
            let length = 2 + random.below(5);
            (0..length).map(|_| random.next().to_le_bytes()[0]).collect()
        };
        let tokens: Vec<Box<[u8]>> = (0..1 << token_bits).map(token).collect();
        let sequence = |number: u64| {
            let mut random = Random((seed << 48) | (1 << 40) | number);
            let length = 2 + random.below(longest);
            (0..length).flat_map(|_| random.one_of(&tokens, token_bits).unwrap_or_default().to_vec()).collect()
        };
        let sequences = (0..1 << sequence_bits).map(sequence).collect();
        Self { tokens, token_bits, sequences, sequence_bits, shares }
    }

    fn fill(&self, part: &mut Vec<u8>, bytes: usize, random: &mut Random) {
        let [single, again, sequence] = self.shares;
        while part.len() < bytes {
            match random.below(100) {
                draw if draw < single => part.extend(random.often_small(8).to_le_bytes().first()),
                draw if draw < single + again && part.len() > 16 => {
                    let back = part.len().min(8 + random.often_small(12));
                    let start = part.len() - back;
                    part.extend_from_within(start..start + back.min(4 + random.often_small(5)));
                }
                draw if draw < single + again + sequence => {
                    part.extend_from_slice(random.one_of(&self.sequences, self.sequence_bits).unwrap_or_default());
                }
                _ => part.extend_from_slice(random.one_of(&self.tokens, self.token_bits).unwrap_or_default()),
            }
        }
        part.truncate(bytes);
    }
}

/// Makes files of every kind.
struct Writer {
    names: Vec<Box<str>>,
    phrases: Vec<Box<str>>,
    bytecode: Machine,
    extension: Machine,
}

impl Writer {
    fn new() -> Self {
        let mut names: Vec<Box<str>> = WORDS.map(Box::from).into();
        for number in 0_u64..(1 << NAMES) - WORDS.len() as u64 {
            let mut random = Random((1 << 48) | number);
            let syllables = 2 + random.below(3);
            let mut syllable = || SYLLABLES.get(random.below(SYLLABLES.len())).copied().unwrap_or_default();
            names.push((0..syllables).map(|_| syllable()).collect::<String>().into());
        }
        let phrases = (0_u64..1 << PHRASES).map(|number| sentence(&names, &mut Random((2 << 48) | number)).into());
        Self {
            phrases: phrases.collect(),
            bytecode: Machine::new(3, 13, 14, 11, [15, 14, 17]),
            extension: Machine::new(4, 12, 12, 7, [25, 15, 16]),
            names,
        }
    }

    /// Makes a file part by part; what is new in a changed one is some of its parts, and a word here and there in the others: what follows
    /// a change in a program moves.
    fn content(&self, stuff: Stuff, bytes: usize, seed: u64, changed: bool) -> Vec<u8> {
        let mut content = Vec::with_capacity(bytes + 4096);
        let (part, news) = match stuff {
            Stuff::Source => (2048, 6),
            Stuff::Bytecode => (4096, 8),
            Stuff::Extension => (4096, 5),
        };
        if stuff == Stuff::Source {
            content.extend_from_slice(b"class Module:\n    \"\"\"Of this package.\"\"\"\n");
        }
        let mut number = 0;
        while content.len() < bytes {
            let place = (1 << 62) | (seed << 32) | number;
            let is_new = changed && (number == 0 || Random(place).next().is_multiple_of(news));
            let mut random = Random(if is_new { place ^ (1 << 63) } else { place });
            // The first draw decided about the part.
            random.next();
            let length = part.min(bytes - content.len());
            let mut made = Vec::with_capacity(length + 512);
            match stuff {
                Stuff::Source => self.source(&mut made, length, &mut random),
                Stuff::Bytecode => self.bytecode.fill(&mut made, length, &mut random),
                Stuff::Extension => {
                    self.extension.fill(&mut made, length, &mut random);
                    if changed && !is_new {
                        move_words(&mut made, Random(place ^ (1 << 61)));
                    }
                }
            }
            content.append(&mut made);
            number += 1;
        }
        content
    }

    /// Writes methods, up to a line's end behind so many bytes.
    fn source(&self, part: &mut Vec<u8>, bytes: usize, random: &mut Random) {
        let mut name = || {
            let first = random.one_of(&self.names, NAMES).unwrap_or_default().to_owned();
            let is_long = random.below(2) == 0;
            let second = random.one_of(&self.names, NAMES).unwrap_or_default();
            Box::from(if is_long { format!("{first}_{second}") } else { first })
        };
        let names: Vec<Box<str>> = (0..1 << LOCAL).map(|_| name()).collect();
        let mut begins = true;
        while part.len() < bytes {
            let mut of = || random.one_of(&names, LOCAL).unwrap_or_default();
            let (a, b, c, d) = (of(), of(), of(), of());
            let number = random.often_small(10);
            let line = if begins {
                let about = sentence(&self.names, random);
                format!("\n    def {a}_{b}(self, {c}={number}, *, {d}_=None):\n        \"\"\"{about}.\"\"\"\n")
            } else {
                let known = random.one_of(&self.phrases, PHRASES).unwrap_or_default();
                match random.below(100) {
                    0..10 => format!("        # {}\n", sentence(&self.names, random)),
                    10..15 => format!("        # {known}\n"),
                    15..26 => {
                        begins = true;
                        continue;
                    }
                    26..37 => {
                        format!("        if self.{a}.{b}({c}) is None:\n            raise {d}(\"{known}\")\n")
                    }
                    37..48 => format!("        self._{a} = {b}({c}, {number})\n"),
                    48..59 => format!("        {a} = {b}.{c}[{number}:]\n"),
                    59..69 => format!("        for {a} in self.{b}_{c}:\n            {a}.{d}({number})\n"),
                    69..80 => format!("        if not isinstance({a}, {b}):\n            return {c}\n"),
                    80..90 => format!("        {a}[\"{b}\"] = {c} and {d}\n"),
                    _ => format!("        assert {a} != {b}, {c}\n"),
                }
            };
            begins = false;
            part.extend_from_slice(line.as_bytes());
        }
    }
}

/// Changes four bytes in every other five hundred, as addresses change.
fn move_words(part: &mut [u8], mut random: Random) {
    for piece in part.chunks_mut(512) {
        let at = random.below(piece.len());
        let by = random.next();
        if by.is_multiple_of(3) {
            for (byte, new) in piece.iter_mut().skip(at).zip(by.to_le_bytes().into_iter().skip(4)).take(4) {
                *byte = new;
            }
        }
    }
}

/// Writes what a comment says.
fn sentence(names: &[Box<str>], random: &mut Random) -> String {
    let words = 4 + random.below(9);
    let words: Vec<&str> = (0..words).filter_map(|_| random.one_of(names, NAMES)).collect();
    words.join(" ")
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
