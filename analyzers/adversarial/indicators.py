"""What is judged about attacks, in words: indicators by what was attacked and how."""

from typing import NamedTuple

from analyzers.core.result import Measurements


class Indicator(NamedTuple):
    """What is judged and how it reads; `{value}`, `{budget}` and facts are filled in.

    Attributes:
        concerns: who or what it is about.
        counted: what n counts, where these are not rows.
    """

    name: str
    sentence: str
    remedy: str
    reference: str
    concerns: str = "attacked rows"
    counted: str = ""


_HARDEN = (
    "Check inputs for plausibility before they reach the model, limit how often one source may "
    "ask, and train on changed rows (adversarial training)."
)
_TABLE = (
    Indicator(
        "robust_accuracy",
        "{before} of the answers are right; after ten random changes of at most {budget} {noise} "
        "still are, and after the attack within the same bounds {value}",
        _HARDEN,
        "Chen, Jordan and Wainwright 2020; Simonetto et al. 2024 on constraints in tables",
    ),
    Indicator(
        "attack_success_rate",
        "Changes of at most {budget} flip {value} of the answers that were right",
        _HARDEN,
        "Chen, Jordan and Wainwright 2020; NIST AI 100-2 E2025, evasion",
        "rows answered correctly before the attack",
    ),
    Indicator(
        "gap_to_noise",
        "{value} of the right answers fall to the attack and withstand ten random changes of the "
        "same size",
        "A large gap means that someone who wants to can do what chance does not: watch for "
        "targeted changes and not for bad data only.",
        "Fawzi, Moosavi-Dezfooli and Frossard 2016",
        "rows answered correctly before the attack",
    ),
    Indicator(
        "median_size",
        "Half of the answers that were right fall to a change of no more than {value} {unit}",
        _HARDEN,
        "Moosavi-Dezfooli, Fawzi and Frossard 2016 (median robustness)",
        "rows answered correctly before the attack",
    ),
)
_WANTED = (
    Indicator(
        "robust_accuracy",
        "{before} of the answers are right; after changes of at most {budget}, {value} are right "
        "or at least not {wanted!r}, which was wanted",
        _HARDEN,
        "Carlini and Wagner 2017 (targeted attacks); NIST AI 100-2 E2025",
    ),
    _TABLE[1]._replace(
        sentence="Changes of at most {budget} turn {value} of the answers that were right into "
        "{wanted!r}"
    ),
    *_TABLE[2:],
)
_PLAUSIBLE = Indicator(
    "plausible_share",
    "{value} of the changed rows look no stranger than 95 % of the data",
    "Where few do, a check for unusual rows would stop this attack; where most do, it would not.",
    "Simonetto et al. 2024; Kireev, Kulynych and Troncoso 2023",
    "flips within the budget, of rows that were not odd themselves",
)
_PROOF = (
    Indicator(
        "proved_robust",
        "For {value} of the rows it is proved that the answer is right and that no change of at "
        "most {budget} within the rules flips it",
        "A proof holds for the stated rules only. Where many rows are neither proved nor flipped, "
        "raise the effort; where many are flipped, train shallower or fewer trees, or train them "
        "for robustness.",
        "Kantchelian, Tygar and Joseph 2016; Chen et al. 2019; Devos, Meert and Davis 2021",
    ),
    Indicator(
        "undecided",
        "For {value} of the rows it is open whether a change of at most {budget} flips them: none "
        "was found, and none ruled out",
        "Raise the effort of a proof, or look at fewer rows.",
        "Kantchelian, Tygar and Joseph 2016 (the question is hard in the worst case)",
    ),
    Indicator(
        "search_within_5_percent",
        "For {value} of the rows whose smallest change is proved, the search that asks for scores "
        "alone came within 5 % of it",
        "Where this is low, an attacker who knows the trees needs far less than one who asks "
        "questions; numbers from searches alone flatter the model.",
        "Devos, Meert and Davis 2021",
        "rows whose smallest change is proved",
    ),
)
_PROOF_WANTED = (
    _PROOF[0]._replace(
        sentence="For {value} of the rows it is proved that the answer is right and that no change "
        "of at most {budget} within the rules turns it into {wanted!r}"
    ),
    _PROOF[1]._replace(
        sentence="For {value} of the rows it is open whether a change of at most {budget} turns "
        "the answer into {wanted!r}: none was found, and none ruled out"
    ),
    _PROOF[2],
)
_TEXT = (
    Indicator(
        "robust_accuracy",
        "{before} of the answers are right; after the attack ({attack}), {value} still are",
        "Correct spelling and normalise letters before the text reaches the model; train on "
        "misspelt text.",
        "Morris et al. 2020; Gao et al. 2018",
    ),
    Indicator(
        "attack_success_rate",
        "The attack ({attack}) flips {value} of the answers that were right",
        "Correct spelling and normalise letters before the text reaches the model; train on "
        "misspelt text.",
        "Morris et al. 2020; Gao et al. 2018",
        "texts answered correctly before the attack",
    ),
    Indicator(
        "gap_to_noise",
        "{value} of the right answers fall to the attack and withstand ten random sets of as many "
        "changes of the same kind, made without asking the model",
        "A large gap means that chosen changes do what random ones of the same kind do not: look "
        "at the words below.",
        "Pruthi, Dhingra and Lipton 2019",
        "texts answered correctly before the attack",
    ),
    Indicator(
        "words_changed_share",
        "A flip needs {value} of a text's words on average",
        "The fewer words it takes, the less a reader notices; see the examples.",
        "Morris et al. 2020",
        "texts that were flipped",
    ),
    Indicator(
        "similarity",
        "Flipped texts agree with the original in {value} of their characters on average",
        "High agreement means a reader may not notice; see the examples.",
        "Levenshtein 1966",
        "texts that were flipped",
    ),
)
_TEXT_WANTED = (
    _TEXT[0]._replace(
        sentence="{before} of the answers are right; after the attack ({attack}), {value} are "
        "right or at least not {wanted!r}, which was wanted"
    ),
    _TEXT[1]._replace(
        sentence="The attack ({attack}) turns {value} of the answers that were right into "
        "{wanted!r}"
    ),
    *_TEXT[2:],
)
_RECIPES = Indicator(
    "all_recipes_accuracy",
    "{value} of the answers withstand all {n_recipes} recipes that were compared; the strongest "
    "alone is {strongest}",
    "An attacker may try one recipe after the other: read this number, not that of a single one.",
    "Morris et al. 2020; Carlini et al. 2019 (the worst over attacks)",
)
_BEHAVIOUR = (
    Indicator(
        "writer_identity_change_share",
        "Another identity of the writer changes the answer to {value} of the texts; another day "
        "changes {neutral}",
        "Where identity changes more answers than the day does, look at the training texts that "
        "hold such words, and add counterfactual pairs.",
        "Garg et al. 2019 (counterfactual token fairness)",
        "your texts with a sentence before them",
    ),
    Indicator(
        "writer_name_change_share",
        "Another name of the writer changes the answer to {value} of the texts; another day "
        "changes {neutral}",
        "Where names change more answers than the day does, mask names before training.",
        "Ribeiro et al. 2020 (CheckList); Bertrand and Mullainathan 2004",
        "your texts with a sentence before them",
    ),
    Indicator(
        "gender_change_share",
        "Words of the other gender change the answer to {value} of the texts that hold one",
        "Add each training text once more with its genders swapped.",
        "Garg et al. 2019; Ribeiro et al. 2020",
        "your texts that hold a gendered word",
    ),
    Indicator(
        "negation_change_share",
        "Negating a text changes the answer to {value} of the texts that could be negated; here "
        "few is bad, since a model that reads negation often changes its answer",
        "Where few change, the model hardly reads negation; add negated training texts.",
        "Ribeiro et al. 2020 (CheckList)",
        "your texts that could be negated",
    ),
)
_REDUCTION = (
    Indicator(
        "words_left_share",
        "The model keeps its answer with {value} of the words on average",
        "Where a few words without sense keep the answer, the model does not read the text as a "
        "person would; add training texts that need more than single words.",
        "Feng et al. 2018",
        "texts answered correctly",
    ),
)
_REGRESSION = (
    Indicator(
        "moved_beyond_error",
        "Ten random changes of at most {budget} move {noise} of the predictions by more than the "
        "model's usual error of {usual} {outcome}; the attack within the same bounds moves {value}",
        _HARDEN,
        "Nguyen and Raff 2019 (adversarial attacks on regression); NIST AI 100-2 E2025, evasion",
    ),
    Indicator(
        "median_change",
        "Half of the predictions can be moved by at least {value} {outcome}",
        _HARDEN,
        "Nguyen and Raff 2019",
    ),
    Indicator(
        "gap_to_noise",
        "{value} of the predictions move beyond the usual error under attack and not under ten "
        "random changes of the same size",
        "A large gap means that someone who wants to can do what chance does not.",
        "Fawzi, Moosavi-Dezfooli and Frossard 2016",
    ),
)
_REACH = (
    Indicator(
        "median_ceiling",
        "It is proved that no change of at most {budget} within the rules moves more than half "
        "of the predictions by more than {value} {outcome}",
        _HARDEN,
        "Kantchelian, Tygar and Joseph 2016; Devos, Meert and Davis 2021",
    ),
    _PROOF[2]._replace(
        sentence="For {value} of the rows whose largest movement is proved, the search that asks "
        "for predictions alone came within 5 % of it",
        concerns="rows with a proof",
    ),
)
_CORRUPTED = Indicator(
    "corrupted_accuracy",
    "Under seventeen kinds of common damage in five severities, {value} of the answers are right "
    "on average",
    "Look for the kinds of damage your cameras and channels really cause, add them to the training "
    "pictures, and check a picture's quality before it reaches the model.",
    "Hendrycks and Dietterich 2019 (common corruptions)",
    "kinds of damage",
    "kinds of damage",
)
SAVED = Indicator(
    "survives_saving",
    "Of the pictures that fell within {budget}, {value} still do once they are saved as picture "
    "files, which hold 256 levels",
    "Where few do, an attacker who must hand in a file needs larger changes than are counted here.",
    "Kurakin, Goodfellow and Bengio 2017 (changes that leave the computer)",
    "pictures that fell within the stated size",
)
_CERTIFIED = (
    Indicator(
        "smoothed_accuracy",
        "The vote over noisy copies answers {value} of the rows rightly without abstaining",
        "Less noise reads better and proves less; train with the same noise to gain both.",
        "Cohen, Rosenfeld and Kolter 2019",
        "the model under noise, not the model alone",
    ),
    Indicator(
        "certified_accuracy",
        "No change of at most {budget} can alter the vote over noisy copies, proven for {value} of "
        "the rows, rightly answered",
        "A proof this far needs a model trained with noise; see the curve for how far it reaches.",
        "Cohen, Rosenfeld and Kolter 2019, theorem 1",
        "the model under noise, not the model alone",
    ),
    Indicator(
        "abstained",
        "The vote over noisy copies gives no answer for {value} of the rows",
        "More copies make it answer more often; where it does not, its majority is too small.",
        "Cohen, Rosenfeld and Kolter 2019",
        "the model under noise, not the model alone",
    ),
)
_PAINTED = (
    Indicator(
        "pixels_accuracy",
        "When {pixels_accuracy} may take any colour, {value} of the answers are still right",
        "Such changes are seen by people: look at the pictures that fell, and smooth single pixels "
        "away before the model reads a picture.",
        "Su, Vargas and Sakurai 2019; Croce et al. 2022 (Sparse-RS)",
    ),
    Indicator(
        "patch_accuracy",
        "When {patch_accuracy} may be painted over, {value} of the answers are still right",
        "A patch can be put up in the world: have a person look where much depends on one picture, "
        "and train with parts of pictures covered.",
        "Brown et al. 2017 (adversarial patch)",
    ),
)
CHECKS = Indicator(
    "checks_failed",
    "{value} of the checks on the attack itself failed",
    "Where a check fails, do not read the other numbers as robustness: gradients are hidden or "
    "random. Raise steps and starts, and trust the lower result.",
    "Athalye, Carlini and Wagner 2018; Carlini et al. 2019; Croce and Hein 2020",
    "the attack, not the model",
)
# Of indicators whose own name is not plain.
TITLES = {
    "robust_accuracy": "Still right after the attack",
    "attack_success_rate": "Right answers that fall",
    "gap_to_noise": "What intent adds to chance",
    "median_size": "How small a change is enough",
    "plausible_share": "Changed rows look like the data",
    "proved_robust": "Proved to withstand",
    "undecided": "Neither flipped nor proved",
    "search_within_5_percent": "How near questions come to the proof",
    "words_changed_share": "Words a flip needs",
    "similarity": "How alike the characters are",
    "words_left_share": "Words that keep the answer",
    "moved_beyond_error": "Predictions moved beyond the usual error",
    "median_change": "How far a prediction is moved",
    "median_ceiling": "How far no change can move it",
    "survives_saving": "Fallen pictures that survive saving",
    "pixels_accuracy": "Right when a few pixels may change",
    "patch_accuracy": "Right under a visible patch",
    "all_recipes_accuracy": "Right under every recipe compared",
    "corrupted_accuracy": "Right under common damage",
    "smoothed_accuracy": "Right by a vote over noisy copies",
    "certified_accuracy": "Right, and proved so",
    "abstained": "No answer from the vote",
    "checks_failed": "Checks on the attack itself",
    "writer_identity_change_share": "Another identity of the writer",
    "writer_name_change_share": "Another name of the writer",
    "gender_change_share": "Words of the other gender",
    "negation_change_share": "Negation",
}
# What a longer attack could not change.
PROOFS = (*_PROOF, *_PROOF_WANTED, *_REACH)
WITHOUT_ATTACK = (_PLAUSIBLE, *PROOFS, *_BEHAVIOUR, _CORRUPTED, *_CERTIFIED, CHECKS)


def indicators_for(measurements: Measurements) -> tuple[Indicator, ...]:
    """Return those that mean something for what was attacked and switched on."""
    modality = measurements.facts.get("modality", "tabular")
    is_targeted = bool(measurements.facts.get("wanted"))
    if modality == "text":
        attacked: tuple[Indicator, ...] = _TEXT_WANTED if is_targeted else _TEXT
        if "words_left_share" in measurements.estimates:
            attacked = _REDUCTION
        return (*attacked, *_measured(measurements, _RECIPES, *_BEHAVIOUR))
    if modality == "image":
        extras = (*_PAINTED, _CORRUPTED, *_CERTIFIED, CHECKS)
        return (*(_WANTED if is_targeted else _TABLE), *_measured(measurements, *extras))
    if measurements.facts.get("task") == "regression":
        return (*_REGRESSION, *_measured(measurements, *_REACH))
    table = _WANTED if is_targeted else _TABLE
    proofs = _PROOF_WANTED if is_targeted else _PROOF
    return (*table, *_measured(measurements, *proofs), _PLAUSIBLE)


def _measured(measurements: Measurements, *indicators: Indicator) -> tuple[Indicator, ...]:
    """Those whose part was switched on."""
    return tuple(item for item in indicators if item.name in measurements.estimates)
