//! Where the health of deployments and credentials is kept.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustc_hash::FxHashMap;

use crate::breaker::Transition;
use crate::clock::Moment;
use crate::health::{Health, HealthSettings};
use crate::key::{Fault, KeyHealth};

/// Names a deployment across configurations and replicas: provider, model, region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentId(pub Arc<str>);

/// Names a credential across configurations and replicas, without being one: the provider and a name or a digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialId(pub Arc<str>);

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something that the other replicas should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// A breaker changed.
    Breaker {
        /// Of this deployment.
        deployment: &'a DeploymentId,
        /// How.
        transition: Transition,
    },
    /// A deployment is rate limited until then.
    Limited {
        /// This one.
        deployment: &'a DeploymentId,
        /// The end of the limit.
        until: Moment,
    },
    /// A credential was refused.
    Dead {
        /// This one.
        credential: &'a CredentialId,
        /// How.
        why: Fault,
    },
    /// A credential serves again.
    Revived {
        /// This one.
        credential: &'a CredentialId,
    },
}

/// The memory of what was seen of deployments and credentials.
///
/// Every decision is taken from local memory; this trait is the seam at which replicas will tell each other of their
/// changes. A shared implementation (Redis) gives out the same local [`Health`], publishes what [`State::changed`] is told,
/// and follows what others publish by [`crate::breaker::Breaker::force`] and [`Health::limit`]: the local breaker decides,
/// the others' are a hint. No method may wait for the network.
pub trait State: Send + Sync {
    /// The health of a deployment, judged by `settings` from now on: the one that is known, or a new one. To be called where
    /// a configuration is compiled, not for each request.
    fn deployment(&self, id: &DeploymentId, settings: &HealthSettings) -> Arc<Health>;

    /// The health of a credential: the one that is known, or a new one.
    fn credential(&self, id: &CredentialId) -> Arc<KeyHealth>;

    /// A change that was decided here.
    fn changed(&self, change: Change<'_>);

    /// Forgets all that the configuration in force no longer names. Requests under way keep what they hold.
    fn retain(&self, deployment: &dyn Fn(&DeploymentId) -> bool, credential: &dyn Fn(&CredentialId) -> bool);
}

/// The memory of one process. Kept over reloads; bounded by [`State::retain`].
#[derive(Debug, Default)]
pub struct Memory {
    deployments: RwLock<FxHashMap<DeploymentId, Arc<Health>>>,
    credentials: RwLock<FxHashMap<CredentialId, Arc<KeyHealth>>>,
}

impl State for Memory {
    fn deployment(&self, id: &DeploymentId, settings: &HealthSettings) -> Arc<Health> {
        let mut deployments = self.deployments.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = deployments.get(id) {
            known.apply(settings);
            return Arc::clone(known);
        }
        Arc::clone(deployments.entry(id.clone()).or_insert_with(|| Arc::new(Health::new(settings))))
    }

    fn credential(&self, id: &CredentialId) -> Arc<KeyHealth> {
        let mut credentials = self.credentials.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(credentials.entry(id.clone()).or_default())
    }

    fn changed(&self, _: Change<'_>) {
        // Alone: nobody to tell.
    }

    fn retain(&self, deployment: &dyn Fn(&DeploymentId) -> bool, credential: &dyn Fn(&CredentialId) -> bool) {
        self.deployments.write().unwrap_or_else(PoisonError::into_inner).retain(|id, _| deployment(id));
        self.credentials.write().unwrap_or_else(PoisonError::into_inner).retain(|id, _| credential(id));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn health_outlives_a_reload_under_new_settings_until_nothing_names_it() {
        let state = Memory::default();
        let [kept, dropped] = ["openai/gpt-4o", "openai/gpt-3.5"].map(|id| DeploymentId(Arc::from(id)));
        let key = CredentialId(Arc::from("openai/first"));
        let settings = HealthSettings::default();
        let before = state.deployment(&kept, &settings);
        before.limit(Moment(9));
        state.deployment(&dropped, &settings).limit(Moment(9));
        state.credential(&key).kill(Fault::Unknown, Moment(1));

        let settings = HealthSettings { success_tau: Duration::from_secs(1), ..settings };
        let after = state.deployment(&kept, &settings);
        state.retain(&|id| *id == kept, &|_| false);
        assert!(Arc::ptr_eq(&before, &after));
        assert_eq!(state.deployment(&kept, &settings).limited(Moment(1)), Some(Moment(9)));
        assert_eq!(state.deployment(&dropped, &settings).limited(Moment(1)), None);
        assert!(!state.credential(&key).revive());
    }
}
