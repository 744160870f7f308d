"""Guesses from names and values, each with its reason in words: roles, target, task, classes."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from analyzers.core.subject import Kind, Task
from analyzers.loaders.levels import truth_of

# Attributes that laws on discrimination name, and what columns of them are called.
_SENSITIVE: dict[str, str] = {
    "sex": "sex gender geschlecht sexe genre sexo genero sesso genere kon kjonn płeć plec пол "
           "female male women men woman man 性别 性別 성별",
    "age": "age alter lebensalter edad eta idade leeftijd ålder возраст dob birthdate birthday "
           "birthyear yob geburtsdatum geburtsjahr jahrgang agegroup agecat 年龄 年齡 年齢 나이",
    "race or ethnic origin": "race ethnicity ethnic ethnie ethnisch herkunft rasse raza etnia cor "
                             "hispanic black white asian caste tribe migrationshintergrund 种族 "
                             "民族 人种 人種",
    "nationality": "nationality nationalität nationalitaet nacionalidad nationalité citizenship "
                   "citizen staatsangehörigkeit staatsangehoerigkeit native country birthplace "
                   "foreign foreigner foreignworker ausländer auslaender immigrant 国籍 國籍 국적",
    "religion": "religion religious konfession glaube religión faith church muslim christian "
                "jewish hindu 宗教 종교",
    "disability": "disability disabled handicap behinderung schwerbehindert discapacidad invalidity"
                  " 残疾 殘疾 障害 장애",
    "marital or family status": "marital maritalstatus familienstand civilstatus married pregnancy "
                                "pregnant schwanger estadocivil relationship 婚姻 결혼",
    "sexual orientation": "orientation sexualorientation lgbt",
    "political or union membership": "union gewerkschaft politics politicalparty partei",
    "language": "mothertongue muttersprache nativelanguage",
}  # fmt: skip
# Words that, although listed, mean something else without another word beside them.
_ONLY_WITH = {"native": {"country", "language"}, "country": {"native", "birth", "origin"},
              "orientation": {"sexual"}, "white": {"is", "race"}, "black": {"is", "race"},
              "union": {"member", "membership"}, "relationship": {"status", "family"},
              "cor": {"raca"}, "man": {"is"}, "men": {"is"}, "eta": set[str]()}  # fmt: skip
_UNCHANGING = ("sex", "age", "race or ethnic origin", "nationality", "disability")
_TARGETS = [
    "target",
    "label",
    "class",
    "y",
    "outcome",
    "result",
    "response",
    "ziel",
    "zielvariable",
    "klasse",
    "default",
    "churn",
    "fraud",
    "diagnosis",
    "risk",
    "approved",
    "granted",
    "survived",
    "income",
    "price",
    "cnt",
    "count",
    "sales",
    "bikers",
    "rating",
    "sentiment",
    "status",
    "objetivo",
    "cible",
    "标签",
    "目标",
    "结果",
]
_SCORES = [
    "score",
    "scores",
    "probability",
    "prob",
    "proba",
    "prediction",
    "predictions",
    "predicted",
    "predict",
    "pred",
    "yhat",
    "ypred",
    "yscore",
    "yprob",
    "forecast",
    "vorhersage",
    "prognose",
    "wahrscheinlichkeit",
    "预测",
    "概率",
]
_IDS = [
    "id",
    "uuid",
    "guid",
    "key",
    "index",
    "rowid",
    "unnamed",
    "kennung",
    "nummer",
    "identifier",
    "pk",
    "编号",
    "序号",
]
_TIMES = [
    "date",
    "time",
    "datetime",
    "timestamp",
    "datum",
    "zeit",
    "zeitpunkt",
    "fecha",
    "日期",
    "时间",
]
_FEW_CLASSES = 20


class Guess(NamedTuple):
    """What was guessed and why; an empty value means there was nothing to go by."""

    value: str
    reason: str


def words_of(name: str) -> list[str]:
    """Split a column name into lower-case words without accents: "ForeignWorker_2" has three."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    folded = unicodedata.normalize("NFKC", parted).casefold()
    return [word for word in re.split(r"[^\w]+|_+", folded) if word]


def _has_word(words: Sequence[str], listed: str) -> str:
    joined = "".join(words)
    for candidate in listed.split():
        # Scripts without spaces between words are searched as they stand.
        is_latin = ord(candidate[0]) < 0x2E80
        if is_latin:
            if candidate in words or (len(candidate) > 5 and candidate == joined):
                needs = _ONLY_WITH.get(candidate)
                if needs is None or needs & set(words):
                    return candidate
        elif candidate in joined:
            return candidate
    return ""


def guess_sensitive(name: str) -> Guess:
    """Say which protected attribute a column's name speaks of, if any."""
    words = words_of(name)
    for attribute, listed in _SENSITIVE.items():
        found = _has_word(words, listed)
        if found:
            return Guess(attribute, f"Its name says {found!r}, so it seems to hold {attribute}.")
    return Guess("", "")


def guess_immutable(name: str) -> Guess:
    """Say whether a column holds what a person cannot change."""
    attribute = guess_sensitive(name).value
    if attribute in _UNCHANGING:
        return Guess(attribute, f"A person cannot change their {attribute}.")
    return Guess("", "")


def guess_id(name: str, values: pd.Series, kind: Kind) -> Guess:
    """Say whether a column only numbers or names the rows."""
    words = words_of(name)
    is_unique = values.is_unique and len(values) > 1
    says_so = bool(set(words) & set(_IDS)) or any(word in name for word in ("编号", "序号"))
    if says_so and (is_unique or words[-1:] == ["id"]):
        return Guess("id", "Its name says it numbers the rows.")
    if name.startswith("column_1") and name == "column_1" and is_unique and kind == "integer":
        steps = np.diff(values.to_numpy())
        if len(steps) and (steps == 1).all():
            return Guess("id", "It counts the rows one by one.")
    if is_unique and kind == "text" and len(values) > 20:
        spaces = values.dropna().astype("str").str.contains(" ").mean()
        if spaces < 0.2:
            return Guess("id", "Every value is different and none is a sentence.")
    return Guess("", "")


def guess_time(name: str, kind: Kind) -> Guess:
    """Say whether a column holds a point in time."""
    if kind == "time":
        return Guess("time", "Its values are dates.")
    if set(words_of(name)) & set(_TIMES) and kind == "text":
        return Guess("time", "Its name says it is a date, though its values were not understood.")
    return Guess("", "")


def guess_scores(names: Sequence[str], kinds: Mapping[str, Kind]) -> list[str]:
    """Find the columns that hold a model's answers, where no model was given."""
    return [
        name
        for name in names
        if set(words_of(name)) & set(_SCORES)
        and kinds[name] in ("number", "integer", "category", "boolean")
    ]


def guess_target(
    candidates: Sequence[str],
    kinds: Mapping[str, Kind],
    *,
    n_levels: Mapping[str, int],
    is_classifier: bool | None,
) -> Guess:
    """Choose the column that holds the true outcome.

    Args:
        candidates: columns that are neither features, ids nor scores, in file order.
        kinds: of every column.
        n_levels: different values of every column.
        is_classifier: what the model says of itself.
    """
    usable = [name for name in candidates if kinds[name] not in ("image", "time")]
    if is_classifier:
        usable = [name for name in usable if kinds[name] != "number" or n_levels[name] <= 20]
        usable = [name for name in usable if 1 <= n_levels[name] <= 1000]
    if is_classifier is False:
        usable = [name for name in usable if kinds[name] in ("number", "integer")]
    named = [name for name in usable if _target_rank(name) is not None]
    if named:
        best = min(named, key=lambda name: (_target_rank(name), -candidates.index(name)))
        return Guess(best, "Its name is a usual one for the outcome.")
    plain = [name for name in usable if not guess_sensitive(name).value]
    if len(plain) == 1 or (plain and len(plain) == len(usable)):
        best = plain[-1]
        reason = (
            "It is the only column left that can be the outcome."
            if len(plain) == 1
            else "It is the last column, where the outcome usually stands."
        )
        return Guess(best, reason)
    if plain:
        return Guess(plain[-1], "It is the last column that is not about who a person is.")
    return Guess("", "")


def _target_rank(name: str) -> int | None:
    words = words_of(name)
    ranks = [_TARGETS.index(word) for word in words if word in _TARGETS]
    # "status" or "class" within a longer name says less than the word alone.
    return None if not ranks else min(ranks) + (0 if len(words) == 1 else 100)


def guess_task(values: pd.Series, kind: Kind, *, is_classifier: bool | None) -> tuple[Task, str]:
    """Tell classification from regression by the model, or else by the values."""
    n_levels = int(values.nunique())
    if is_classifier is False:
        return "regression", "The model gives numbers."
    if is_classifier is None and (
        kind == "number" or (kind == "integer" and n_levels > _FEW_CLASSES)
    ):
        whole = values.dropna()
        is_codes = n_levels <= _FEW_CLASSES and bool((whole == whole.round()).all())
        if not is_codes:
            return "regression", f"The target is a number with {n_levels:,} different values."
    task: Task = "binary" if n_levels <= 2 else "multiclass"
    return task, f"The target has {n_levels:,} different values."


def guess_positive(classes: Sequence[str]) -> Guess:
    """Choose which of two classes counts as the outcome of interest."""
    if len(classes) != 2:
        return Guess("", "")
    truths = [truth_of(name) for name in classes]
    if truths.count(True) == 1:
        return Guess(classes[truths.index(True)], "Its name means yes.")
    return Guess(classes[1], "It is the second class, as models order them; change it if the other "
                             "one is what matters.")  # fmt: skip
