//! What a request costs, from the tokens of each bucket: pure, in whole numbers, exact to the nano-dollar.
//!
//! A cost that is not known is none, never 0. Every bucket with tokens in it needs a rate of its own, save where another
//! rate applies by rule, because providers bill so or because it can only be dearer than what they bill:
//!
//! | bucket | without a rate of its own |
//! |---|---|
//! | `reasoning` | `output`: every provider bills thoughts as output |
//! | `cache_read` | `input`: a provider with no price for cached tokens bills them as others |
//! | `audio_cache_read` | `audio_input`, for the same reason |
//! | `image_input`, `video_input`, `document_input`, `tool_input` | `input`: they are counted in text tokens |
//! | every other | the cost is unknown: writing to a cache, audio, and pictures or films that are made cost more than text |
//!
//! What is not counted in tokens (pictures made, the length of recordings, characters, search units) is billed where it has
//! a rate. Without one it costs nothing beside tokens, as most models bill it, and is unknown where no tokens were reported.
//!
//! Where no input was reported at all, in whatever unit, the cost is unknown too, and where the answer was served on a tier ([`Tier`]) that is
//! not the usual one and has no rates: whether it is dearer, cheaper or paid ahead is not known. The sum is rounded once, half a nano-dollar up.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use tollway_protocol::canonical::{Tier, Usage};

/// A rate is for so many tokens, searches or requests.
const PER: u128 = 1_000_000;
/// A rate of recordings is for a thousand hours: so many milliseconds for each of [`PER`].
const MS: u128 = 3_600;

/// What a model of a provider costs, now and at other times. Snapshots hold it as JSON (`python/tollway/config/prices/`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    /// Of those that apply at a moment, the last one counts.
    periods: Vec<Period>,
}

/// Rates, and when they apply.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Period {
    #[serde(default)]
    when: When,
    /// Where the rates are from, and since when they are in force.
    version: String,
    rates: Rates,
    /// Rates that go over these, for a service tier and the like. Of those that apply, the first one counts.
    #[serde(default)]
    variants: Vec<Variant>,
}

/// Rates for requests that were served on these terms.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Variant {
    #[serde(default)]
    when: When,
    terms: BTreeMap<String, String>,
    rates: Rates,
}

impl Variant {
    /// Whether its rates are those of `tier`. What else a price may depend on (a route, a kind of search) no answer tells.
    fn is_of(&self, tier: Tier) -> bool {
        let is_said = |(name, value): (&String, &String)| match name.as_str() {
            "service_tier" | "processing" | "speed" => Tier::read(value) == Some(tier),
            _ => false,
        };
        !self.terms.is_empty() && self.terms.iter().all(is_said)
    }
}

/// When rates apply.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct When {
    /// From this moment on, in seconds since 1970; none is always.
    #[serde(default)]
    from: Option<u64>,
    /// From this second of each UTC day to before that one, also over midnight; none is all day.
    #[serde(default)]
    daily: Option<(u64, u64)>,
}

impl When {
    fn holds(&self, at: u64) -> bool {
        let second = at % 86_400;
        self.from.is_none_or(|from| from <= at)
            && self.daily.is_none_or(|(start, end)| {
                if start <= end { start <= second && second < end } else { start <= second || second < end }
            })
    }
}

type Rates = BTreeMap<Item, Rate>;

/// What has a rate. The names are those of [`Usage`]'s buckets; `request` is charged once a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Item {
    Input,
    CacheRead,
    AudioCacheRead,
    CacheWrite,
    #[serde(rename = "cache_write_1h")]
    CacheWrite1h,
    AudioInput,
    ImageInput,
    VideoInput,
    DocumentInput,
    ToolInput,
    Output,
    Reasoning,
    AudioOutput,
    ImageOutput,
    VideoOutput,
    WebSearches,
    Images,
    AudioInputMs,
    Characters,
    SearchUnits,
    Request,
}

impl Item {
    /// The item whose rate applies where this one has none.
    fn otherwise(self) -> Option<Self> {
        match self {
            Self::Reasoning => Some(Self::Output),
            Self::AudioCacheRead => Some(Self::AudioInput),
            Self::CacheRead | Self::ImageInput | Self::VideoInput | Self::DocumentInput | Self::ToolInput => {
                Some(Self::Input)
            }
            _ => None,
        }
    }

    /// How many of it a rate is for, in [`PER`].
    fn each(self) -> u128 {
        if self == Self::AudioInputMs { MS } else { 1 }
    }
}

/// Nano-dollars for a million; for a thousand hours of recordings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Rate {
    Flat(u64),
    /// `over` are `(tokens, rate)`, ascending: the rate for all of a request whose whole input is over so many tokens.
    Tiered {
        base: u64,
        over: Vec<(u64, u64)>,
    },
}

impl Rate {
    fn at(&self, input: u64) -> u64 {
        match self {
            Self::Flat(rate) => *rate,
            Self::Tiered { base, over } => {
                over.iter().rev().find(|(tokens, _)| input > *tokens).map_or(*base, |(_, rate)| *rate)
            }
        }
    }
}

/// What a request costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost<'a> {
    /// Billionths of a US dollar, at most what an `i64` holds.
    pub(crate) nano: u64,
    /// The version of the prices behind it.
    pub(crate) version: &'a str,
}

impl Prices {
    /// The cost of `usage` at the moment `at`, since 1970.
    pub(crate) fn cost(&self, usage: &Usage, at: Duration) -> Option<Cost<'_>> {
        let at = at.as_secs();
        let period = self.periods.iter().rev().find(|period| period.when.holds(at))?;
        let rates = Applied::new(period, at, usage.tier.unwrap_or(Tier::Standard))?;
        let reported = usage.all_input();
        let is_known = reported.is_some()
            || units(usage).iter().any(|(item, count)| count.is_some() && rates.own(*item).is_some());
        let input = reported.or(is_known.then_some(0))?;
        let mut sum = Sum::default();
        if let Some(rate) = rates.own(Item::Request) {
            sum.add(1, rate.at(input), Item::Request)?;
        }
        for (item, count) in tokens(usage) {
            let Some(count) = count.filter(|count| *count > 0) else { continue };
            sum.add(count, rates.of(item)?.at(input), item)?;
        }
        for (item, count) in units(usage) {
            let Some((count, rate)) = count.zip(rates.own(item)) else { continue };
            sum.add(count, rate.at(input), item)?;
        }
        let nano = sum.nano()?;
        i64::try_from(nano).ok()?;
        Some(Cost { nano, version: &period.version })
    }
}

/// In nano-dollars, of which it holds [`PER`] times [`MS`] for one: every rate goes into it whole.
#[derive(Default)]
struct Sum(u128);

impl Sum {
    /// None if it is more than can be counted.
    fn add(&mut self, count: u64, rate: u64, item: Item) -> Option<()> {
        let product = u128::from(count).checked_mul(u128::from(rate))?.checked_mul(MS / item.each())?;
        self.0 = self.0.checked_add(product)?;
        Some(())
    }

    fn nano(&self) -> Option<u64> {
        u64::try_from(self.0.checked_add(PER * MS / 2)? / (PER * MS)).ok()
    }
}

/// The rates of one request.
struct Applied<'a> {
    standard: &'a Rates,
    /// Those that go over them, the first ones first.
    special: Vec<&'a Rates>,
}

impl<'a> Applied<'a> {
    /// None if nothing is known of the tier.
    fn new(period: &'a Period, at: u64, tier: Tier) -> Option<Self> {
        let holds = |variant: &&Variant| variant.when.holds(at) && variant.is_of(tier);
        let special: Vec<_> = period.variants.iter().filter(holds).map(|variant| &variant.rates).collect();
        (tier == Tier::Standard || !special.is_empty()).then_some(Self { standard: &period.rates, special })
    }

    fn own(&self, item: Item) -> Option<&'a Rate> {
        self.special.iter().find_map(|rates| rates.get(&item)).or_else(|| self.standard.get(&item))
    }

    fn of(&self, item: Item) -> Option<&'a Rate> {
        self.own(item).or_else(|| self.own(item.otherwise()?))
    }
}

fn tokens(usage: &Usage) -> [(Item, Option<u64>); 16] {
    [
        (Item::Input, usage.input),
        (Item::CacheRead, usage.cache_read),
        (Item::AudioCacheRead, usage.audio_cache_read),
        (Item::CacheWrite, usage.cache_write),
        (Item::CacheWrite1h, usage.cache_write_1h),
        (Item::AudioInput, usage.audio_input),
        (Item::ImageInput, usage.image_input),
        (Item::VideoInput, usage.video_input),
        (Item::DocumentInput, usage.document_input),
        (Item::ToolInput, usage.tool_input),
        (Item::Output, usage.output),
        (Item::Reasoning, usage.reasoning),
        (Item::AudioOutput, usage.audio_output),
        (Item::ImageOutput, usage.image_output),
        (Item::VideoOutput, usage.video_output),
        (Item::WebSearches, usage.web_searches),
    ]
}

/// What is not counted in tokens, and billed only where it has a rate.
fn units(usage: &Usage) -> [(Item, Option<u64>); 4] {
    [
        (Item::Images, usage.images),
        (Item::AudioInputMs, usage.audio_input_ms),
        (Item::Characters, usage.characters),
        (Item::SearchUnits, usage.search_units),
    ]
}

/// An amount of nano-dollars as US dollars in decimal, exact and with no more digits than it needs: `0.0012345`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dollars(pub(crate) u64);

impl fmt::Display for Dollars {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, nano) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        if nano == 0 {
            return write!(to, "{dollars}");
        }
        write!(to, "{dollars}.{}", format!("{nano:09}").trim_end_matches('0'))
    }
}
