//! All that this function may do to the world.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use watchkeeper_domain::{
    experiment::Order,
    notice::{DomainEvent, Notice},
    records,
};

use crate::log::Entry;

/// All that this function may do to the world.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Tell people, through the topic `notices`.
    Tell(Box<Notice>),
    /// Tell other functions, on the custom bus.
    Emit(Box<DomainEvent>),
    /// Store the decision with the facts that it was made on.
    Log(Box<Entry>),
    /// Act: take the floor, so that no other drill does.
    TakeFloor {
        /// The run.
        run: String,
    },
    /// Act: start an experiment, or its preview.
    Start(Box<Order>),
    /// Act: set the schedule that ends the run if nobody else does.
    Arm {
        /// Its name.
        name: String,
        /// When.
        at: Timestamp,
        /// The token of the experiment, whose id is not known yet.
        token: String,
    },
    /// Act: point it straight at the experiment.
    Aim {
        /// Its name.
        name: String,
        /// When.
        at: Timestamp,
        /// The id of the experiment.
        experiment: String,
    },
    /// Act: delete it, since the experiment is over.
    Disarm {
        /// Its name.
        name: String,
    },
}

impl records::Effect for Effect {
    fn id(&self) -> String {
        match self {
            Self::Tell(notice) => format!("notice-{}", notice.id),
            Self::Emit(event) => format!("event-{}", event.id),
            Self::Log(entry) => format!("log-{}", entry.id),
            Self::TakeFloor { run } => format!("floor-{run}"),
            Self::Start(order) => format!("start-{}", order.token),
            Self::Arm { name, .. } => format!("arm-{name}"),
            Self::Aim { name, .. } => format!("aim-{name}"),
            Self::Disarm { name } => format!("disarm-{name}"),
        }
    }

    /// The order within a run. Runs follow one another.
    fn seq(&self) -> u32 {
        match self {
            Self::Tell(notice) => notice.seq,
            Self::Emit(event) => event.notice.seq,
            Self::Log(_)
            | Self::TakeFloor { .. }
            | Self::Start(_)
            | Self::Arm { .. }
            | Self::Aim { .. }
            | Self::Disarm { .. } => 0,
        }
    }

    fn is_act(&self) -> bool {
        match self {
            Self::Tell(_) | Self::Emit(_) | Self::Log(_) => false,
            Self::TakeFloor { .. }
            | Self::Start(_)
            | Self::Arm { .. }
            | Self::Aim { .. }
            | Self::Disarm { .. } => true,
        }
    }
}

impl std::fmt::Display for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tell(notice) => {
                write!(f, "Tell people ({}): {}", notice.severity.as_str(), notice.headline)
            }
            Self::Emit(event) => write!(f, "Put “{}” on the bus", event.detail_type),
            Self::Log(_) => f.write_str("Store the decision with its facts"),
            Self::TakeFloor { .. } => f.write_str("Take the floor"),
            Self::Start(order) if order.skips_actions => write!(f, "Start a preview of {}", order.template),
            Self::Start(order) => write!(f, "Start {}", order.template),
            Self::Arm { at, .. } => write!(f, "Arm the dead man for {at}"),
            Self::Aim { experiment, .. } => write!(f, "Aim the dead man at {experiment}"),
            Self::Disarm { .. } => f.write_str("Disarm the dead man"),
        }
    }
}
