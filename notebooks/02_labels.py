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
# # The labels
#
# What do the labels say, how far can they be trusted, and what do they show about outlets? A model can only be as good
# as the labels it learns from and is tested on, so this notebook looks at them before any model is compared.

# %%
from IPython.display import display

from newstance.models.mentions import read_aliases
from newstance.notebooks import disagreements, labelling, labels, outlets, stances, suspects
from newstance.notebooks.display import as_table, report, say
from newstance.notebooks.project import open_project
from newstance.reporting import words

project = open_project()
settings = project.settings
topic, stance = project.schemes["topic"], project.schemes["stance"]
say(project.note)

# %% [markdown]
# ## Who labelled

# %%
say(labels.datasheet_says(settings.labels, "Who labelled"))

# %%
say(as_table(labels.annotators(project.table("labels"), project.schemes, settings.labels)))

# %% [markdown]
# *Gold* is no third opinion on everything. Where two annotators agree it keeps their label, and where they differ it is
# the decision of another reader. An error that both make stays in gold.

# %% [markdown]
# ## The codebook in short

# %%
for scheme in project.schemes.values():
    say(labels.codebook(scheme))

# %% [markdown]
# The rules for ties, and what counts as a target, are in `seeds/codebook.md`.

# %% [markdown]
# ## What the labels say
#
# How often is each topic given?

# %%
topics, pairs = project.prepared("topic"), project.prepared("stance")
report(labels.distribution(topics, topic))

# %% [markdown]
# Where frequencies differ widely, accuracy hardly notices the rare topics. Scores are therefore averaged over topics
# (*macro-F1*), so that each counts as much as any other; but a rare one rests on few test articles.
#
# And in which topics do articles take sides?

# %%
report(stances.by_topic(pairs, topic, stance, settings.evaluation))

# %% [markdown]
# And toward whom?

# %%
report(stances.by_target(pairs, 15, stance, settings.evaluation))

# %% [markdown]
# Where stances go with the topic or the target, one can guess them without having read what the article says. Controls
# that see only the topic, only the target or only the outlet measure how far such guesses go (notebook 3).

# %% [markdown]
# ## Do annotators agree?
#
# *Cohen's kappa* is the agreement of two annotators beyond what their label frequencies would give by chance: 0 is
# chance, 1 is perfect.

# %%
for results in project.results.values():
    report(labels.agreement(results))

# %%
for results in project.results.values():
    say(words.agreement(results))

# %% [markdown]
# High agreement means that the codebook is applied consistently. It doesn't mean that the labels are right: annotators
# of one kind share their blind spots.

# %% [markdown]
# ## Where they differ, and why

# %%
confidence, reference = settings.evaluation.confidence, settings.labels.reference
doubles = [disagreements.doubles(labels.read_labels(one), one, reference) for one in project.schemes.values()]
for found in doubles:
    report(disagreements.draw_confused(found))
    say(disagreements.reasons(found, confidence))

# %% [markdown]
# The codebook's rule for the stance is "in doubt, neutral". Some examples, first one of each frequent confusion:

# %%
aliases = read_aliases(settings.labels.directory / "aliases.yaml")
for found in doubles:
    say(as_table(disagreements.examples(found, project.articles, aliases)))

# %% [markdown]
# ## Which labels may be wrong?
#
# Most articles have one annotator only. *Confident learning* (Northcutt et al. 2021) looks for errors there: a model
# that has not learned from a label gives it a probability, and where it contradicts with confidence, the label is a
# suspect. Does that work? Gold knows of some labels whether they are right.

# %%
audits = [suspects.audit(project, project.results[task]) for task in project.schemes]
say(" ".join(suspects.method_in_words(found) for found in audits))

# %%
report(suspects.gains(audits, confidence))

# %%
say(as_table(suspects.verdicts(audits, confidence)))
for found in audits:
    say(suspects.lesson(found, confidence))

# %% [markdown]
# So suspects deserve a second reading; they are no list of errors to drop. Gold can't confirm an error that both
# annotators made, so more of the suspects may be wrong than it says. Some of them, first those that gold contradicts,
# then those that it keeps, each with the model's probability of the label:

# %%
for found in audits:
    say(as_table(suspects.listed(found, aliases)))

# %% [markdown]
# ## How do outlets differ?
#
# Which outlets write for and against whom? The labels count articles, and an article is against a target when it
# conveys so as a whole, be it by its choice of facts or of voices.

# %% tags=["cover"]
report(outlets.panels(pairs, stance, settings.evaluation))

# %%
target = stances.frequent_targets(pairs, 1)[0]
say(as_table(outlets.as_shown(outlets.toward(pairs, target, stance, settings.evaluation), stance)))
say(outlets.explained_in_words(pairs, target, stance, settings.evaluation))

# %% [markdown]
# Pick another target:

# %%
display(outlets.OutletStances(pairs, stance, settings.evaluation))

# %% [markdown]
# **What this can and can't say.** It describes these articles. Outlet, period and topic are entangled: outlets cover
# other events, in other weeks (notebook 1), and what is news about a target differs with them. Articles were not
# sampled so as to stand for an outlet. The annotators may know an outlet from its style or name. Language models gave
# the labels, and a stance of theirs would look like one of the outlets. So this is no score of outlets or people. The
# datasheet says the same:

# %%
say(labels.datasheet_says(settings.labels, "What it is good for"))

# %% [markdown]
# ## Label an article yourself
#
# The suspects that no one has checked come first. The outlet and the label in question are hidden: a label must follow
# from the text alone. `Save` appends a row to a file in `build/labels/`, in the format of `seeds/`; its rows can be
# pasted there. Nothing is written before.

# %%
labeller = labelling.Labeller(audits[1].queue, stance, labelling.known_annotators(stance))
display(labeller)

# %%
say(labelling.first_question(labeller))
