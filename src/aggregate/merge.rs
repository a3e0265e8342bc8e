//! The states that sources have of a key, as one.

use crate::stick::{Definition, Field, FreqCtr, Layout, ValueKind};
use crate::table::EntryRef;

use super::options::{DataPolicy, OnReset, Policy};
use super::rate::Rates;

/// How the entries of a source become a total.
#[derive(Debug)]
pub(super) struct Plan {
    steps: Vec<Step>,
    /// What the entries of a total are: those of the sources without the data types that aren't aggregated.
    pub(super) layout: Layout,
    /// Whether counters keep what a source had counted before it started again.
    pub(super) keeps: bool,
    /// Whether the order matters in which sources have taught.
    pub(super) has_order: bool,
    /// Whether some of the values count only while their source is connected.
    pub(super) has_gauges: bool,
}

/// One data type.
#[derive(Clone, Copy, Debug)]
struct Step {
    from: Field,
    to: Field,
    policy: DataPolicy,
    keeps: bool,
    /// The place of its first element among all rates.
    rate: usize,
}

impl Plan {
    pub(super) fn new(source: &Definition, policy: &Policy) -> Self {
        let is_in = |field: &&Field| field.kind != ValueKind::Text && policy.get(field.data_type).0 != DataPolicy::None;
        let fields: Vec<Field> = source.layout.fields().iter().filter(is_in).copied().collect();
        let layout = Layout::new(fields.iter().map(|field| (field.data_type, field.count, field.period_ms)));
        let mut rates = 0;
        let steps = fields.iter().zip(layout.fields()).map(|(from, to)| {
            let (policy, on_reset) = policy.get(from.data_type);
            let rate = rates;
            rates += if from.kind == ValueKind::Rate { from.values() } else { 0 };
            let is_counter = !is_rate(from) && !is_gauge(from) && policy == DataPolicy::Sum;
            Step { from: *from, to: *to, policy, keeps: is_counter && on_reset == OnReset::Monotonic, rate }
        });
        let steps: Vec<Step> = steps.collect();
        let keeps = steps.iter().any(|step| step.keeps);
        let has_gauges = steps.iter().any(|step| is_gauge(&step.from));
        let has_order = steps.iter().any(|step| step.policy == DataPolicy::Last);
        Self { steps, layout, keeps, has_order, has_gauges }
    }

    /// Whether some total is the largest or smallest of rates: which one that is may change while nothing else does.
    pub(super) fn compares_rates(&self) -> bool {
        self.steps.iter().any(|step| is_rate(&step.from) && !matches!(step.policy, DataPolicy::Sum | DataPolicy::Last))
    }

    /// Whether windows of rates have moved by more than a fiftieth of their period in values that are taught again: by as much
    /// as they may while they wait to be sent.
    pub(super) fn drifted(&self, old: &[u64], old_age_ms: u64, new: &[u64]) -> bool {
        self.steps.iter().filter(|step| is_rate(&step.from)).any(|step| {
            let most = u64::from(step.from.period_ms.unwrap_or(0) / 50);
            let counters = step.from.of(old).chunks(3).zip(step.from.of(new).chunks(3));
            counters.into_iter().any(|(old, new)| {
                let [old, new] = [old, new].map(FreqCtr::from_slots);
                let moved = i64::from(new.elapsed_ms.wrapping_sub(old.elapsed_ms).cast_signed());
                (new.current, new.previous) != (0, 0) && moved.saturating_sub_unsigned(old_age_ms).unsigned_abs() > most
            })
        })
    }

    /// Adds to `kept` what counters that start again with `new` had counted in `old`; returns whether there was anything.
    pub(super) fn keep(&self, old: &[u64], new: &[u64], kept: &mut Vec<u64>) -> bool {
        let mut any = false;
        kept.resize(old.len(), 0);
        for step in self.steps.iter().filter(|step| step.keeps) {
            for slot in step.from.slot..step.from.slot + step.from.slots() {
                let slots = (old.get(slot), new.get(slot), kept.get_mut(slot));
                if let (Some(old), Some(new), Some(kept)) = slots
                    && new < old
                {
                    *kept = kept.saturating_add(*old);
                    any = true;
                }
            }
        }
        any
    }
}

fn is_rate(field: &Field) -> bool {
    field.kind == ValueKind::Rate
}

/// Whether the number is of now only: connections that are open.
fn is_gauge(field: &Field) -> bool {
    field.data_type == crate::grammar::DataType::CONN_CUR
}

/// What a source says of a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub(super) entry: EntryRef<'a>,
    /// What its counters had counted before they started again.
    pub(super) kept: Option<&'a [u64]>,
    /// Whether the source is connected.
    pub(super) is_up: bool,
}

/// A total as it is put together, and then as it was at that time.
#[derive(Debug, Default)]
pub(super) struct Sum {
    /// The values of a source.
    read: Vec<u64>,
    rates: Vec<Rates>,
    /// For each data type: how many had a value, and how long ago the last of them was used at its source.
    seen: Vec<(u32, u64)>,
    /// By the layout of the plan.
    pub(super) values: Vec<u64>,
    /// The longest rest of a life in milliseconds; `None` if one lives for ever.
    pub(super) rest_ms: Option<u32>,
    /// The shortest rest; `u32::MAX` if all live for ever.
    pub(super) next_end_ms: u32,
    /// How many sources had the key.
    pub(super) parts: u32,
    /// Milliseconds until rates change their slope; `None` if all are zero and stay so.
    pub(super) rates_end_in: Option<u64>,
}

impl Sum {
    /// Starts anew.
    pub(super) fn begin(&mut self, plan: &Plan) {
        self.values.clear();
        self.values.resize(plan.layout.slots(), 0);
        self.rates.clear();
        self.seen.clear();
        for step in &plan.steps {
            self.seen.push((0, u64::MAX));
            if is_rate(&step.from) {
                let none = Rates::new(step.from.period_ms.unwrap_or(0));
                self.rates.extend(std::iter::repeat_n(none, step.from.values()));
            }
        }
        (self.rest_ms, self.next_end_ms, self.parts, self.rates_end_in) = (Some(0), u32::MAX, 0, None);
    }

    /// Adds what one source says.
    pub(super) fn add(&mut self, plan: &Plan, part: &Part<'_>) {
        let entry = &part.entry;
        self.parts += 1;
        self.rest_ms = self.rest_ms.zip(entry.rest_ms()).map(|(a, b)| a.max(b));
        self.next_end_ms = self.next_end_ms.min(entry.rest_ms().unwrap_or(u32::MAX));
        let (age_ms, idle_ms) = (entry.age_ms(), entry.idle_ms());
        entry.values(&mut self.read);
        for (step, seen) in plan.steps.iter().zip(&mut self.seen) {
            if is_gauge(&step.from) && !part.is_up {
                continue;
            }
            let is_first = seen.0 == 0;
            let is_youngest = idle_ms < seen.1;
            *seen = (seen.0 + 1, seen.1.min(idle_ms));
            if is_rate(&step.from) {
                let rates = self.rates.iter_mut().skip(step.rate).take(step.from.values());
                for (n, rate) in rates.enumerate() {
                    let counter = entry.counter(&step.from, n);
                    let takes_over = match step.policy {
                        DataPolicy::Sum | DataPolicy::None => {
                            rate.add(counter, age_ms);
                            continue;
                        }
                        DataPolicy::Max | DataPolicy::Or => rate.compare(counter, age_ms).is_lt(),
                        DataPolicy::Min | DataPolicy::And => rate.compare(counter, age_ms).is_gt(),
                        DataPolicy::Last => is_youngest,
                    };
                    if is_first || takes_over {
                        rate.replace(counter, age_ms);
                    } else {
                        rate.watch(counter, age_ms);
                    }
                }
                continue;
            }
            let most = if step.from.kind == ValueKind::Unsigned64 { u64::MAX } else { u32::MAX.into() };
            let totals = step.to.of_mut(&mut self.values);
            for ((n, total), value) in totals.iter_mut().enumerate().zip(step.from.of(&self.read)) {
                let kept = part.kept.filter(|_| step.keeps).and_then(|kept| kept.get(step.from.slot + n));
                let value = kept.map_or(*value, |kept| value.saturating_add(*kept).min(most));
                *total = match step.policy {
                    _ if is_first => value,
                    DataPolicy::Sum | DataPolicy::None => total.saturating_add(value).min(most),
                    DataPolicy::Max => value.max(*total),
                    DataPolicy::Min => value.min(*total),
                    DataPolicy::Last => {
                        if is_youngest {
                            value
                        } else {
                            *total
                        }
                    }
                    DataPolicy::Or => value | *total,
                    DataPolicy::And => value & *total,
                };
            }
        }
    }

    /// Writes the rates; all sources have been added.
    pub(super) fn finish(&mut self, plan: &Plan) {
        for step in plan.steps.iter().filter(|step| is_rate(&step.from)) {
            let rates = self.rates.iter().skip(step.rate);
            for (rate, slots) in rates.zip(step.to.of_mut(&mut self.values).chunks_mut(3)) {
                slots.copy_from_slice(&rate.counter().slots());
                self.rates_end_in = self.rates_end_in.into_iter().chain(rate.ends_in()).min();
            }
        }
    }

    /// Whether all values are zero.
    pub(super) fn is_zero(&self) -> bool {
        self.values.iter().all(|value| *value == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::{DataType, KeyType};
    use crate::table::{Limits, ServerKey, Store, Update};

    fn plan(data_type: DataType, period_ms: Option<u32>, policy: (DataPolicy, OnReset)) -> Plan {
        let layout = Layout::new([(data_type, None, period_ms)]);
        let source = Definition { name: (*b"t").into(), key_type: KeyType::IP, key_len: 4, expire_ms: 0, layout };
        Plan::new(&source, &Policy { of: [(data_type, policy)].into() })
    }

    #[test]
    fn a_window_that_moved_by_more_than_a_fiftieth_has_drifted() {
        let plan = plan(DataType::GPC0_RATE, Some(10_000), (DataPolicy::Sum, OnReset::Current));
        let drifted = |elapsed, counts: [u64; 2]| plan.drifted(&[1000, 5, 5], 300, &[elapsed, counts[0], counts[1]]);
        assert_eq!([1300, 1500, 1100].map(|elapsed| drifted(elapsed, [5, 5])), [false; 3], "it went on as time did");
        assert_eq!([1501, 1099].map(|elapsed| drifted(elapsed, [5, 5])), [true; 2]);
        assert_eq!(
            [[0, 0], [0, 1], [1, 0]].map(|counts| drifted(9000, counts)),
            [false, true, true],
            "nothing can't drift"
        );
    }

    #[test]
    fn what_a_counter_had_is_kept_when_it_starts_again() {
        let plan = plan(DataType::GPC0, None, (DataPolicy::Sum, OnReset::Monotonic));
        let mut kept = vec![7];
        assert!(!plan.keep(&[5], &[5], &mut kept) && !plan.keep(&[5], &[6], &mut kept));
        assert_eq!(kept, [7]);
        assert!(plan.keep(&[5], &[4], &mut kept));
        assert_eq!(kept, [12]);
    }

    /// A source: what it has, when it was told, and whether it is connected.
    type Source<'a> = (&'a [u64], u64, bool);

    /// The total of two sources at 1000 ms, of which one keeps 5 and 50 from before.
    fn total(
        field: (DataType, Option<u32>, Option<u32>),
        policy: (DataPolicy, OnReset),
        sources: [Source<'_>; 2],
    ) -> Vec<u64> {
        let layout = Layout::new([field]);
        let definition =
            Definition { name: (*b"t").into(), key_type: KeyType::IP, key_len: 4, expire_ms: 60_000, layout };
        let plan = Plan::new(&definition, &Policy { of: [(field.0, policy)].into() });
        let mut sum = Sum::default();
        sum.begin(&plan);
        let mut kept = Some([5, 50].as_slice());
        for (values, told_ms, is_up) in sources {
            let mut store = Store::new(definition.clone(), Limits::default()).expect("narrow");
            let (key, server_key) = (&[10, 0, 0, 1], ServerKey::Unchanged);
            store.apply(told_ms, &Update { key, values, server_key, update_id: 1, life_ms: None, resync: false });
            let entry = store.get(key, 1000).expect("it lives");
            sum.add(&plan, &Part { entry, kept: kept.take(), is_up });
        }
        sum.finish(&plan);
        sum.values
    }

    #[test]
    fn connections_count_while_their_source_is_connected() {
        let conn_cur = (DataType::CONN_CUR, None, None);
        let sum = (DataPolicy::Sum, OnReset::Current);
        assert_eq!(total(conn_cur, sum, [(&[3], 0, true), (&[4], 0, true)]), [7]);
        assert_eq!(total(conn_cur, sum, [(&[3], 0, true), (&[4], 0, false)]), [3]);
    }

    #[test]
    fn of_two_that_were_used_at_the_same_time_the_first_one_is_the_last() {
        let (gpc0, last) = ((DataType::GPC0, None, None), (DataPolicy::Last, OnReset::Current));
        assert_eq!(total(gpc0, last, [(&[3], 500, true), (&[4], 500, true)]), [3]);
        assert_eq!(total(gpc0, last, [(&[3], 500, true), (&[4], 501, true)]), [4]);
    }

    #[test]
    fn the_greatest_and_the_least_rate_are_found_wherever_they_are() {
        let rate = (DataType::GPC0_RATE, None, Some(10_000));
        let [small, large]: [Source<'_>; 2] = [(&[2000, 0, 50], 1000, true), (&[5000, 0, 100], 1000, true)];
        for (policy, expected) in [(DataPolicy::Max, large), (DataPolicy::Min, small)] {
            for both in [[small, large], [large, small]] {
                assert_eq!(total(rate, (policy, OnReset::Current), both), expected.0, "{policy:?}");
            }
        }
    }

    #[test]
    fn each_element_keeps_what_was_its_own() {
        let (gpc, monotonic) = ((DataType::GPC, Some(2), None), (DataPolicy::Sum, OnReset::Monotonic));
        assert_eq!(total(gpc, monotonic, [(&[1, 10], 0, true), (&[2, 20], 0, true)]), [8, 80]);
    }

    #[test]
    fn tags_of_all_have_the_bits_of_each() {
        let gpt0 = (DataType::GPT0, None, None);
        let tags: [Source<'_>; 2] = [(&[0b110], 0, true), (&[0b011], 0, true)];
        assert_eq!(total(gpt0, (DataPolicy::And, OnReset::Current), tags), [0b010]);
        assert_eq!(total(gpt0, (DataPolicy::Or, OnReset::Current), tags), [0b111]);
    }
}
