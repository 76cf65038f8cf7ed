"""Every number that the audit decides by, in one place; the page prints them (`newstance.audit.guide`)."""

from __future__ import annotations

from newstance.settings import NearDuplicateSettings

# Low enough to find rewritten versions of an article, high enough that MinHash proposes few unrelated pairs in a
# corpus of tens of thousands.
NEAR_DUPLICATES = NearDuplicateSettings(similarity=0.3)

# A sentence or line of at least so many words, in articles of at least so many groups of near-duplicates, is
# boilerplate. Shorter ones ("He said.") are ordinary language.
BOILERPLATE_WORDS = 3
BOILERPLATE_ARTICLES = 5

# A token of train counts from so many articles on; one in test, from so many.
TOKEN_ARTICLES = 10
TEST_ARTICLES = 10
# Strength of the prior of the log-odds, in units.
PRIOR = 100.0
TOKENS_A_CLASS = 10
NAMES_SHOWN = 30

# From this share of test articles on, sharing something with train is a leak in itself (near-duplicates), or worth
# watching (authors, boilerplate).
SHARED_LEAK = 0.01

# A shortcut is to be watched once its accuracy is surely above the majority's (the interval of the difference
# excludes 0), and a leak once it also covers this part of the way from the majority to the full text.
SHORTCUT_LEAK = 0.5

# A drop of the full-text model (without names; on unseen outlets; without near-duplicates in train) is to be watched
# once its interval excludes 0, and a leak once it is also at least this large.
DROP_LEAK = 0.05
# A side of such a comparison with fewer test articles can't be judged.
SIDE_ARTICLES = 30
