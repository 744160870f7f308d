"""English function words: words that carry grammar and little meaning.

Text attacks leave them alone. TextAttack asks NLTK for such a list while it is imported; this one
is our own, so that nothing is downloaded.
"""

_LIST = """
a an the this that these those such same each every either neither both all any some no none
i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his
himself she her hers herself it its itself they them their theirs themselves who whom whose
which what whatever whoever
am is are was were be been being do does did doing done have has had having can could will
would shall should may might must ought
and or but nor so yet if then else than because as while until since unless though although
whether when where why how
of in on at by for with about against between among into onto through during before after
above below over under up down to from out off again further once here there near per via
within without upon toward towards across along around behind beside besides beyond despite
not only own too very just also even still ever never always now more most much many few less
least other another
isn't aren't wasn't weren't don't doesn't didn't hasn't haven't hadn't can't couldn't won't
wouldn't shouldn't mustn't i'm i've i'll i'd you're you've you'll you'd he's she's it's we're
we've we'll they're they've they'll that's there's who's what's let's
"""
FUNCTION_WORDS = frozenset(_LIST.split())
