//! The steps that can happen to an engine.

use arbitrary::Unstructured;
use hbcore::id::LinkId;
use hbcore::takeover::{Class, Outcome, Wish};
use hbcore::time::Duration;
use hbcore::{Carrier, Request};

use super::packet::{Content, Packet};

#[derive(Debug)]
pub(super) enum Step<'d> {
    WaitForDeadline,
    Wait(Duration),
    WaitBackwards(Duration),
    Packet(Packet),
    Bytes {
        link: LinkId,
        bytes: &'d [u8],
    },
    /// The engine receives its latest packet.
    Echo(LinkId),
    /// A ticket that the engine gave out, valid or not.
    Complete {
        which: u8,
        outcome: Outcome,
    },
    Forged {
        ticket: u32,
        outcome: Outcome,
    },
    Request(Request),
    ForClient(Content),
    Carrier {
        link: LinkId,
        carrier: Carrier,
    },
    Restart,
    WallClock(u64),
}

impl<'d> Step<'d> {
    /// Reads a step. One byte chooses it; frequent steps have more values.
    pub(super) fn read(input: &mut Unstructured<'d>) -> arbitrary::Result<Self> {
        let choice: u8 = input.arbitrary()?;
        Ok(match choice % 32 {
            0..=4 => Self::WaitForDeadline,
            5 => Self::Wait(Duration::from_micros(input.arbitrary::<u8>()?.into())),
            6 | 7 => Self::Wait(Duration::from_millis(10 * u64::from(input.arbitrary::<u8>()?))),
            8 => Self::Wait(Duration::from_secs(input.arbitrary::<u8>()?.into())),
            9 => Self::WaitBackwards(Duration::from_millis(input.arbitrary::<u8>()?.into())),
            10..=19 => Self::Packet(Packet::read(input)?),
            20 => {
                let (link, len): (u8, u8) = input.arbitrary()?;
                let len = usize::from(len).min(input.len());
                Self::Bytes { link: LinkId(link), bytes: input.bytes(len)? }
            }
            21 => Self::Echo(LinkId(input.arbitrary()?)),
            22..=25 => {
                let byte: u8 = input.arbitrary()?;
                Self::Complete { which: byte >> 3, outcome: outcome(byte) }
            }
            26 => Self::Forged { ticket: input.arbitrary()?, outcome: outcome(choice >> 5) },
            27 => Self::Request(request(input.arbitrary()?)),
            28 => Self::ForClient(Content::read(input)?),
            29 => {
                let carrier = if choice & 128 == 0 { Carrier::Present } else { Carrier::Absent };
                Self::Carrier { link: LinkId(choice >> 5 & 3), carrier }
            }
            30 => match choice >> 5 & 3 {
                0 => Self::Restart,
                _ => Self::WallClock(input.arbitrary()?),
            },
            _ => Self::Request(Request::Leave),
        })
    }
}

fn outcome(byte: u8) -> Outcome {
    match byte % 8 {
        0..=4 => Outcome::Done,
        5 => Outcome::Failed,
        6 => Outcome::FailedAndStuck,
        _ => Outcome::TimedOut,
    }
}

fn request(byte: u8) -> Request {
    let class = [Class::Local, Class::Foreign, Class::All][usize::from(byte >> 3) % 3];
    match byte % 8 {
        0..=3 => Request::Standby(class),
        4..=6 => Request::Takeover(Wish::Class(class)),
        _ => Request::Takeover(Wish::Failback),
    }
}
