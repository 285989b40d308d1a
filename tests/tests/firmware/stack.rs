//! The deepest stack that a firmware can need, from its machine code, and a check that it has no recursion.
//!
//! The module disassembles each function, and finds the stack that it takes and the functions that it calls. A function
//! without a direct caller counts as a callee of every call through a pointer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// The bytes that an interrupt itself puts on the stack.
const EXCEPTION_FRAME: u32 = 32;

#[derive(Default)]
struct Function {
    name: String,
    frame: u32,
    calls: BTreeSet<u32>,
    calls_by_pointer: bool,
    /// The constants in the registers, by their addresses, as far as the code above shows.
    constants: BTreeMap<String, u32>,
    /// Constants that are called: a function that is called often has its address in a register.
    called_constants: BTreeSet<u32>,
}

/// The call graph of a program.
pub(crate) struct Calls {
    functions: BTreeMap<u32, Function>,
}

/// The deepest stack, and the functions on it.
pub(crate) struct Deepest {
    pub(crate) bytes: u32,
    pub(crate) chain: Vec<String>,
}

impl Calls {
    /// Disassembles a program for the Cortex-M.
    pub(crate) fn of(program: &Path) -> Self {
        let mut objdump = Command::new("arm-none-eabi-objdump");
        let output = objdump.args(["-d", "-C", "--no-show-raw-insn"]).arg(program).output().expect("objdump");
        let text = String::from_utf8_lossy(&output.stdout);
        let mut functions = BTreeMap::new();
        let mut words = BTreeMap::new();
        let mut current = None;
        for line in text.lines() {
            if let Some((address, name)) = header(line) {
                functions.insert(address, Function { name: name.to_owned(), ..Function::default() });
                current = Some(address);
            } else if let Some(function) = current.and_then(|address| functions.get_mut(&address)) {
                instruction(function, line);
                words.extend(word(line));
            }
        }
        for function in functions.values_mut() {
            // Bit 0 marks Thumb code.
            function
                .calls
                .extend(function.called_constants.iter().filter_map(|place| words.get(place)).map(|word| word & !1));
        }
        let mut calls = Self { functions };
        calls.keep_what_is_there();
        calls
    }

    /// Removes jumps within a function and to addresses that are no function. A function without a direct caller is
    /// called through pointers.
    fn keep_what_is_there(&mut self) {
        let known: BTreeSet<u32> = self.functions.keys().copied().collect();
        let mut called: BTreeSet<u32> = BTreeSet::new();
        for (address, function) in &mut self.functions {
            function.calls.retain(|callee| known.contains(callee) && callee != address);
            called.extend(&function.calls);
        }
        let is_root = |name: &str| ROOTS.iter().any(|root| name == *root || name.ends_with("_interrupt"));
        let pointed_at: BTreeSet<u32> =
            self.functions.iter().filter(|(a, f)| !called.contains(a) && !is_root(&f.name)).map(|(a, _)| *a).collect();
        for function in self.functions.values_mut().filter(|f| f.calls_by_pointer) {
            function.calls.extend(&pointed_at);
        }
    }

    /// The deepest stack of the program, with the deepest interrupt on top of it. Panics if a function can call itself.
    pub(crate) fn deepest(&self) -> Deepest {
        let mut known = BTreeMap::new();
        let mut of = |names: &dyn Fn(&str) -> bool| {
            let roots = self.functions.iter().filter(|(_, f)| names(&f.name)).map(|(address, _)| *address);
            roots.map(|root| self.depth(root, &mut Vec::new(), &mut known)).max().unwrap_or((0, Vec::new()))
        };
        let (program, chain) = of(&|name| matches!(name, "reset" | "Reset" | "main"));
        let (interrupt, _) = of(&|name| name.ends_with("_interrupt") || matches!(name, "SysTick" | "DefaultHandler"));
        let name = |address: &u32| self.functions[address].name.clone();
        Deepest { bytes: program + EXCEPTION_FRAME + interrupt, chain: chain.iter().map(name).collect() }
    }

    fn depth(&self, at: u32, path: &mut Vec<u32>, known: &mut BTreeMap<u32, (u32, Vec<u32>)>) -> (u32, Vec<u32>) {
        if let Some(depth) = known.get(&at) {
            return depth.clone();
        }
        let function = &self.functions[&at];
        assert!(!path.contains(&at), "{} calls itself", function.name);
        path.push(at);
        let below = function.calls.iter().map(|callee| self.depth(*callee, path, known)).max();
        path.pop();
        let (bytes, mut chain) = below.unwrap_or_default();
        chain.insert(0, at);
        known.insert(at, (bytes + function.frame, chain.clone()));
        (bytes + function.frame, chain)
    }
}

/// Only the processor calls these.
const ROOTS: [&str; 6] = ["reset", "Reset", "main", "SysTick", "DefaultHandler", "HardFault_"];

/// `00000618 <main>:`
fn header(line: &str) -> Option<(u32, &str)> {
    let (address, name) = line.strip_suffix(">:")?.split_once(" <")?;
    Some((u32::from_str_radix(address, 16).ok()?, name))
}

fn instruction(function: &mut Function, line: &str) {
    let mut parts = line.split('\t').skip(1);
    let Some(operation) = parts.next().map(str::trim) else { return };
    let operands = parts.collect::<Vec<_>>().join(" ");
    let operands = operands.trim();
    let width = if operation.starts_with("vpush") { 8 } else { 4 };
    match operation.split('.').next().unwrap_or_default() {
        "push" | "vpush" => function.frame += width * registers(operands),
        "stmdb" if operands.starts_with("sp!") => function.frame += width * registers(operands),
        "sub" | "subw" if operands.starts_with("sp") => function.frame += number(operands, "#").unwrap_or(0),
        "str" | "strd" if operands.ends_with("]!") => function.frame += number(operands, "[sp, #-").unwrap_or(0),
        "bx" if operands == "lr" => {}
        "blx" | "bx" => match function.constants.get(operands) {
            Some(place) => function.called_constants.extend([*place]),
            None => function.calls_by_pointer = true,
        },
        jump if jump.starts_with('b') && !operands.contains('+') => {
            let target = operands.split_whitespace().next();
            function.calls.extend(target.and_then(|address| u32::from_str_radix(address, 16).ok()));
        }
        _ => {}
    }
    let Some((register, rest)) = operands.split_once(", ") else { return };
    match constant(operation, rest) {
        Some(place) => function.constants.insert(register.to_owned(), place),
        None => function.constants.remove(register),
    };
}

/// The address of the constant in `ldr r6, [pc, #56] @ (1094 <name+0x50>)`.
fn constant(operation: &str, source: &str) -> Option<u32> {
    let place = source.strip_prefix("[pc,").filter(|_| operation.starts_with("ldr"))?.split_once("@ (")?.1;
    u32::from_str_radix(place.split_whitespace().next()?, 16).ok()
}

/// `1094: .word 0x00009b15`
fn word(line: &str) -> Option<(u32, u32)> {
    let (place, value) = line.trim().split_once(":\t.word\t0x")?;
    let value = value.split_whitespace().next()?;
    Some((u32::from_str_radix(place, 16).ok()?, u32::from_str_radix(value, 16).ok()?))
}

/// The number of registers in a list such as `{r4, r5, lr}`.
fn registers(operands: &str) -> u32 {
    operands.split_once('{').map_or(0, |(_, list)| list.split(',').count() as u32)
}

fn number(operands: &str, behind: &str) -> Option<u32> {
    let digits = operands.split_once(behind)?.1;
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
