"""Who would attack, what may change and by how much: said before any attack is run.

Question: what would a run with these settings assume, and which rules does the data show?
Method: the functions that a run itself uses state the threat model, and for tables read ranges,
units, categories and relations between columns from the data.
Limits: what a white-box attack can use of the model is known only once it was opened in the run.
"""

from analyzers.adversarial import images, tabular, text
from analyzers.adversarial.params import AdversarialParams
from analyzers.adversarial.tables import TABLES
from analyzers.core.analyzer import Analyzer, Needs, no_charts, no_findings
from analyzers.core.result import Measurements
from analyzers.core.workbench import Workbench

_BY_MODALITY = {"tabular": tabular.foresee, "image": images.foresee, "text": text.foresee}
# What these settings change is no part of the threat model.
_HAS_NO_PART = (
    "rows", "effort", "steps", "restarts", "nearest", "corruptions", "certify", "certify_noise",
    "certify_level", "compare_recipes", "behaviour", "examples",
)  # fmt: skip


def measure(bench: Workbench, params: AdversarialParams) -> Measurements:
    """State the threat model and the rules."""
    return Measurements(tables=_BY_MODALITY[bench.subject.modality](bench, params))


def assumptions_of(params: AdversarialParams) -> AdversarialParams:
    """Keep the settings that the threat model depends on, so that the others ask nothing anew."""
    plain = AdversarialParams()
    return params.model_copy(update={name: getattr(plain, name) for name in _HAS_NO_PART})


FORESIGHT = Analyzer(
    name="adversarial_foresight",
    version=1,
    title="Threat model",
    question="Who would attack, and what may change?",
    about=__doc__ or "",
    params=AdversarialParams,
    needs=Needs(model="required"),
    tables={
        name: TABLES[name] for name in ("threat_model", "columns", "fixed_columns", "relations")
    },
    measure=measure,
    judge=no_findings,
    draw=no_charts,
)
