//! `cargo verify fuzz`: builds the fuzz targets with the coverage counters of LLVM and runs them one after the other.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use hbcore_fuzz::{TARGETS, Target};

use crate::plain_cargo;

mod seeds;

/// The counters that libFuzzer reads. A stable compiler has them too: they are a pass of LLVM. Comparisons of numbers
/// are not traced, because that would take half of the time. libFuzzer still finds words, because it intercepts
/// comparisons of memory.
const INSTRUMENTED: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Ctarget-cpu=native";

/// The executions of a target, unless the command line gives another number.
const RUNS: u64 = 100_000;

struct Request {
    runs: u64,
    /// The number of processes that share the executions of a target.
    jobs: u64,
    merge: bool,
    targets: Vec<Target>,
}

/// The directories in use.
struct Place {
    fuzz: PathBuf,
    output: PathBuf,
    host: String,
}

/// Runs `fuzz` with the words after it.
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
    let mut request = Request { runs: RUNS, jobs: 1, merge: false, targets: Vec::new() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--runs" => {
                let number = words.next().and_then(|n| n.replace('_', "").parse().ok());
                request.runs = number.ok_or("--runs needs a number")?;
            }
            "--jobs" => {
                let number = words.next().and_then(|n| n.parse().ok()).filter(|n| (1..=64).contains(n));
                request.jobs = number.ok_or("--jobs needs a number from 1 to 64")?;
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
    let place = build(&request.targets)?;
    for Target { name, longest, .. } in request.targets.iter().copied() {
        seeds::write(name, &place.seeds(name)).map_err(|error| format!("seeds of {name}: {error}"))?;
        if request.merge {
            place.merge(name, longest)?;
        } else {
            place.fuzz(name, longest, request)?;
        }
    }
    Ok(())
}

fn build(targets: &[Target]) -> Result<Place, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let place = Place {
        fuzz: Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz"),
        output: this.ancestors().nth(2).ok_or("no target directory")?.join("fuzz"),
        host: host()?,
    };
    let mut build = plain_cargo();
    build.args(["build", "--quiet", "--release", "--manifest-path"]).arg(place.fuzz.join("Cargo.toml"));
    for target in targets {
        build.args(["--bin", target.name]);
    }
    // If a target is named, cargo does not instrument macros and build scripts.
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
    /// The inputs that this machine has found so far.
    fn found(&self, name: &str) -> PathBuf {
        self.output.join("found").join(name)
    }

    fn seeds(&self, name: &str) -> PathBuf {
        self.output.join("seeds").join(name)
    }

    /// The inputs that are kept with the source.
    fn corpus(&self, name: &str) -> PathBuf {
        self.fuzz.join("corpus").join(name)
    }

    fn command(&self, name: &str, longest: usize) -> Command {
        let mut command = Command::new(self.output.join(&self.host).join("release").join(name));
        command.arg(format!("-max_len={longest}")).stdin(Stdio::null());
        command
    }

    /// Runs one target and reports the result. Each process also uses the inputs that the others find.
    fn fuzz(&self, name: &str, longest: usize, request: &Request) -> Result<(), String> {
        let failures = self.output.join("failures");
        for directory in [&self.found(name), &self.corpus(name), &failures] {
            fs::create_dir_all(directory).map_err(|error| error.to_string())?;
        }
        let dictionary = self.seeds(name).with_extension("dict");
        let begin = Instant::now();
        let mut jobs = Vec::new();
        for job in 0..request.jobs {
            let runs = request.runs / request.jobs + u64::from(job < request.runs % request.jobs);
            let mut command = self.command(name, longest);
            command.arg(format!("-runs={runs}")).arg(format!("-artifact_prefix={}/{name}-", failures.display()));
            command.args(["-timeout=120", "-print_final_stats=1", "-verbosity=1"]);
            // Searching for the inputs of the others takes a tenth of the time if it happens every second.
            command.arg(if request.jobs > 1 { "-reload=60" } else { "-reload=0" });
            if dictionary.exists() {
                command.arg(format!("-dict={}", dictionary.display()));
            }
            command.args([self.found(name), self.corpus(name), self.seeds(name)]);
            let log = self.output.join(format!("{name}-{job}.log"));
            let file = fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
            let child = command.stdout(Stdio::null()).stderr(file).spawn();
            jobs.push(Job { child: child.map_err(|error| format!("{name}: {error}"))?, log });
        }
        if let Some(job) = first_failure(&mut jobs).map_err(|error| format!("{name}: {error}"))? {
            let text = job.text();
            let last: Vec<&str> = text.lines().rev().take(60).collect();
            return Err(format!("{name} failed\n{}", last.into_iter().rev().collect::<Vec<_>>().join("\n")));
        }
        let (mut executed, mut coverage, mut notice) = (0, 0, None);
        for job in &jobs {
            let text = job.text();
            executed += number_after(&text, "stat::number_of_executed_units:").unwrap_or(0);
            coverage = coverage.max(number_after(&text, " cov: ").unwrap_or(0));
            notice = notice.or_else(|| text.lines().find(|line| line.contains(NOTICE)).map(str::to_owned));
        }
        if let Some(notice) = notice {
            println!("{name}: {notice}");
        }
        let seconds = begin.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
        let speed = executed as f64 / seconds;
        println!("{name:<12} {executed:>12} executions {seconds:>8.1} s {speed:>9.0}/s  coverage {coverage}");
        Ok(())
    }

    /// Rebuilds the corpus from the fewest and shortest inputs that reach the same code. To keep it small, how often
    /// they do is not counted.
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

/// The notice of a target about a library that this machine does not have.
const NOTICE: &str = " is not installed: ";

/// A process that fuzzes; killed when it is dropped.
struct Job {
    child: Child,
    log: PathBuf,
}

impl Job {
    fn text(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The exit code of libFuzzer after `SIGINT`: the executions until then count.
const INTERRUPTED: i32 = 72;

/// Waits until all have ended or one has failed.
fn first_failure(jobs: &mut [Job]) -> io::Result<Option<&Job>> {
    loop {
        let mut running = false;
        let mut failed = None;
        for (place, job) in jobs.iter_mut().enumerate() {
            match job.child.try_wait()? {
                None => running = true,
                Some(status) if status.success() || status.code() == Some(INTERRUPTED) => {}
                Some(_) => failed = Some(place),
            }
        }
        if let Some(place) = failed {
            return Ok(jobs.get(place));
        }
        if !running {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// The number after the last occurrence of `what`.
fn number_after(text: &str, what: &str) -> Option<u64> {
    let (_, rest) = text.rsplit_once(what)?;
    rest.split_whitespace().next()?.parse().ok()
}
