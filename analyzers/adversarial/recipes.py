"""TextAttack's recipes by name, each built from what is there without a network.

References:
    Morris et al. 2020 (TextAttack); Gao et al. 2018 (DeepWordBug); Pruthi, Dhingra and Lipton 2019;
    Feng et al. 2018 (input reduction); Boucher et al. 2022 (Bad Characters); Li et al. 2019
    (TextBugger); Ren et al. 2019 (PWWS); Jin et al. 2020 (TextFooler); Yoo and Qi 2021 (A2T); Wang,
    Jin and He 2019 (IGA); Alzantot et al. 2018; Zang et al. 2020 (particle swarm); Xiao et al. 2023
    (LEAP); Tan et al. 2020 (Morpheus); Ribeiro et al. 2020 (CheckList); Ebrahimi et al. 2018
    (HotFlip); Kuleshov et al. 2018; Garg and Ramakrishnan 2020 (BAE); Li, Ma et al. 2020
    (BERT-Attack); Li, Zhang et al. 2021 (CLARE).
"""

import importlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.downloads import folder_of
from analyzers.adversarial.params import Recipe
from analyzers.adversarial.textattack_import import warm_up
from analyzers.adversarial.token_slopes import TokenSlopes
from analyzers.core.errors import UnsuitableSubject

Scores = Callable[[list[str]], NDArray[np.float64]]

MOST_TEXTS_A_CALL = 1 << 20
_RECIPES = "textattack.attack_recipes."
BERT, ROBERTA, GPT2 = "bert-base-uncased", "distilroberta-base", "gpt2"
_GREEDY = "Words are taken in the order of their importance; the paper searches by evolution. "
_VECTORS = "Near words come from our own 20,000 counter-fitted vectors, not from the paper's. "
_THESAURUS = "Synonyms come from WordNet 3.0 and are put into the word's own form. "
_SENTENCES = (
    "Sentences are compared by averaged word vectors, not by the paper's sentence encoder. "
)
_DICTIONARY = "Parts of speech come from a dictionary, not from a tagger. "


class About(NamedTuple):
    """What has to be said of a recipe.

    Attributes:
        paper: where it is from.
        differs: how it differs from the paper's, or empty.
        is_reduction: whether it keeps the answer and shortens the text.
        needs: the folder of a model that must have been downloaded, or empty.
        is_white_box: whether it follows the gradients of a network of texts.
    """

    paper: str
    differs: str = ""
    is_reduction: bool = False
    needs: str = ""
    is_white_box: bool = False


ABOUT: dict[Recipe, About] = {
    "DeepWordBug (typing errors)": About("Gao et al. 2018"),
    "Pruthi (one typing error)": About("Pruthi, Dhingra and Lipton 2019"),
    "Look-alike letters": About("Boucher et al. 2022", _GREEDY.strip()),
    "Invisible characters": About("Boucher et al. 2022", _GREEDY.strip()),
    "Reordered letters": About("Boucher et al. 2022", _GREEDY.strip()),
    "Deleted letters": About(
        "Boucher et al. 2022",
        _GREEDY + "Three characters are tried at each place, not the paper's 94.",
    ),
    "TextBugger (typing errors and near words)": About(
        "Li et al. 2019", _VECTORS + _SENTENCES + "Look-alike letters are our own list."
    ),
    "TextFooler (near words)": About("Jin et al. 2020", _VECTORS + _DICTIONARY + _SENTENCES),
    "A2T (few near words)": About(
        "Yoo and Qi 2021",
        _VECTORS + _DICTIONARY + _SENTENCES + "Words are ranked by leaving them out, not by "
        "gradients.",
    ),
    "PWWS (synonyms)": About("Ren et al. 2019", _THESAURUS.strip()),
    "IGA (near words, genetic search)": About("Wang, Jin and He 2019", _VECTORS.strip()),
    "Alzantot (near words, genetic search)": About(
        "Alzantot et al. 2018", _VECTORS + "The language model that rejects odd words is left out."
    ),
    "Particle swarm (synonyms)": About(
        "Zang et al. 2020", _THESAURUS + "The paper takes them from HowNet."
    ),
    "LEAP (synonyms, particle swarm)": About("Xiao et al. 2023", _THESAURUS.strip()),
    "Morpheus (inflections)": About(
        "Tan et al. 2020",
        _DICTIONARY + "The paper attacks translation; here the search is greedy on the class.",
    ),
    "CheckList (names, places, numbers, contractions)": About(
        "Ribeiro et al. 2020", "Names and places are found by list, not by a tagger."
    ),
    "HotFlip (gradients)": About(
        "Ebrahimi et al. 2018",
        _VECTORS + _DICTIONARY + "Only words that the model reads as one token are swapped.",
        is_white_box=True,
    ),
    "Input reduction (words left out)": About("Feng et al. 2018", is_reduction=True),
    "Kuleshov (near words, language model)": About(
        "Kuleshov et al. 2018",
        _VECTORS + "The thought vector of a text is their mean. The answer must change; the paper "
        "stops where its score falls below 0.7.",
        needs=GPT2,
    ),
    "BAE (words from a language model)": About(
        "Garg and Ramakrishnan 2020", _DICTIONARY + _SENTENCES, needs=BERT
    ),
    "BERT-Attack (words from a language model)": About(
        "Li, Ma et al. 2020",
        _SENTENCES + "Eight candidates a word, not the paper's 48.",
        needs=BERT,
    ),
    "CLARE (words put in, swapped and merged)": About(
        "Li, Zhang et al. 2021", _DICTIONARY + _SENTENCES, needs=ROBERTA
    ),
}


def refuse_recipe(name: Recipe, *, is_targeted: bool) -> None:
    """Refuse what can be seen not to work before anything is built.

    Args:
        name: one of the recipes.
        is_targeted: whether one answer is wanted.

    Raises:
        UnsuitableSubject: the recipe cannot aim at one answer.
        MissingDownload: the recipe needs a model that is not in the folder for downloads.
    """
    if is_targeted and ABOUT[name].is_reduction:
        raise UnsuitableSubject(
            f"The recipe {name!r} keeps the answer, so it cannot aim at another one.",
            remedy="Leave the wanted answer empty or choose another recipe.",
        )
    if ABOUT[name].needs:
        folder_of(ABOUT[name].needs)


def build_recipe(
    name: Recipe,
    scores_of: Scores,
    *,
    queries: int,
    target: int | None = None,
    slopes: TokenSlopes | None = None,
) -> Any:  # noqa: ANN401  a textattack.Attack, untyped
    """Build the attack called `name` against a function from texts to probabilities.

    Args:
        name: one of the recipes.
        scores_of: from a list of texts to `(n_texts, n_classes)` probabilities.
        queries: questions per text after which the search stops.
        target: the answer wanted; None where any wrong one will do.
        slopes: of the network under attack, for recipes that follow its gradients.

    Raises:
        UnsuitableSubject: the recipe cannot aim at one answer, or its model is damaged.
        MissingDownload: the recipe needs a model that is not in the folder for downloads.
    """
    warm_up()
    import textattack
    from textattack.goal_functions import TargetedClassification, UntargetedClassification

    class Wrapper(textattack.models.wrappers.ModelWrapper):
        """Gives TextAttack the model's probabilities, many texts a call."""

        # TextAttack asks for the class of the model behind the wrapper.
        model = None
        # A2T asks how many words the model reads.
        max_length = MOST_TEXTS_A_CALL

        def __call__(self, texts: list[str], **_: object) -> NDArray[np.float64]:
            return scores_of(list(texts))

    def goal(wrapper: object, **_: object) -> Any:  # noqa: ANN401
        if target is None:
            return UntargetedClassification(wrapper)
        return TargetedClassification(wrapper, target_class=target)

    refuse_recipe(name, is_targeted=target is not None)
    with warnings.catch_warnings():
        # TextAttack's own logging calls are of an old kind.
        warnings.simplefilter("ignore", DeprecationWarning)
        attack = _built(name, Wrapper(), goal, target, slopes)
    attack.goal_function.query_budget = queries
    attack.goal_function.batch_size = MOST_TEXTS_A_CALL
    return attack


def _built(
    name: Recipe,
    wrapper: Any,  # noqa: ANN401  TextAttack's, untyped
    goal: Callable[..., Any],
    target: int | None,
    slopes: TokenSlopes | None,
) -> Any:  # noqa: ANN401
    import textattack
    from textattack import search_methods as searches
    from textattack import transformations as swaps
    from textattack.constraints.overlap import MaxWordsPerturbed
    from textattack.constraints.pre_transformation import RepeatModification, StopwordModification
    from textattack.constraints.semantics import WordEmbeddingDistance

    from analyzers.adversarial import gradient_parts as gradients
    from analyzers.adversarial import hidden_parts as hidden
    from analyzers.adversarial import masked_parts as masked
    from analyzers.adversarial import next_word_parts as next_words
    from analyzers.adversarial import offline_parts as own

    kept = [RepeatModification(), StopwordModification()]

    def of(swap: Any, search: Any, *more: Any, aim: Any = None) -> Any:  # noqa: ANN401
        return textattack.Attack(aim or goal(wrapper), [*kept, *more], swap, search)

    def published(module: str, recipe: str, **parts: Any) -> Any:  # noqa: ANN401
        with _standing_in(_RECIPES + module, UntargetedClassification=goal, **parts):
            return getattr(importlib.import_module(_RECIPES + module), recipe).build(wrapper)

    with own.local_parts():
        match name:
            case "DeepWordBug (typing errors)":
                return published("deepwordbug_gao_2018", "DeepWordBugGao2018")
            case "Pruthi (one typing error)":
                return published("pruthi_2019", "Pruthi2019")
            case "Look-alike letters":
                return of(own.LookAlikes(), searches.GreedyWordSwapWIR())
            case "Invisible characters":
                return of(hidden.InvisibleCharacters(), searches.GreedyWordSwapWIR())
            case "Reordered letters":
                return of(hidden.ReorderedLetters(), searches.GreedyWordSwapWIR())
            case "Deleted letters":
                return of(hidden.DeletedLetters(), searches.GreedyWordSwapWIR())
            case "TextBugger (typing errors and near words)":
                return published(
                    "textbugger_li_2018", "TextBuggerLi2018",
                    UniversalSentenceEncoder=own.AverageSentence,
                    WordSwapHomoglyphSwap=own.LookAlikes,
                )  # fmt: skip
            case "TextFooler (near words)":
                return published(
                    "textfooler_jin_2019", "TextFoolerJin2019",
                    UniversalSentenceEncoder=own.AverageSentence,
                    PartOfSpeech=own.LexiconPartOfSpeech,
                )  # fmt: skip
            case "A2T (few near words)":
                return published(
                    "a2t_yoo_2021", "A2TYoo2021", SBERT=own.AverageSentence,
                    PartOfSpeech=own.LexiconPartOfSpeech, GreedyWordSwapWIR=_by_leaving_out,
                )  # fmt: skip
            case "PWWS (synonyms)":
                return published("pwws_ren_2019", "PWWSRen2019", WordSwapWordNet=own.ThesaurusSwap)
            case "IGA (near words, genetic search)":
                return published("iga_wang_2019", "IGAWang2019")
            case "Alzantot (near words, genetic search)":
                return of(
                    swaps.WordSwapEmbedding(max_candidates=8),
                    searches.AlzantotGeneticAlgorithm(
                        pop_size=60, max_iters=20, post_crossover_check=False
                    ),
                    MaxWordsPerturbed(max_percent=0.2),
                    WordEmbeddingDistance(max_mse_dist=0.5, compare_against_original=False),
                )
            case "Particle swarm (synonyms)":
                return of(
                    own.ThesaurusSwap(),
                    searches.ParticleSwarmOptimization(pop_size=60, max_iters=20),
                )
            case "LEAP (synonyms, particle swarm)":
                return published("leap_2023", "LEAP2023", WordSwapWordNet=own.ThesaurusSwap)
            case "Morpheus (inflections)":
                return of(own.Inflections(), searches.GreedySearch())
            case "CheckList (names, places, numbers, contractions)":
                return published("checklist_ribeiro_2020", "CheckList2020")
            case "HotFlip (gradients)":
                if slopes is None:
                    raise TypeError("expected the slopes of a network")
                aim, width = goal(wrapper), 10
                swap = gradients.GradientSwap(slopes, aim, target=target, most=width)
                return of(swap, searches.BeamSearch(width), MaxWordsPerturbed(2), aim=aim)
            case "Input reduction (words left out)":
                recipe = textattack.attack_recipes.InputReductionFeng2018
                return recipe.build(wrapper)
            case "Kuleshov (near words, language model)":
                return published(
                    "kuleshov_2017", "Kuleshov2017", ThoughtVector=own.MeanOfWords,
                    GPT2=next_words.likely_by(GPT2),
                )  # fmt: skip
            case "BAE (words from a language model)":
                return published(
                    "bae_garg_2019", "BAEGarg2019",
                    UniversalSentenceEncoder=own.AverageSentence,
                    PartOfSpeech=own.LexiconPartOfSpeech,
                    WordSwapMaskedLM=masked.made_with(BERT, swaps.WordSwapMaskedLM),
                )  # fmt: skip
            case "BERT-Attack (words from a language model)":
                return published(
                    "bert_attack_li_2020", "BERTAttackLi2020",
                    UniversalSentenceEncoder=own.AverageSentence,
                    WordSwapMaskedLM=masked.made_with(BERT, swaps.WordSwapMaskedLM),
                )  # fmt: skip
            case "CLARE (words put in, swapped and merged)":
                return published(
                    "clare_li_2020", "CLARE2020",
                    UniversalSentenceEncoder=own.AverageSentence,
                    transformers=masked.transformers_with(ROBERTA),
                    WordSwapMaskedLM=masked.made_with(ROBERTA, swaps.WordSwapMaskedLM),
                    WordInsertionMaskedLM=masked.made_with(ROBERTA, swaps.WordInsertionMaskedLM),
                    WordMergeMaskedLM=masked.made_with(ROBERTA, masked.DictionaryMerge),
                )  # fmt: skip


def _by_leaving_out(**options: object) -> Any:  # noqa: ANN401
    from textattack.search_methods import GreedyWordSwapWIR

    return GreedyWordSwapWIR(
        wir_method="delete", truncate_words_to=options.get("truncate_words_to")
    )


@contextmanager
def _standing_in(module: str, **parts: Any) -> Iterator[None]:  # noqa: ANN401
    """Let a recipe's file find our parts under the names it uses."""
    home = importlib.import_module(module)
    before = {name: getattr(home, name) for name in parts}
    vars(home).update(parts)
    try:
        yield
    finally:
        vars(home).update(before)
