"""Page one: for someone with one minute."""

from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest

from analyzers.core.finding import Finding, Rating, Verdict
from analyzers.core.policy import Policy
from analyzers.core.subject import Subject, Task
from analyzers.report.sections import Section, areas_with, overall, severest_first
from analyzers.report.tables import simple_table
from analyzers.report.words import VERDICTS, badge, plural
from analyzers.toolkit.markup import Html, element

MOST_FINDINGS = 5
MOST_REASONS = 2

# The register of risks this program is about, with the analyzer that measures each. Those whose
# analyzer is not in the catalog are named in every report: silence would read as a clean bill.
REGISTER: dict[str, str] = {
    "performance": "Performance and calibration",
    "explanation": "Explanation",
    "fairness": "Fairness",
    "adversarial": "Adversarial attacks",
    "privacy": "Privacy",
    "poisoning": "Poisoned training data",
    "data_quality": "Quality of the data",
    "drift": "Drift after deployment",
    "supply_chain": "Security of the model file and its supply chain",
}


_KIND: dict[Task, str] = {
    "binary": "a yes-or-no prediction",
    "multiclass": "a prediction of classes",
    "regression": "a prediction of numbers",
}


def verdict_page(subject: Subject, policy: Policy, sections: Sequence[Section]) -> Html:
    """Say the verdict, what drives it, and what was not tested."""
    return element(
        "section",
        verdict(subject, policy, sections),
        gaps(sections),
        element("h3", "How to read a verdict"),
        legend(),
        aria_labelledby="verdict",
        class_="page-one",
    )


def verdict(
    subject: Subject, policy: Policy, sections: Sequence[Section], *, has_areas: bool = True
) -> list[Html]:
    """Say the verdict and what drives it.

    Args:
        subject: what was examined.
        policy: the limits.
        sections: of the report.
        has_areas: whether a page for each area follows, to refer to.
    """
    rating = overall(sections)
    return [
        element("h2", "Verdict", id="verdict"),
        element("p", what_was_examined(subject)),
        element(
            "div",
            element("p", badge(rating.verdict), class_="overall"),
            element("p", meaning(rating, sections), class_="lead"),
            element("p", coverage(rating, sections), " ", _against(policy)),
            class_=f"verdict {rating.verdict.value}",
        ),
        verdict_table(sections, is_linked=has_areas),
        element("h3", "The most serious findings"),
        _worst(sections, rest="under their areas" if has_areas else "in the report"),
    ]


def what_was_examined(subject: Subject) -> str:
    """Say in a sentence what the verdict is about."""
    model = subject.model_kind or ("a model" if subject.files.model is not None else "predictions")
    outcome = f" of {subject.target}" if subject.target is not None else ""
    training = (
        "with its training data at hand"
        if subject.files.training_data is not None
        else "without its training data"
    )
    return (
        f"Examined: {model}, {_KIND[subject.task]}{outcome}, on "
        f"{plural(subject.n_rows, 'row')} of {subject.files.data.name}, {training}."
    )


def meaning(rating: Rating, sections: Sequence[Section]) -> str:
    """Say in plain words what the overall verdict asks of the reader."""
    areas = _and(areas_with(sections, rating.verdict))
    match rating.verdict:
        case Verdict.FAIL:
            return (
                f"Do not rely on this model as it is. {areas} broke at least one limit. Deal with "
                "the findings below, or have someone with the authority accept them in writing."
            )
        case Verdict.WARN:
            return (
                "Rely on this model only under conditions. No limit is clearly broken, but "
                f"{areas} came beyond a warning limit, or the data are too few to rule it out."
            )
        case Verdict.PASS:
            return (
                "Every limit that could be tested holds on these data. This covers only what was "
                "tested; see what was not, below."
            )
        case Verdict.INCONCLUSIVE:
            return (
                "There is no verdict. Numbers were measured, but the policy sets no limit for "
                "them, or they rest on too few rows."
            )
        case _:
            return "Nothing was tested. The reasons are below."


def coverage(rating: Rating, sections: Sequence[Section]) -> str:
    """Count what was held against a limit."""
    n_areas = sum(section.rating.n_tested > 0 for section in sections)
    share = f" ({rating.n_tested / rating.n_applicable:.0%})" if rating.n_applicable else ""
    return (
        f"{rating.n_tested} of {plural(rating.n_applicable, 'indicator')}{share} could be held "
        f"against a limit, in {n_areas} of {plural(len(sections), 'area')}."
    )


def verdict_table(sections: Sequence[Section], *, is_linked: bool = True) -> Html:
    """One line for each area: verdict, coverage, and what stands out."""
    return simple_table(
        ["Area", "Verdict", "Tested", "What stands out"],
        (_area_row(section, is_linked=is_linked) for section in sections),
        caption="Verdict by area. Tested: indicators held against a limit, of those that apply.",
        class_="areas",
    )


def _area_row(section: Section, *, is_linked: bool) -> list[object]:
    rating = section.rating
    name: Html | str = section.analyzer.title
    if is_linked:
        name = element("a", section.analyzer.title, href=f"#{section.analyzer.name}")
    if section.result is None:
        return [name, badge(Verdict.NOT_TESTED), "0", section.obstacle]
    worst = section.findings[0].headline if section.findings else "Nothing to judge was measured."
    tested = f"{rating.n_tested} of {rating.n_applicable}"
    return [name, badge(rating.verdict), tested, worst]


def _worst(sections: Sequence[Section], *, rest: str) -> Html:
    serious = most_serious(sections)
    if not serious:
        return element("p", "No finding broke a limit or came close to one.")
    more = len(serious) - MOST_FINDINGS
    titles = {section.analyzer.name: section.analyzer.title for section in sections}
    return element(
        "div",
        element(
            "ol", (_short(finding, titles) for finding in serious[:MOST_FINDINGS]), class_="worst"
        ),
        element("p", f"{more:,} more {rest}.") if more > 0 else None,
    )


def most_serious(sections: Sequence[Section]) -> tuple[Finding, ...]:
    """Order what failed, then what warned; areas take turns, so that none fills the list."""
    by_area = [
        [finding for finding in section.findings if finding.verdict in (Verdict.FAIL, Verdict.WARN)]
        for section in sections
    ]
    turns = zip_longest(
        *(
            [finding for finding in findings if finding.verdict == verdict]
            for verdict in (Verdict.FAIL, Verdict.WARN)
            for findings in by_area
        )
    )
    return severest_first([finding for turn in turns for finding in turn if finding is not None])


def _short(finding: Finding, titles: dict[str, str]) -> Html:
    return element(
        "li",
        badge(finding.verdict),
        " ",
        element("strong", finding.headline),
        element("br"),
        element(
            "span", f"{titles.get(finding.area, finding.area)}. {finding.remedy}", class_="aside"
        ),
    )


def gaps(sections: Sequence[Section], *, most_reasons: int = MOST_REASONS) -> list[Html]:
    """Say what was not tested, and why.

    Args:
        sections: of the report.
        most_reasons: how many reasons an area may give in words.
    """
    items = [item for section in sections if (item := _gap(section, most_reasons)) is not None]
    measured = {section.analyzer.name for section in sections}
    beyond = [title for name, title in REGISTER.items() if name not in measured]
    if beyond:
        items.append(element("li", element("strong", "Outside this version: "), f"{_and(beyond)}."))
    return [
        element("h3", "What was not tested, and why"),
        element("ul", items) if items else element("p", "Every indicator was tested."),
    ]


def _gap(section: Section, most_reasons: int) -> Html | None:
    title = element("strong", f"{section.analyzer.title}: ")
    if section.result is None:
        return element("li", title, f"nothing was measured. {section.obstacle}")
    reasons = Counter(
        finding.reason.strip() or "No reason was given."
        for finding in section.findings
        if finding.verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_TESTED)
    )
    if not reasons:
        return None
    ranked = reasons.most_common()
    lines = [f"{plural(count, 'indicator')}: {reason}" for reason, count in ranked[:most_reasons]]
    rest = sum(count for _, count in ranked[most_reasons:])
    if rest:
        lines.append(f"{plural(rest, 'indicator')} for other reasons, listed under the area.")
    n_of = f"{sum(reasons.values())} of {plural(len(section.findings), 'indicator')}. "
    if most_reasons == 1:
        return element("li", title, n_of, f"Most often: {ranked[0][0]}")
    return element("li", title, n_of, element("ul", (element("li", line) for line in lines)))


def legend() -> Html:
    """Say what each verdict means."""
    return element(
        "ul",
        (
            element("li", badge(verdict), f" {words.meaning}.")
            for verdict, words in VERDICTS.items()
        ),
        class_="legend",
    )


def _against(policy: Policy) -> str:
    return (
        f"Limits: {policy.title}, version {policy.version}, as of {policy.as_of}. Limits are "
        "conventions with a source and a date, listed under Settings; they are not legal advice."
    )


def _and(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
