//! `cargo verify fuzz`: builds the fuzz targets with the coverage counters of LLVM and runs them one after the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use hbcore_fuzz::{TARGETS, Target};

use crate::plain_cargo;

mod seeds;

/// The counters that libFuzzer reads. A stable compiler has them too: they are a pass of LLVM. Comparisons of numbers are not traced, which
/// would take half of the time; words are found all the same, by the comparisons of memory that libFuzzer intercepts.
const INSTRUMENTED: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table";

/// Executions of a target, unless said otherwise.
const RUNS: u64 = 100_000;

struct Request {
    runs: u64,
    merge: bool,
    targets: Vec<Target>,
}

/// Where everything is.
struct Place {
    fuzz: PathBuf,
    output: PathBuf,
    host: String,
}

/// `fuzz` with the words behind it.
pub(crate) fn main(words: &[String]) -> ExitCode {
    match read(words).and_then(|request| run(&request)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("verify fuzz: {why}");
            ExitCode::FAILURE
        }
    }
}

fn read(words: &[String]) -> Result<Request, String> {
    let mut request = Request { runs: RUNS, merge: false, targets: Vec::new() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--runs" => {
                let number = words.next().and_then(|n| n.replace('_', "").parse().ok());
                request.runs = number.ok_or("--runs needs a number")?;
            }
            "--merge" => request.merge = true,
            name => {
                let known = TARGETS.iter().find(|target| target.name == name);
                request.targets.push(*known.ok_or_else(|| format!("there is no target {name}"))?);
            }
        }
    }
    if request.targets.is_empty() {
        request.targets = TARGETS.to_vec();
    }
    Ok(request)
}

fn run(request: &Request) -> Result<(), String> {
    let place = build()?;
    for Target { name, longest, .. } in request.targets.iter().copied() {
        seeds::write(name, &place.seeds(name)).map_err(|error| format!("seeds of {name}: {error}"))?;
        if request.merge {
            place.merge(name, longest)?;
        } else {
            place.fuzz(name, longest, request.runs)?;
        }
    }
    Ok(())
}

fn build() -> Result<Place, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let place = Place {
        fuzz: Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz"),
        output: this.ancestors().nth(2).ok_or("no target directory")?.join("fuzz"),
        host: host()?,
    };
    let mut build = plain_cargo();
    build.args(["build", "--quiet", "--release", "--bins", "--manifest-path"]).arg(place.fuzz.join("Cargo.toml"));
    // With a target named, macros and build scripts are not instrumented.
    build.arg("--target").arg(&place.host).arg("--target-dir").arg(&place.output).env("RUSTFLAGS", INSTRUMENTED);
    let built = build.status().map_err(|error| error.to_string())?;
    if built.success() { Ok(place) } else { Err("the targets cannot be built".to_owned()) }
}

fn host() -> Result<String, String> {
    let output = Command::new("rustc").arg("-vV").output().map_err(|error| format!("rustc: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc does not say for which machine it is".to_owned())
}

impl Place {
    /// What this machine has found so far.
    fn found(&self, name: &str) -> PathBuf {
        self.output.join("found").join(name)
    }

    fn seeds(&self, name: &str) -> PathBuf {
        self.output.join("seeds").join(name)
    }

    /// What is kept with the source.
    fn corpus(&self, name: &str) -> PathBuf {
        self.fuzz.join("corpus").join(name)
    }

    fn command(&self, name: &str, longest: usize) -> Command {
        let mut command = Command::new(self.output.join(&self.host).join("release").join(name));
        command.arg(format!("-max_len={longest}")).stdin(Stdio::null());
        command
    }

    /// Runs one target; says what became of it.
    fn fuzz(&self, name: &str, longest: usize, runs: u64) -> Result<(), String> {
        let failures = self.output.join("failures");
        for directory in [&self.found(name), &self.corpus(name), &failures] {
            fs::create_dir_all(directory).map_err(|error| error.to_string())?;
        }
        let mut command = self.command(name, longest);
        command.arg(format!("-runs={runs}")).arg(format!("-artifact_prefix={}/{name}-", failures.display()));
        command.args(["-timeout=120", "-print_final_stats=1", "-verbosity=1"]);
        let dictionary = self.seeds(name).with_extension("dict");
        if dictionary.exists() {
            command.arg(format!("-dict={}", dictionary.display()));
        }
        command.args([self.found(name), self.corpus(name), self.seeds(name)]);
        let begin = Instant::now();
        let output = command.output().map_err(|error| format!("{name}: {error}"))?;
        let seconds = begin.elapsed().as_secs_f64();
        let text = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let last: Vec<&str> = text.lines().rev().take(60).collect();
            return Err(format!("{name} failed\n{}", last.into_iter().rev().collect::<Vec<_>>().join("\n")));
        }
        let stat = |what: &str| text.lines().find_map(|line| line.strip_prefix(what)).unwrap_or("?").trim();
        let last_status = text.lines().rev().find(|line| line.contains(" cov: ")).unwrap_or_default();
        let coverage = last_status.split(" cov: ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or("?");
        println!(
            "{name:<12} {:>12} executions {seconds:>8.1} s {:>9}/s  coverage {coverage}",
            stat("stat::number_of_executed_units:"),
            stat("stat::average_exec_per_sec:"),
        );
        Ok(())
    }

    /// Makes the corpus anew of the fewest and shortest inputs that reach the same code; how often they do is not counted, to keep it small.
    fn merge(&self, name: &str, longest: usize) -> Result<(), String> {
        let (old, new) = (self.corpus(name), self.output.join("merged").join(name));
        for directory in [&self.found(name), &old] {
            fs::create_dir_all(directory).map_err(|error| error.to_string())?;
        }
        let _ = fs::remove_dir_all(&new);
        fs::create_dir_all(&new).map_err(|error| error.to_string())?;
        let mut command = self.command(name, longest);
        command.args(["-set_cover_merge=1", "-use_counters=0"]).arg(&new).args([
            self.found(name),
            old.clone(),
            self.seeds(name),
        ]);
        let merged = command.stderr(Stdio::null()).status().map_err(|error| error.to_string())?;
        if !merged.success() {
            return Err(format!("the corpus of {name} cannot be merged"));
        }
        fs::remove_dir_all(&old).and_then(|()| fs::create_dir_all(&old)).map_err(|error| error.to_string())?;
        let (mut files, mut bytes) = (0, 0);
        for file in fs::read_dir(&new).map_err(|error| error.to_string())?.flatten() {
            bytes += fs::copy(file.path(), old.join(file.file_name())).map_err(|error| error.to_string())?;
            files += 1;
        }
        println!("{name:<12} {files} inputs, {bytes} bytes");
        Ok(())
    }
}
