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
# # Errors and explanations
#
# Where do the best models go wrong, why do they answer as they do, and do their answers move when, and only when, they
# should? First the mistakes on test, then the words and sentences behind a decision, then articles with one thing
# changed.

# %%
from newstance import load_champion
from newstance.models.mentions import read_aliases
from newstance.notebooks import (
    attributions,
    counterfactuals,
    errors,
    explanations,
    outlet_names,
    samples,
)
from newstance.notebooks.display import say, show
from newstance.notebooks.project import open_project
from newstance.reporting.analysis import sources_texts

project = open_project()
settings = project.settings.evaluation
champion = load_champion()
article_task, target_task = errors.tasks(project)
say(project.note)
say(errors.models_in_words(project, champion))

# %% [markdown]
# ## Which labels are confused
#
# A confusion matrix has a row for each true label and a column for each predicted one, so that mistakes lie off the
# diagonal. "True" is what the reference annotator decided.

# %%
for chart in errors.confusions(project):
    show(chart)

# %% [markdown]
# ### Are these the models' mistakes, or hard cases?
#
# Where two annotators gave different labels, no model can please both. If mistakes had nothing to do with that, they
# would be *disputed* as often as any other article.

# %%
for chart in errors.disagreements(project):
    show(chart)

# %%
for results in project.results.values():
    say(f"**{results.scheme.title}.** " + " ".join(sources_texts(results)))

# %% [markdown]
# ## The most confident mistakes
#
# A mistake made with confidence says most: either the model has learnt something wrong, or the label is doubtful. Read
# the titles beside what the annotators said (titles are shortened; the articles belong to their publishers).

# %%
say(errors.mistakes_table(project, article_task))

# %%
say(errors.mistakes_table(project, target_task))

# %%
errors.mistakes_browser(project, target_task)

# %% [markdown]
# ## Slices: outlets, lengths, unknown targets
#
# An average hides who is served badly. Each slice below is small, so look at the intervals; with so many of them, a few
# miss the average by chance alone.

# %%
for results in project.results.values():
    show(errors.slices(results))

# %% [markdown]
# ### An outlet that training never saw
#
# Models may learn an outlet's habits rather than the news. Here the same test articles are labelled twice: by a model
# that learnt from all outlets, and by one that learnt from all but the article's own.

# %%
show(errors.held_out_chart(errors.held_out(project), settings))

# %% [markdown]
# ## Which words a linear model goes by
#
# A linear model adds up a weight for each word. Its greatest weights tell what it has learnt of each label, over all
# articles at once. TARGET stands for the name of the target, which these models do not see in the sentences about it.

# %%
say(explanations.terms_shown(project, article_task))

# %%
for chart in explanations.terms_charts(project, target_task):
    show(chart)

# %% [markdown]
# ## Which words move a transformer
#
# A transformer has no weight for a word, since each word is read in its context. *Integrated gradients* walk from an
# empty text (every word masked) to the article and add up, word by word, what the log-probability of the label gains
# on the way. For time, each article is cut after its title and lead.

# %%
transformer = attributions.find_transformer(project)
leads = attributions.draw_leads(project, article_task)
attributed = attributions.attribute(transformer.model, leads) if transformer else []
say(attributions.in_words(transformer, attributed))

# %% tags=["cover"]
for chart in attributions.words_charts(transformer, attributed):
    show(chart)

# %% [markdown]
# The method promises *completeness*: the attributions sum to the difference of the two log-probabilities. The integral
# is computed at a few points, so this must be checked.

# %%
for chart in attributions.completeness_charts(attributed):
    show(chart)

# %% [markdown]
# ## Which sentences move the champions
#
# With every decision the bundle names the sentences that moved it, each with its share of all sentences' pull.

# %%
some = samples.draw_articles(project, target_task, explanations.CHECKED)
say(explanations.evidence_table(champion, some.head(1)))

# %%
explanations.evidence_browser(champion, some)

# %% [markdown]
# ### Are the explanations faithful?
#
# An explanation is faithful when the answer depends on what it names. So that is deleted, and the label's probability
# must fall more than when as much other text is deleted.

# %%
sentences = explanations.sentence_deletions(champion, some, settings)
words = attributions.word_deletions(transformer, attributed, settings)
show(explanations.deletions_chart(sentences, words, settings))
say(explanations.deletions_in_words(sentences, words, settings))

# %% [markdown]
# ## What if: another target
#
# A stance is about a target. When two targets of an article have different labels, the answer should change with the
# target, else it should stay. And where the text does not mention the target, nothing can be read off: neutral.

# %%
scheme = project.schemes[target_task]
aliases = read_aliases(project.settings.labels.directory / "aliases.yaml")
pairs = project.prepared(target_task).query("split == 'test'")
asked = counterfactuals.ask_about_targets(champion, pairs, scheme, aliases, settings)
show(counterfactuals.targets_chart(asked, settings))
say(counterfactuals.swaps_in_words(asked, settings))

# %% [markdown]
# One article, its own targets and last the one that it does not mention:

# %%
first = counterfactuals.first_article(asked)
say(counterfactuals.answers_table(champion, scheme, first))

# %%
counterfactuals.target_browser(champion, scheme, asked)

# %% [markdown]
# ## What if: another outlet's name
#
# Topic and stance follow from what a text says, not from who prints it. So an outlet's name is removed from articles
# that have it, or replaced by another's. As any deletion moves a model a little, as many other words are removed for
# comparison.

# %%
one_target_each = pairs.drop_duplicates("article_id")
edits = outlet_names.edit_outlets(champion, one_target_each, project.schemes, settings)
for chart in outlet_names.charts(edits, settings):
    show(chart)
say(outlet_names.verdict(edits, settings))

# %% [markdown]
# The answers that moved most:

# %%
say(outlet_names.changes_table(edits))

# %% [markdown]
# ## What this can't say
#
# Deleted words leave texts that no newspaper prints, and a model may stumble over that rather than miss the words.
# Weights and gradients say what a model goes by, not whether it should. And an absence of movement shows that *these*
# edits don't matter, not that the model knows nothing of the outlet: style remains when a name is gone.
#
# For time, the last sections look at samples of test articles, and their comparisons are not corrected for how many
# there are. Where an interval ends close to zero, another sample may well give the other verdict.
