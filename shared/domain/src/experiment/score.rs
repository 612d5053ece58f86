//! What all runs together say: how well services stand faults, and how much of that is known.
//!
//! Of each drill, the last run that [`Outcome::counts`] is its proof: 100 for passed, 0 for failed. A technical error, an
//! abort or an inconclusive run proves nothing and takes nothing away. A proof keeps its whole worth for [`FRESH`], and
//! half of it for each [`HALVING`] after that:
//!
//! | | formula, over the drills *d* of a service with weight *w* |
//! |---|---|
//! | freshness of a proof | `f(d) = 1` up to 30 days, then `2 ^ -((age - 30 days) / 30 days)` |
//! | score, 0 to 100 | `Σ w · f · (100 if passed, or else 0) / Σ w`, over the drills with a proof; none without any |
//! | coverage, 0 to 100 | `100 · Σ w · f` over those with a proof, divided by `Σ w` over all |
//!
//! A drill that never ran does not lower the score, but the coverage: not knowing is no weakness, and no strength either.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::verdict::Outcome;
use crate::drill::{Drill, Proof};

/// For how long a proof is worth all.
pub const FRESH: SignedDuration = SignedDuration::from_hours(30 * 24);
/// After which further time it is worth half.
pub const HALVING: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A drill, as far as the score looks at it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Exercise<'a> {
    /// Its name.
    pub drill: &'a str,
    /// What it exercises.
    pub service: &'a str,
    /// How much it counts: 1 to 10.
    pub weight: u64,
}

impl<'a> From<&'a Drill> for Exercise<'a> {
    fn from(drill: &'a Drill) -> Self {
        Self { drill: &drill.name, service: &drill.service, weight: drill.weight }
    }
}

/// How all services stand.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Board {
    /// All drills, taken together.
    pub whole: Score,
    /// The drills of each service.
    pub services: BTreeMap<String, Score>,
}

/// How one service stands.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Score {
    /// From 0 to 100; `None` where nothing is proved.
    pub score: Option<f64>,
    /// From 0 to 100: how much of what is declared is proved, and freshly so.
    pub coverage: f64,
    /// Its drills, by name.
    pub drills: BTreeMap<String, Standing>,
}

/// How one drill stands.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Standing {
    /// How much it counts.
    pub weight: u64,
    /// What its last proof says; `None` where there is none.
    pub outcome: Option<Outcome>,
    /// When that was judged.
    pub at: Option<Timestamp>,
    /// From 0 to 1: what it is still worth.
    pub freshness: f64,
}

/// How the services of `drills` stand at `now`, after `proofs`, in whatever order they come. Proofs of other drills don't
/// count.
pub fn board<'a>(drills: impl IntoIterator<Item = Exercise<'a>>, proofs: &[Proof], now: Timestamp) -> Board {
    let mut services: BTreeMap<String, BTreeMap<String, Standing>> = BTreeMap::new();
    for drill in drills {
        let standing = standing(&drill, proofs, now);
        services.entry(drill.service.to_owned()).or_default().insert(drill.drill.to_owned(), standing);
    }
    let all = services.values().flatten().map(|(name, standing)| (name.clone(), standing.clone()));
    Board {
        whole: score(all.collect()),
        services: services.into_iter().map(|(service, drills)| (service, score(drills))).collect(),
    }
}

fn standing(drill: &Exercise<'_>, proofs: &[Proof], now: Timestamp) -> Standing {
    let counted = |proof: &Proof| {
        let outcome = Outcome::named(&proof.outcome).filter(|outcome| outcome.counts())?;
        (proof.drill == drill.drill).then_some((proof.at, outcome))
    };
    // Of two at the same moment, the one that failed.
    let last = proofs.iter().filter_map(counted).max();
    Standing {
        weight: drill.weight,
        outcome: last.map(|(_, outcome)| outcome),
        at: last.map(|(at, _)| at),
        freshness: last.map_or(0.0, |(at, _)| freshness(now.duration_since(at))),
    }
}

/// What a proof of this age is worth, from 0 to 1.
pub fn freshness(age: SignedDuration) -> f64 {
    let stale = age.saturating_sub(FRESH).max(SignedDuration::ZERO);
    (-stale.div_duration_f64(HALVING)).exp2()
}

fn score(drills: BTreeMap<String, Standing>) -> Score {
    let sum = |worth: fn(&Standing) -> f64| -> f64 {
        drills.values().map(|it| worth(it) * f64::from(u32::try_from(it.weight).unwrap_or(u32::MAX))).sum()
    };
    let all = sum(|_| 1.0);
    let proved = sum(|it| if it.outcome.is_some() { 1.0 } else { 0.0 });
    let fresh = sum(|it| it.freshness);
    let passed = sum(|it| if it.outcome == Some(Outcome::Passed) { it.freshness } else { 0.0 });
    let percent = |part: f64, of: f64| (of > 0.0).then(|| (100.0 * part / of).clamp(0.0, 100.0));
    Score { score: percent(passed, proved), coverage: percent(fresh, all).unwrap_or(0.0), drills }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DRILLS: [Exercise<'_>; 3] = [
        Exercise { drill: "zone", service: "checkout", weight: 6 },
        Exercise { drill: "pods", service: "checkout", weight: 2 },
        Exercise { drill: "failover", service: "ledger", weight: 5 },
    ];

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(1_772_618_400 + day * 86_400).unwrap()
    }

    fn proof(drill: &str, outcome: &str, at: i64) -> Proof {
        Proof {
            drill: drill.into(),
            experiment: "EXP1".into(),
            template: String::new(),
            outcome: outcome.into(),
            recovered: true,
            at: day(at),
        }
    }

    fn scores(proofs: &[Proof], now: i64) -> (Option<f64>, f64, Option<f64>, f64) {
        let board = board(DRILLS, proofs, day(now));
        let checkout = &board.services["checkout"];
        (checkout.score, checkout.coverage, board.whole.score, board.whole.coverage)
    }

    #[test]
    fn weights_and_age_count_and_what_never_ran_lowers_the_coverage() {
        let proofs = [proof("zone", "passed", 0), proof("pods", "failed", 0)];
        assert_eq!(scores(&[], 0), (None, 0.0, None, 0.0));
        assert_eq!(scores(&proofs, 30), (Some(75.0), 100.0, Some(75.0), 800.0 / 13.0));
        assert_eq!(scores(&proofs, 60), (Some(37.5), 50.0, Some(37.5), 400.0 / 13.0));
        assert_eq!(scores(&proofs[..1], 0), (Some(100.0), 75.0, Some(100.0), 600.0 / 13.0));
    }

    #[test]
    fn only_passed_and_failed_count_and_only_the_last() {
        let mut proofs = vec![proof("zone", "failed", 0), proof("zone", "passed", 1)];
        let before = scores(&proofs, 9);
        assert_eq!(before.0, Some(100.0));
        for outcome in ["errored", "aborted", "inconclusive", "a new word"] {
            proofs.push(proof("zone", outcome, 5));
            proofs.push(proof("somebody else's", "failed", 5));
        }
        assert_eq!(scores(&proofs, 9), before);
    }

    fn proofs() -> impl Strategy<Value = Vec<Proof>> {
        let words = ["passed", "failed", "inconclusive", "errored", "aborted"];
        let one = (
            prop::sample::select(vec!["zone", "pods", "failover"]),
            prop::sample::select(words.to_vec()),
            0_i64..400,
        );
        prop::collection::vec(one.prop_map(|(drill, outcome, at)| proof(drill, outcome, at)), 0..20)
    }

    fn all(board: &Board) -> Vec<&Score> {
        board.services.values().chain([&board.whole]).collect()
    }

    proptest! {
        #[test]
        fn scores_stay_between_nothing_and_all_and_fall_with_time(proofs in proofs(), more in 0_i64..10_000) {
            let (now, later) = (board(DRILLS, &proofs, day(400)), board(DRILLS, &proofs, day(400 + more)));
            for (now, later) in all(&now).into_iter().zip(all(&later)) {
                prop_assert!(now.score.is_none_or(|it| (0.0..=100.0).contains(&it)));
                prop_assert!((0.0..=100.0).contains(&now.coverage));
                prop_assert!(later.score <= now.score && later.coverage <= now.coverage);
            }
        }

        #[test]
        fn a_pass_never_lowers_and_a_failure_never_raises(proofs in proofs(), which in 0_usize..3) {
            let name = DRILLS[which].drill;
            let with = |outcome: &str| {
                let more: Vec<_> = proofs.iter().cloned().chain([proof(name, outcome, 400)]).collect();
                board(DRILLS, &more, day(400))
            };
            let before = board(DRILLS, &proofs, day(400));
            for ((before, passed), failed) in all(&before).into_iter().zip(all(&with("passed"))).zip(all(&with("failed"))) {
                prop_assert!(before.score.is_none_or(|it| passed.score >= Some(it)));
                prop_assert!(before.score.is_none_or(|it| failed.score <= Some(it)));
                prop_assert!(before.coverage <= passed.coverage && passed.coverage == failed.coverage);
            }
        }

        #[test]
        fn the_order_of_proofs_makes_no_difference(proofs in proofs()) {
            let mut reversed = proofs.clone();
            reversed.reverse();
            prop_assert_eq!(board(DRILLS, &proofs, day(400)), board(DRILLS, &reversed, day(400)));
        }
    }
}
