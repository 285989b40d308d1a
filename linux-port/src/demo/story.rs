//! The story: the cluster starts, alpha loses its power and returns a few times, and the nodes are parted and meet
//! again.

use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use rustix::rand::{GetRandomFlags, getrandom};

use super::client::{Client, hurry};
use super::machine::Machine;
use super::network::{Cabling, SERVICE};
use super::page::{Figures, Ink, Page, bar, millis};
use super::picture::{self, Scene};
use super::stop::{Awaited, Doing, Stop};
use super::timing::{DEADTIME, KEEPALIVE};
use crate::sys::namespace::{Network, Rights};
use crate::sys::signal::Signals;

/// The signals that end the demonstration early.
const SIGNALS: [Signal; 4] = [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT];
/// The longest time for any step.
const LIMIT: Duration = Duration::from_secs(15);
/// The interval at which a condition is checked.
const INTERVAL: Duration = Duration::from_millis(1);
/// A quiet moment between two events.
const QUIET: Duration = Duration::from_millis(300);

/// The signals that end the demonstration. Call it before any thread starts.
pub(super) fn listen() -> Result<Signals, Stop> {
    Signals::block(&SIGNALS).map_err(Stop::refused(Doing::Listen))
}

/// Everything that the story needs. All of it is removed on drop.
pub(super) struct Story {
    client: Client,
    alpha: Machine,
    bravo: Machine,
    cabling: Cabling,
    home: Network,
    signals: Signals,
    page: Page,
    scenes: Vec<Scene>,
}

impl Story {
    /// Builds the machines, without power, and the client. Files go to `directory`.
    pub(super) fn prepare(page: Page, signals: Signals, directory: &Path) -> Result<Self, Stop> {
        let secret = secret().map_err(Stop::refused(Doing::MakeFiles))?;
        let machine = |index| Machine::new(index, directory, &secret).map_err(Stop::refused(Doing::RunMachine));
        let (alpha, bravo) = (machine(0)?, machine(1)?);
        let lay = || {
            let (home, place) = (Network::current()?, Network::new()?);
            let cabling = Cabling::build([alpha.place(), bravo.place()], &place)?;
            Ok((home, place, cabling))
        };
        let (home, place, cabling) = lay().map_err(Stop::refused(Doing::LayCables))?;
        let client = Client::start(&place).map_err(Stop::refused(Doing::RunClient))?;
        Ok(Self { client, alpha, bravo, cabling, home, signals, page, scenes: Vec::new() })
    }

    /// Tells the story, with this many power cuts, and writes the figures.
    pub(super) fn tell(&mut self, cuts: u32, rights: Rights) -> Result<(), Stop> {
        self.page.title();
        self.describe(rights);
        self.begin()?;
        let mut figures = Figures::default();
        for number in 1..=cuts {
            figures.quiet.push(self.quiet_moment()?);
            let began = Instant::now();
            let outage = self.power_cut(began, number == 1)?;
            let handover = self.failback(number == 1)?;
            if number > 1 {
                let (cut, back) = (millis(outage), millis(handover));
                let text =
                    format!("cut {number}: bravo after {cut:4.1} ms, alpha again in {back:.1} ms  {}", bar(outage));
                self.page.event(began, Ink::Plain, text);
            }
            figures.cuts.push(outage);
            figures.failbacks.push(handover);
        }
        figures.partition = self.partition()?;
        self.page.figures(&figures);
        Ok(())
    }

    /// Lines of the logs that may explain a failure.
    pub(super) fn last_words(&self) -> Vec<String> {
        [&self.alpha, &self.bravo].into_iter().flat_map(Machine::last_words).collect()
    }

    /// The first failover as SVG. Call it after the story.
    pub(super) fn drawing(&self) -> String {
        picture::svg(&self.scenes)
    }

    fn draw(&mut self, title: String, moment: &'static str, zero: Instant) -> Result<(), Stop> {
        self.pause(QUIET)?;
        self.scenes.push(Scene::new(title, moment, zero, self.client.answers().into_iter()));
        Ok(())
    }

    fn describe(&self, rights: Rights) {
        match rights {
            Rights::Unchanged => self.page.remark("All of it is in network namespaces of its own."),
            Rights::Mapped => self.page.remark("All of it is in a user namespace, without any privilege outside."),
        }
        let permitted = thread::scope(|scope| scope.spawn(hurry).join().unwrap_or(false));
        if !permitted {
            self.page.remark("Real-time scheduling is not permitted here: figures are worse when the machine is busy.");
        }
    }

    fn begin(&mut self) -> Result<(), Stop> {
        let began = Instant::now();
        self.page.event(began, Ink::Plain, "power on: alpha and bravo");
        self.power_on_alpha()?;
        self.bravo.power_on(&self.home).map_err(Stop::refused(Doing::RunMachine))?;
        self.until_served_by_alpha()?;
        let at = self.client.first_answer(began, "alpha").unwrap_or(began);
        let took = millis(at.duration_since(began));
        self.page.event(at, Ink::Good, format!("alpha answers at {SERVICE}, {took:.0} ms after power on"));
        Ok(())
    }

    /// Cuts alpha's power, and writes about it if `told`. Returns the longest time without an answer.
    fn power_cut(&mut self, began: Instant, told: bool) -> Result<Duration, Stop> {
        self.alpha.cut_power().map_err(Stop::refused(Doing::RunMachine))?;
        if told {
            self.page.event(began, Ink::Bad, "power cut: alpha is gone, with everything on it");
        }
        self.until(Awaited::Service("bravo"), |story| Ok(story.client.is_served_by("bravo")))?;
        let outage = self.client.longest_silence(began);
        if told {
            let at = self.client.first_answer(began, "bravo").unwrap_or(began);
            self.page.event(at, Ink::Good, format!("bravo answers: {:.1} ms without an answer", millis(outage)));
            self.draw("alpha loses its power: bravo takes over".to_owned(), "power cut", began)?;
        }
        Ok(outage)
    }

    /// Gives alpha its power back. Returns the longest time without an answer while the address went home.
    fn failback(&mut self, told: bool) -> Result<Duration, Stop> {
        self.pause(QUIET)?;
        let began = Instant::now();
        if told {
            self.page.event(began, Ink::Plain, "power on: alpha starts again");
        }
        self.power_on_alpha()?;
        self.until_served_by_alpha()?;
        let handover = self.client.longest_silence(began);
        if told {
            let at = self.client.first_answer(began, "alpha").unwrap_or(began);
            let gap = millis(handover);
            let text = format!("alpha answers, as bravo gave the address back: {gap:.1} ms without an answer");
            self.page.event(at, Ink::Good, text);
            let after = millis(at.duration_since(began));
            let title = format!("alpha is back, {after:.0} ms after power on: bravo hands the address over");
            self.draw(title, "first answer of alpha", at)?;
        }
        Ok(handover)
    }

    /// Cuts both links between the nodes for a while. Returns the longest time without an answer until there is one
    /// owner again.
    fn partition(&mut self) -> Result<Duration, Stop> {
        self.pause(QUIET)?;
        let began = self.part(true)?;
        self.page.event(began, Ink::Bad, "partition: the nodes do not hear each other, the client hears both");
        self.until(Awaited::TwoOwners, |story| Ok(story.owners()? == [true, true]))?;
        let text = format!("each believes that the other is dead: both hold {SERVICE} (fencing prevents that)");
        self.page.event(Instant::now(), Ink::Plain, text);
        self.pause(QUIET)?;
        let healed = self.part(false)?;
        self.page.event(healed, Ink::Plain, "the partition heals: the cables carry packets again");
        self.until(Awaited::OneOwner, |story| Ok(matches!(story.owners()?, [true, false] | [false, true])))?;
        let at = Instant::now();
        // The owner announces the address a moment later. A wrong owner would show within this pause too.
        self.pause(DEADTIME * 4)?;
        let owner = if self.owners()? == [true, false] { "alpha" } else { "bravo" };
        self.until(Awaited::Service(owner), |story| Ok(story.client.is_served_by(owner)))?;
        let silence = self.client.longest_silence(began);
        let text = format!("{owner} alone holds it: never more than {:.1} ms without an answer", millis(silence));
        self.page.event(at, Ink::Good, text);
        Ok(silence)
    }

    fn power_on_alpha(&mut self) -> Result<(), Stop> {
        self.alpha.power_on(&self.home).map_err(Stop::refused(Doing::RunMachine))
    }

    /// Cuts or restores the links between the nodes.
    fn part(&self, parted: bool) -> Result<Instant, Stop> {
        let now = Instant::now();
        self.cabling.part(parted).map_err(Stop::refused(Doing::LayCables))?;
        Ok(now)
    }

    fn until_served_by_alpha(&mut self) -> Result<(), Stop> {
        self.until(Awaited::Service("alpha"), |story| {
            Ok(story.client.is_served_by("alpha") && story.owners()? == [true, false])
        })
    }

    /// Whether alpha holds the address, and whether bravo does.
    fn owners(&mut self) -> Result<[bool; 2], Stop> {
        let mut ask = || Ok([self.alpha.holds_service()?, self.bravo.holds_service()?]);
        ask().map_err(Stop::refused(Doing::RunMachine))
    }

    /// Waits for a random moment relative to the heartbeats, since the length of an outage depends on it. Returns the
    /// longest time without an answer meanwhile.
    fn quiet_moment(&mut self) -> Result<Duration, Stop> {
        let began = Instant::now();
        let part = f64::from(random::<1>().map_or(0, |[byte]| byte)) / 256.0;
        self.pause(QUIET + KEEPALIVE.mul_f64(part))?;
        Ok(self.client.longest_silence(began))
    }

    /// Waits until a condition holds.
    fn until(&mut self, what: Awaited, mut holds: impl FnMut(&mut Self) -> Result<bool, Stop>) -> Result<(), Stop> {
        let end = Instant::now() + LIMIT;
        while !holds(self)? {
            if Instant::now() > end {
                return Err(Stop::Never(what));
            }
            self.pause(INTERVAL)?;
        }
        Ok(())
    }

    /// Lets time pass, unless the demonstration has to end.
    fn pause(&mut self, time: Duration) -> Result<(), Stop> {
        let end = Instant::now() + time;
        loop {
            if let Some(signal) = self.signals.next().map_err(Stop::refused(Doing::Listen))? {
                return Err(Stop::Signal(signal.number));
            }
            for machine in [&mut self.alpha, &mut self.bravo] {
                if machine.has_failed() {
                    return Err(Stop::Died(machine.name()));
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(INTERVAL));
        }
    }
}

/// A random key.
fn secret() -> io::Result<String> {
    Ok(random::<20>()?.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom(&mut bytes, GetRandomFlags::empty())?;
    Ok(bytes)
}
