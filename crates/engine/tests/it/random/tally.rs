//! The commands there are, once: a new one does not compile until it stands here, and then the walks have to get it accepted.

use zhupi_engine::Command;
use zhupi_engine::command::Intervention;

/// A list and an exhaustive match made of the same patterns, so that neither can lack what the other has.
macro_rules! commands {
    ($($command:pat),+ $(,)?) => {
        /// Every command that has to be accepted now and then.
        pub const COMMANDS: &[&str] = &[$(stringify!($command)),+];

        /// Under which of them a command counts.
        pub fn kind(command: &Command) -> &'static str {
            match command {
                $($command => stringify!($command)),+
            }
        }
    };
}

commands![
    Command::Submit(_),
    Command::Approve(_),
    Command::Reject(_),
    Command::Abstain(_),
    Command::Return(_),
    Command::Resubmit(_),
    Command::Claim { .. },
    Command::Release { .. },
    Command::Transfer(_),
    Command::Delegate(_),
    Command::GiveOpinion { .. },
    Command::AddSign(_),
    Command::RemoveSign { .. },
    Command::RemoveAdded { .. },
    Command::TakeBack { .. },
    Command::Urge { .. },
    Command::Withdraw { .. },
    Command::Revoke { .. },
    Command::Comment { .. },
    Command::Tell { .. },
    Command::MarkRead,
    Command::Intervene { what: Intervention::Jump { .. }, .. },
    Command::Intervene { what: Intervention::Reassign { .. }, .. },
    Command::Intervene { what: Intervention::Staff { .. }, .. },
    Command::Intervene { what: Intervention::Skip { .. }, .. },
    Command::Intervene { what: Intervention::Terminate, .. },
    Command::Intervene { what: Intervention::SetApprovers { .. }, .. },
    Command::Intervene { what: Intervention::Retry, .. },
    Command::Intervene { what: Intervention::HandOver { .. }, .. },
    Command::Migrate { .. },
    Command::Fire { .. },
    Command::Sweep,
    Command::Answer { .. },
    Command::Fail { .. },
    Command::Warn { .. },
    Command::Amend { .. },
];
