"""Packs of limits: each with its value, source, status, where it holds and since when."""

import tomllib
from importlib import resources
from pathlib import Path

import tomli_w
from pydantic import ValidationError
from pydantic_core import to_json

from analyzers.core.errors import PolicyError
from analyzers.core.policy import Policy

LARGEST_PACK = 1_000_000
_PACKS = resources.files(__name__)
_TABLE = "threshold"


def policy_names() -> tuple[str, ...]:
    """List the packs that come with the program, the default first."""
    names = sorted(item.name[:-5] for item in _PACKS.iterdir() if item.name.endswith(".toml"))
    return tuple(sorted(names, key=lambda name: name != "conventions"))


def load_policy(name_or_path: str | Path) -> Policy:
    """Read a pack by its name, or from a TOML file of your own.

    Args:
        name_or_path: one of `policy_names()`, or the path of a file ending in ".toml".

    Returns:
        The validated pack; its digest identifies it in every report.

    Raises:
        PolicyError: there is no such pack, or it breaks the format: what was found, what to do.
    """
    return policy_from_toml(_read(name_or_path))


def policy_from_toml(text: str) -> Policy:
    """Read a pack from the text of a TOML file.

    Raises:
        PolicyError: it breaks the format: what was found, what to do.
    """
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise PolicyError(
            f"Expected a policy in TOML, got text that breaks at: {error}.",
            remedy="Correct the file at that place.",
        ) from error
    values["thresholds"] = values.pop(_TABLE, [])
    try:
        # Through JSON, because strict types take a list for a tuple only from there.
        policy = Policy.model_validate_json(to_json(values))
    except ValidationError as error:
        first = error.errors()[0]
        where = " ".join(str(part) for part in first["loc"]) or "the whole file"
        raise PolicyError(
            f"Expected a valid policy, got {first['input']!r} at {where}: {first['msg']}.",
            remedy="Compare with the pack 'conventions' and correct that entry.",
        ) from error
    return check_policy(policy)


def policy_to_toml(policy: Policy) -> str:
    """Write a pack as the TOML file that `load_policy` reads."""
    values = policy.model_dump(mode="json", exclude={"thresholds"})
    limits = [
        limit.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        for limit in policy.thresholds
    ]
    return tomli_w.dumps(values | ({_TABLE: limits} if limits else {}))


def _read(name_or_path: str | Path) -> str:
    name = str(name_or_path)
    if name in policy_names():
        return _PACKS.joinpath(f"{name}.toml").read_text(encoding="utf-8")
    path = Path(name_or_path)
    if path.suffix != ".toml" or not path.is_file():
        raise PolicyError(
            f"Expected the name of a policy or the path of a .toml file, got {name!r}.",
            remedy=f"Choose one of: {', '.join(policy_names())}.",
        )
    if path.stat().st_size > LARGEST_PACK:
        raise PolicyError(
            f"Expected a policy of at most {LARGEST_PACK:,} bytes, got {path.stat().st_size:,}.",
            remedy="Choose the file that holds the limits only.",
        )
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(
            f"Expected a policy in UTF-8, got a file that cannot be read: {error}.",
            remedy="Save the file as UTF-8 text.",
        ) from error


def check_policy(policy: Policy) -> Policy:
    """Return a pack as it is, once its limits make sense together.

    Raises:
        PolicyError: an indicator has two limits, warns after it fails, or names no source.
    """
    seen: set[str] = set()
    for threshold in policy.thresholds:
        name = threshold.indicator
        if name in seen:
            raise PolicyError(
                f"Expected one limit for each indicator, got two for {name!r}.",
                remedy="Remove one of them.",
            )
        seen.add(name)
        if threshold.warn is not None and threshold.fail is not None:
            sign = 1 if threshold.direction == "at_least" else -1
            if sign * threshold.fail > sign * threshold.warn:
                raise PolicyError(
                    f"Expected the warning limit of {name!r} to be reached before the failing one, "
                    f"got warn {threshold.warn} and fail {threshold.fail}, {threshold.direction}.",
                    remedy="Exchange the two values.",
                )
        has_limit = threshold.warn is not None or threshold.fail is not None
        if has_limit and not (threshold.source and threshold.as_of):
            raise PolicyError(
                f"Expected every limit to name its source and date, got none for {name!r}.",
                remedy='Fill in source and as_of; write status = "organisation" for your own.',
            )
    return policy
