"""The packs of limits that verdicts can be held against: those shipped, and the workspace's own."""

from analyzers.core.errors import PolicyError
from analyzers.core.policy import Policy
from analyzers.jobs.store import Store
from analyzers.policies import load_policy, policy_names
from analyzers.policies.own import OWN_PACK


def packs_in(store: Store) -> tuple[str, ...]:
    """List the packs there are, the default first and the workspace's own last."""
    return (*policy_names(), *((OWN_PACK,) if store.policy() is not None else ()))


def pack_in(store: Store, name: str) -> Policy:
    """Return a pack by its name.

    Raises:
        PolicyError: there is none of that name.
    """
    own = store.policy() if name == OWN_PACK else None
    if name == OWN_PACK and own is None:
        raise PolicyError(
            "Expected limits of this workspace's own, got none.", remedy="Choose another pack."
        )
    return own or load_policy(name)
