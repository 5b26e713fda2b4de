//! Bytes for whatever reads what strangers send: good inputs, spoiled at random. A reader may refuse them, and may
//! neither panic nor take long.
//!
//! A run has a few thousand cases for each target, the same in every run; `TASKGATE_FUZZ_CASES` asks for more of them,
//! and `cargo test --lib fuzz -- --nocapture` tells how many there were:
//!
//! ```text
//! fuzz negotiation: 1500000 cases in 80 seconds
//! ```

use std::time::{Duration, Instant};

use proptest::{
    prelude::Rng,
    test_runner::{RngAlgorithm, TestRng},
};

/// Cases of a target in a usual run.
const CASES: u64 = 5_000;
/// Longest input, in bytes.
const MAX_BYTES: usize = 8 * 1024;
/// Longest that one input may take, on a busy machine and without optimisation.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many cases a target has in this run.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, which the program does not know")]
fn cases() -> u64 {
    let asked = std::env::var("TASKGATE_FUZZ_CASES").ok();
    asked.map_or(CASES, |number| number.parse().expect("TASKGATE_FUZZ_CASES is a number"))
}

/// Has inputs read that come of `seeds`, and of pieces of them and of each other.
pub(crate) fn fuzz(target: &str, seeds: &[&str], mut read: impl FnMut(&[u8])) {
    let cases = cases();
    // Another sequence with more cases, or they would all begin alike.
    let seed = [cases.to_le_bytes(), [7; 8]].concat();
    let mut spoiler = Spoiler { rng: TestRng::from_seed(RngAlgorithm::XorShift, &seed), seeds };
    let started = Instant::now();
    let mut before = started;
    for _ in 0..cases {
        let input = spoiler.input();
        read(&input);
        let now = Instant::now();
        let took = now - before;
        assert!(took < PATIENCE, "{target} took {took:?} to read {:?}", String::from_utf8_lossy(&input));
        before = now;
    }
    report(target, cases, started.elapsed());
}

#[expect(clippy::print_stdout, reason = "whoever asks for many cases wants to know how many there were")]
fn report(target: &str, cases: u64, took: Duration) {
    println!("fuzz {target}: {cases} cases in {} seconds", took.as_secs());
}

struct Spoiler<'a> {
    rng: TestRng,
    seeds: &'a [&'a str],
}

impl Spoiler<'_> {
    fn input(&mut self) -> Vec<u8> {
        let mut bytes = self.seed().to_vec();
        for _ in 0..self.below(6) {
            self.spoil(&mut bytes);
            bytes.truncate(MAX_BYTES);
        }
        bytes
    }

    fn seed(&mut self) -> &[u8] {
        let at = self.below(self.seeds.len());
        self.seeds[at].as_bytes()
    }

    /// A number from 0 to `end`, exclusively.
    fn below(&mut self, end: usize) -> usize {
        let number = usize::try_from(self.rng.next_u32()).unwrap_or_default();
        number % end.max(1)
    }

    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        let (from, to) = (self.below(bytes.len() + 1), self.below(bytes.len() + 1));
        let (from, to) = (from.min(to), from.max(to));
        match self.below(7) {
            // A byte that is another.
            0 if from < bytes.len() => bytes[from] = self.rng.next_u32().to_le_bytes()[0],
            // A byte with one bit turned over.
            1 if from < bytes.len() => bytes[from] ^= 1 << self.below(8),
            // A piece that is missing.
            2 => drop(bytes.drain(from..to)),
            // A piece that is there many times.
            3 => {
                let piece = bytes[from..to].to_vec();
                let times = self.below(64);
                bytes.splice(to..to, piece.repeat(times));
            }
            // The end of another input.
            4 => {
                let other = self.seed().to_vec();
                bytes.truncate(from);
                let start = self.below(other.len());
                bytes.extend(&other[start..]);
            }
            // A word that means something to one reader or another.
            5 => {
                const WORDS: [&str; 16] = [
                    "\"", "\"\"\"", "\\", "{", "[", "(", "null", "-1", "1e999", "\u{0}", "é", "\u{feff}",
                    ",", ";", "=", "%00",
                ];
                let word = WORDS[self.below(WORDS.len())];
                bytes.splice(from..from, word.bytes());
            }
            // Anything.
            _ => {
                let mut any = [0; 8];
                self.rng.fill_bytes(&mut any);
                bytes.splice(from..to, any);
            }
        }
    }
}
