//! The classic BPF machine: runs a compiled filter over a packet's bytes.
//!
//! In: instructions as libpcap compiles them, then packets. Out: how many bytes of a packet to keep,
//! 0 for none of it. [`Program::new`] refuses what could leave the program, its memory or
//! arithmetic, by the rules of libpcap's `bpf_validate`; jumps go forward only, so every run ends.
//! A load beyond the captured bytes, and a division by a zero register, end the run with 0.
//!
//! After McCanne and Jacobson, "The BSD Packet Filter: A New Architecture for User-level Packet
//! Capture", USENIX Winter 1993, with the kernel's later `mod` and `xor`.

use std::fmt;

use crate::limits::MAX_BPF_INSTRUCTIONS;

/// Scratch memory in 32-bit words (`BPF_MEMWORDS`).
const MEMORY_WORDS: usize = 16;

/// One instruction, laid out as `struct bpf_insn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Insn {
    /// Class, size, mode or operation, and source.
    pub code: u16,
    /// Instructions to skip when a comparison holds.
    pub jt: u8,
    /// Instructions to skip when it does not.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}

/// Why a program was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BpfError {
    /// It has no instructions.
    Empty,
    /// It has more instructions than `limits` allows.
    TooLong {
        /// How many it has.
        length: usize,
    },
    /// An instruction is none of the classic ones.
    UnknownInstruction {
        /// Its place, counted from 0.
        at: usize,
        /// Its code.
        code: u16,
    },
    /// A jump leads behind the last instruction.
    JumpOutOfRange {
        /// Place of the jump, counted from 0.
        at: usize,
    },
    /// A load or store names a word beyond the 16 of scratch memory.
    MemoryOutOfRange {
        /// Place of the instruction, counted from 0.
        at: usize,
        /// The word it names.
        word: u32,
    },
    /// A division or remainder by the constant 0.
    DivisionByZero {
        /// Place of the instruction, counted from 0.
        at: usize,
    },
    /// The last instruction does not return.
    NoReturn,
}

impl fmt::Display for BpfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => write!(f, "the filter has no instructions"),
            Self::TooLong { length } => write!(
                f,
                "the filter has {length} instructions; at most {MAX_BPF_INSTRUCTIONS} are taken"
            ),
            Self::UnknownInstruction { at, code } => {
                write!(f, "instruction {at} of the filter is unknown (code {code:#06x})")
            }
            Self::JumpOutOfRange { at } => {
                write!(f, "instruction {at} of the filter jumps behind its end")
            }
            Self::MemoryOutOfRange { at, word } => write!(
                f,
                "instruction {at} of the filter uses memory word {word}; there are {MEMORY_WORDS}"
            ),
            Self::DivisionByZero { at } => write!(f, "instruction {at} of the filter divides by 0"),
            Self::NoReturn => write!(f, "the last instruction of the filter does not return"),
        }
    }
}

impl std::error::Error for BpfError {}

/// A checked program, ready to run on any number of packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    instructions: Vec<Insn>,
}

impl Program {
    /// Check `instructions` and keep them.
    ///
    /// # Errors
    ///
    /// The first rule that they break.
    pub fn new(instructions: Vec<Insn>) -> Result<Self, BpfError> {
        let length = instructions.len();
        if length > MAX_BPF_INSTRUCTIONS {
            return Err(BpfError::TooLong { length });
        }
        let Some(last) = instructions.last() else {
            return Err(BpfError::Empty);
        };
        if last.code & 7 != class::RET {
            return Err(BpfError::NoReturn);
        }
        for (at, insn) in instructions.iter().enumerate() {
            check(insn, at, length)?;
        }
        Ok(Self { instructions })
    }

    /// The instructions, as they would be attached to a socket.
    #[must_use]
    pub fn instructions(&self) -> &[Insn] {
        &self.instructions
    }

    /// Run on the captured bytes of a packet that had `wirelen` bytes; returns how many bytes to
    /// keep, 0 when the packet does not match.
    #[must_use]
    pub fn run(&self, packet: &[u8], wirelen: u32) -> u32 {
        Machine::new(packet, wirelen).run(&self.instructions).unwrap_or(0)
    }
}

/// The low 3 bits of a code.
mod class {
    pub const LD: u16 = 0;
    pub const LDX: u16 = 1;
    pub const ST: u16 = 2;
    pub const STX: u16 = 3;
    pub const ALU: u16 = 4;
    pub const JMP: u16 = 5;
    pub const RET: u16 = 6;
}

/// Whole codes, named as in the kernel's `bpf_asm`: loads by mode and size, jumps by condition.
mod op {
    pub const LD_IMM: u16 = 0x00;
    pub const LD_ABS_W: u16 = 0x20;
    pub const LD_ABS_H: u16 = 0x28;
    pub const LD_ABS_B: u16 = 0x30;
    pub const LD_IND_W: u16 = 0x40;
    pub const LD_IND_H: u16 = 0x48;
    pub const LD_IND_B: u16 = 0x50;
    pub const LD_MEM: u16 = 0x60;
    pub const LD_LEN: u16 = 0x80;
    pub const LDX_IMM: u16 = 0x01;
    pub const LDX_MEM: u16 = 0x61;
    pub const LDX_LEN: u16 = 0x81;
    pub const LDX_MSH: u16 = 0xB1;
    pub const ST: u16 = 0x02;
    pub const STX: u16 = 0x03;
    pub const JA: u16 = 0x05;
    pub const RET_K: u16 = 0x06;
    pub const RET_A: u16 = 0x16;
    pub const TAX: u16 = 0x07;
    pub const TXA: u16 = 0x87;
    /// Bit that makes register X the operand of arithmetic and comparisons.
    pub const SOURCE_X: u16 = 0x08;
}

/// Operations of the arithmetic class, bits 4 to 7 of the code.
mod alu {
    pub const ADD: u16 = 0x00;
    pub const SUB: u16 = 0x10;
    pub const MUL: u16 = 0x20;
    pub const DIV: u16 = 0x30;
    pub const OR: u16 = 0x40;
    pub const AND: u16 = 0x50;
    pub const LSH: u16 = 0x60;
    pub const RSH: u16 = 0x70;
    pub const NEG: u16 = 0x80;
    pub const MOD: u16 = 0x90;
    pub const XOR: u16 = 0xA0;
}

/// Conditions of the jump class, bits 4 to 7 of the code.
mod jump {
    pub const EQUAL: u16 = 0x10;
    pub const GREATER: u16 = 0x20;
    pub const GREATER_OR_EQUAL: u16 = 0x30;
    pub const ANY_BIT: u16 = 0x40;
}

/// Whether the code is one that the machine carries out.
fn is_known(code: u16) -> bool {
    use op::*;
    match code & 7 {
        class::LD => matches!(
            code,
            LD_IMM
                | LD_ABS_W
                | LD_ABS_H
                | LD_ABS_B
                | LD_IND_W
                | LD_IND_H
                | LD_IND_B
                | LD_MEM
                | LD_LEN
        ),
        class::LDX => matches!(code, LDX_IMM | LDX_MEM | LDX_LEN | LDX_MSH),
        class::ST => code == ST,
        class::STX => code == STX,
        class::ALU => code & !SOURCE_X & !0xF0 == class::ALU && code & 0xF0 <= alu::XOR,
        class::JMP => {
            code == JA
                || (code & !SOURCE_X & !0x70 == class::JMP && matches!(code & 0x70, 0x10..=0x40))
        }
        class::RET => matches!(code, RET_K | RET_A),
        _ => matches!(code, TAX | TXA),
    }
}

/// Whether the instruction at `at` of `length` stays within program, memory and arithmetic.
fn check(insn: &Insn, at: usize, length: usize) -> Result<(), BpfError> {
    let code = insn.code;
    if !is_known(code) {
        return Err(BpfError::UnknownInstruction { at, code });
    }
    match code {
        op::LD_MEM | op::LDX_MEM | op::ST | op::STX if insn.k as usize >= MEMORY_WORDS => {
            return Err(BpfError::MemoryOutOfRange { at, word: insn.k });
        }
        _ if code & 7 == class::ALU && code & op::SOURCE_X == 0 && insn.k == 0 => {
            if matches!(code & 0xF0, alu::DIV | alu::MOD) {
                return Err(BpfError::DivisionByZero { at });
            }
        }
        _ => {}
    }
    let farthest = match code {
        op::JA => insn.k as usize,
        _ if code & 7 == class::JMP => usize::from(insn.jt.max(insn.jf)),
        _ => return Ok(()),
    };
    if farthest >= length - at - 1 {
        return Err(BpfError::JumpOutOfRange { at });
    }
    Ok(())
}

/// Registers and memory of one run.
struct Machine<'a> {
    packet: &'a [u8],
    wirelen: u32,
    a: u32,
    x: u32,
    memory: [u32; MEMORY_WORDS],
}

impl<'a> Machine<'a> {
    fn new(packet: &'a [u8], wirelen: u32) -> Self {
        Self { packet, wirelen, a: 0, x: 0, memory: [0; MEMORY_WORDS] }
    }

    /// The returned number; `None` when a load or division ended the run.
    fn run(mut self, instructions: &[Insn]) -> Option<u32> {
        let mut at = 0;
        loop {
            let insn = instructions.get(at)?;
            at += 1;
            match insn.code & 7 {
                class::LD => self.load_a(insn)?,
                class::LDX => self.load_x(insn)?,
                class::ST => *self.memory.get_mut(insn.k as usize)? = self.a,
                class::STX => *self.memory.get_mut(insn.k as usize)? = self.x,
                class::ALU => self.a = self.calculate(insn)?,
                class::JMP => at += self.distance(insn),
                class::RET if insn.code == op::RET_A => return Some(self.a),
                class::RET => return Some(insn.k),
                _ if insn.code == op::TAX => self.x = self.a,
                _ => self.a = self.x,
            }
        }
    }

    #[inline]
    fn load_a(&mut self, insn: &Insn) -> Option<()> {
        self.a = match insn.code {
            op::LD_ABS_W => self.word(insn.k)?,
            op::LD_ABS_H => self.half(insn.k)?,
            op::LD_ABS_B => self.byte(insn.k)?,
            op::LD_IND_W => self.word(self.x.checked_add(insn.k)?)?,
            op::LD_IND_H => self.half(self.x.checked_add(insn.k)?)?,
            op::LD_IND_B => self.byte(self.x.checked_add(insn.k)?)?,
            op::LD_MEM => *self.memory.get(insn.k as usize)?,
            op::LD_LEN => self.wirelen,
            _ => insn.k,
        };
        Some(())
    }

    #[inline]
    fn load_x(&mut self, insn: &Insn) -> Option<()> {
        self.x = match insn.code {
            op::LDX_MEM => *self.memory.get(insn.k as usize)?,
            op::LDX_LEN => self.wirelen,
            // The length of an IPv4 header, from its first byte.
            op::LDX_MSH => (self.byte(insn.k)? & 15) * 4,
            _ => insn.k,
        };
        Some(())
    }

    fn operand(&self, insn: &Insn) -> u32 {
        if insn.code & op::SOURCE_X == 0 {
            insn.k
        } else {
            self.x
        }
    }

    #[inline]
    fn calculate(&self, insn: &Insn) -> Option<u32> {
        let (a, b) = (self.a, self.operand(insn));
        Some(match insn.code & 0xF0 {
            alu::ADD => a.wrapping_add(b),
            alu::SUB => a.wrapping_sub(b),
            alu::MUL => a.wrapping_mul(b),
            alu::DIV => a.checked_div(b)?,
            alu::MOD => a.checked_rem(b)?,
            alu::OR => a | b,
            alu::AND => a & b,
            alu::XOR => a ^ b,
            // A shift by the register's width or more leaves nothing, as in libpcap.
            alu::LSH => a.checked_shl(b).unwrap_or(0),
            alu::RSH => a.checked_shr(b).unwrap_or(0),
            alu::NEG => a.wrapping_neg(),
            _ => return None,
        })
    }

    #[inline]
    fn distance(&self, insn: &Insn) -> usize {
        if insn.code == op::JA {
            return insn.k as usize;
        }
        let (a, b) = (self.a, self.operand(insn));
        let holds = match insn.code & 0x70 {
            jump::EQUAL => a == b,
            jump::GREATER => a > b,
            jump::GREATER_OR_EQUAL => a >= b,
            jump::ANY_BIT => a & b != 0,
            _ => false,
        };
        usize::from(if holds { insn.jt } else { insn.jf })
    }

    fn bytes<const N: usize>(&self, at: u32) -> Option<&[u8; N]> {
        self.packet.get(at as usize..)?.first_chunk()
    }

    fn word(&self, at: u32) -> Option<u32> {
        self.bytes(at).map(|bytes| u32::from_be_bytes(*bytes))
    }

    fn half(&self, at: u32) -> Option<u32> {
        self.bytes(at).map(|bytes| u16::from_be_bytes(*bytes).into())
    }

    fn byte(&self, at: u32) -> Option<u32> {
        self.packet.get(at as usize).map(|byte| u32::from(*byte))
    }
}
