//! The memory that a program occupies, from `/proc/PID/smaps`.

use std::fs;

/// Resident memory of a program, in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The program's file, heap, stacks, and changed data of its libraries: the part that each running copy needs.
    pub own: u64,
    /// The rest of its libraries, which all programs of a machine share.
    pub shared: u64,
}

impl Memory {
    /// The most memory that one daemon may occupy, in KiB.
    pub const BOUND: u64 = 2048;
    /// On any usable machine, at least this many programs share the libraries.
    const SHARERS: u64 = 4;

    /// The memory of a process. `counts` decides for each mapping, by its start address, whether it counts. None if the
    /// process has ended.
    pub(super) fn of(pid: u32, counts: impl Fn(u64) -> bool) -> Option<Self> {
        let smaps = fs::read_to_string(format!("/proc/{pid}/smaps")).ok()?;
        Some(Self::sum(&smaps, counts))
    }

    /// The proportional share (PSS) of the only daemon of a machine on which few other programs run.
    pub fn of_a_lone_one(self) -> u64 {
        self.own + self.shared / Self::SHARERS
    }

    fn sum(smaps: &str, counts: impl Fn(u64) -> bool) -> Self {
        let mut sum = Self::default();
        let (mut counted, mut of_library) = (false, false);
        for line in smaps.lines() {
            let mut words = line.split_whitespace();
            let (Some(first), Some(second)) = (words.next(), words.next()) else { continue };
            if let Some(start) = first.split_once('-').and_then(|(start, _)| u64::from_str_radix(start, 16).ok()) {
                counted = counts(start);
                of_library = words.any(|word| word.starts_with('/') && word.contains(".so"));
            } else if counted {
                let number = second.parse().unwrap_or(0);
                match (first, of_library) {
                    ("Rss:", false) => sum.own += number,
                    ("Rss:", true) => sum.shared += number,
                    ("Anonymous:", true) => {
                        sum.own += number;
                        sum.shared = sum.shared.saturating_sub(number);
                    }
                    _ => {}
                }
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;

    const SMAPS: &str = "\
555500000000-555500001000 r-xp 00000000 00:00 1 /usr/bin/qemu-arm-static
Rss:                 900 kB
Anonymous:             0 kB
100000010000-1000000f0000 r--p 00000000 00:00 2    /target/heartbeat
Rss:                 300 kB
Anonymous:             4 kB
1000fe000000-1000fe010000 rw-p 00000000 00:00 3    /lib/libc.so.6
Rss:                 500 kB
Anonymous:             8 kB
1000fffe0000-1000ffff0000 rw-p 00000000 00:00 0
Rss:                  12 kB
Anonymous:            12 kB
VmFlags: rd wr
7f0000000000-7f0000001000 rw-p 00000000 00:00 0
Rss:                4000 kB
Anonymous:          4000 kB
";

    #[test]
    fn unchanged_pages_of_libraries_are_shared() {
        let memory = Memory::sum(SMAPS, |_| true);
        assert_eq!(memory, Memory { own: 5220, shared: 492 });
        assert_eq!(memory.of_a_lone_one(), 5220 + 123);
    }

    #[test]
    fn mappings_that_do_not_count_are_left_out() {
        let of_guest = |start| (0x1000_0000_0000..0x1001_0000_0000).contains(&start);
        assert_eq!(Memory::sum(SMAPS, of_guest), Memory { own: 320, shared: 492 });
    }
}
