//! Plans for tests: what a test does not care about is filled in here and nowhere else.
//!
//! Test programs and the crate's own tests share it, and each says what it means by `Plan { kind, ..plans::plan(…) }`.

use std::time::Duration;

use coalmine::model::{Digest, Environment, HostId, Operator, ReleaseId, RolloutId, StageName, Version};
use coalmine::plan::{Budget, HostPlan, OnFailure, Plan, PlanKind, Policy, Prefetch, Promote, StageKind, StagePlan};

/// Plans to install a version, on no host yet.
pub(crate) fn plan(rollout: RolloutId, environment: Environment, version: Version, digest: Digest) -> Plan {
    Plan {
        rollout,
        environment,
        product: None,
        kind: PlanKind::Install,
        release: ReleaseId::new(&version, &digest),
        version,
        digest,
        commit: "0123456789abcdef0123456789abcdef01234567".parse().ok(),
        operator: Operator("alice@deploy1".into()),
        reason: None,
        slot: None,
        emergency: false,
        policy: policy(),
        stages: Vec::new(),
        hosts: Vec::new(),
        left_out: Vec::new(),
        out_of_service: Vec::new(),
        taken_out: Vec::new(),
        service_at: None,
        bad: Vec::new(),
        mark: None,
        changes: Vec::new(),
        notes: Vec::new(),
    }
}

/// Waits for a person when something is wrong, and does a few hosts at once.
pub(crate) fn policy() -> Policy {
    Policy {
        on_failure: OnFailure::Pause,
        prefetch: Prefetch::All,
        promote_all: false,
        skip_unreachable: false,
        prime_width: 4,
        control_width: 4,
        depool: false,
        hooks: Vec::new(),
        host_hooks: Vec::new(),
        confirm: Duration::ZERO,
        freezes: Vec::new(),
        overridden: Vec::new(),
        carriers: Vec::new(),
        stall: Duration::from_secs(60),
    }
}

/// Makes a stage of targets that does not soak, goes on by itself and bears no failure.
pub(crate) fn stage(name: StageName, waves: impl Into<Vec<usize>>) -> StagePlan {
    StagePlan {
        name,
        kind: StageKind::Targets,
        waves: waves.into(),
        concurrency: 4,
        soak: Duration::ZERO,
        promote: Promote::Auto,
        budget: Budget::default(),
        gates: Vec::new(),
    }
}

/// Makes a host of which nothing is known.
pub(crate) fn host(host: HostId) -> HostPlan {
    HostPlan { host, site: None, from: None, good: None, to: None, holds: false, lost: None, relay: None }
}
