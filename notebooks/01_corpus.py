# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The corpus
#
# What are the articles, and can a model trained on some of them be tested fairly on the others? This notebook follows
# the articles from their source through cleaning to the splits that every experiment uses.

# %%
from IPython.display import display

from newstance.notebooks import corpus, duplicates, leakage, lengths
from newstance.notebooks.browse import browse_articles, first_page
from newstance.notebooks.display import as_table, report, say, show
from newstance.notebooks.project import open_project

project = open_project()
settings = project.settings
articles = corpus.read_articles(project)
say(project.note)

# %% [markdown]
# ## Where the articles come from

# %%
say(corpus.origin(settings.corpus))

# %%
cleaned = project.table("cleaning")
show(corpus.cleaning(cleaned))

# %% [markdown]
# Rules run from top to bottom. Two of them mend texts: typographic signs that a wrong decoding had garbled, and white
# space. Two only take note of what is missing. The others drop: texts too short to be an article, texts that annotators
# marked as none (such as captions or lists of links), and, where only a slice is read, what lies outside it.
#
# The repair decides by what stands around a garbled sign, and leaves alone what nothing decides.

# %%
say(as_table(corpus.repairs(project)))

# %% [markdown]
# ## Outlets and dates
#
# Whose articles are these, and from when?

# %%
show(corpus.outlets(articles))

# %% tags=["cover"]
show(corpus.calendar(articles))

# %% [markdown]
# Where an outlet has articles from other weeks than the rest, it has other news. A model can then recognise the outlet
# by its events, and the other way round; the corpus can't tell the two apart. So experiments are also tested on outlets
# that were held out of training, and a control for stance sees nothing but outlets.

# %% [markdown]
# ## Lengths
#
# How long are the articles, and how much of one does a model see? Bag-of-words models read all of it. An encoder reads
# a fixed number of tokens (words, or pieces of rare words) from the start and drops the rest.

# %%
show(lengths.words_by_outlet(articles))

# %%
tokens = lengths.count_tokens(articles)
show(lengths.reading(tokens, settings.evaluation))

# %%
say(lengths.reading_in_words(tokens, settings.evaluation))

# %% [markdown]
# News tends to tell the main thing first, so what is cut off may matter less than its length suggests. Lengths alone
# can't say; the long experiments of `study/` train one encoder with several budgets.

# %% [markdown]
# ## Near-duplicates
#
# Agencies sell one story to many outlets, and outlets publish a story again when it has developed. How much of this is
# in the corpus?

# %%
near = settings.corpus.near_duplicates
pairs = duplicates.read_pairs(project, articles)
say(duplicates.defined_in_words(near))
say(duplicates.groups_in_words(articles, pairs))

# %%
report(duplicates.similarities(pairs, near.similarity))

# %%
say(as_table(duplicates.quoted_pairs(pairs)))

# %% [markdown]
# At the upper end are pairs of one text, published twice. Towards the threshold they are two stories with common
# paragraphs of background: not copies, but not independent either.

# %% [markdown]
# ## Splits
#
# Models learn from *train*, are chosen by *validation*, and are scored on *test*, the articles that two annotators
# labelled independently, with a third who decided where they differed (all of them language models, see notebook 2).
# What happens when a test article has a near-duplicate in train?

# %%
scheme = project.schemes["topic"]
labels = leakage.first_labels(project, scheme)
say(leakage.shared_labels(articles, labels, scheme, settings.evaluation.confidence))

# %% [markdown]
# So a test article with a near-duplicate in train asks what the model remembers, not what it has learnt: the score
# *leaks*. To see how much would leak, the labelled articles are dealt out many times by chance, in splits of the same
# sizes, and compared with the splits of this project, where a group never crosses.

# %%
leaked = leakage.leakage(articles, pairs, settings)
report(leakage.leaks(leaked, settings.evaluation))

# %%
say(leakage.crossings_in_words(articles, settings))

# %% [markdown]
# Accuracy could rise by no more than the share of test articles that leak, but not for all models alike: those that
# memorise gain most, which can tip a close comparison. What this can't rule out: stories retold in other words share
# fewer sequences than the threshold, and still cross.
#
# Apart from that, is test like train?

# %%
topics = project.prepared("topic")
show(leakage.balance(topics, scheme, settings.evaluation))

# %% [markdown]
# ## Some articles
#
# One labelled article of each outlet, drawn by chance. The texts belong to their publishers, so only first words are
# quoted.

# %%
some = corpus.examples(articles, topics, scheme, settings.split.seed)
say(as_table(some))

# %% [markdown]
# Browse all labelled articles by task, label and outlet; the button shows the whole text. Below is what the browser
# shows at first.

# %%
browser = browse_articles(project)
display(browser)

# %%
say(first_page(browser))
