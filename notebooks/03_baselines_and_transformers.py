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
# # Baselines and transformers
#
# Which model labels topic and stance best, is its lead more than chance, and what does it cost? This notebook reads the
# comparison of all experiments, from the majority to the champion, and then adds a small experiment of its own.

# %%
from newstance.notebooks import comparison, controls, live
from newstance.notebooks.display import report, say, show
from newstance.notebooks.project import open_project
from newstance.reporting import words
from newstance.reporting.figures import charts
from newstance.reporting.goals import read_goals

project = open_project()
tasks = list(project.results.values())
drawn = [charts(task) for task in tasks]
say(project.note)

# %% [markdown]
# ## What is compared
#
# There are five kinds of experiments. The *majority* always gives the most frequent label. *Controls* see too little to
# answer: only who the stance is toward, for instance, and nothing of the article. *Linear* models weigh words (TF-IDF)
# or embeddings, vectors that an encoder which is left as it is (frozen) makes of a text. A *transformer* is such an
# encoder, trained further (fine-tuned) on the labels. An *ensemble* averages the probabilities of others.

# %%
say("\n\n".join(words.description(task) for task in tasks))

# %% [markdown]
# Models learn from *train*; *validation* chooses among their settings and among the models; *test* only scores. That
# order matters: the best of many models on test is partly the luckiest one, so its score there would flatter it.
#
# Two metrics are used most. *Accuracy* is the share labelled rightly. *F1* of a label is high if the label is found
# where it belongs (recall) and only there (precision); *macro-F1* is the mean of F1 over labels, frequent or rare.

# %%
for task in tasks:
    say(comparison.majority_in_words(task))

# %% [markdown]
# ## From the majority to the champion
#
# How do they score? The bars are bootstrap intervals: test is drawn many times anew, article by article with
# replacement, and the score of each draw is noted. They say how far a score would vary with other test articles; they
# say nothing of another draw of the training data.

# %%
for of_task in drawn:
    show(of_task["forest"])

# %%
say(comparison.findings(tasks))

# %% [markdown]
# Annotators, where they are drawn (green), mark what can be reached at most: the reference was made from their labels,
# so they agree with it more than anyone else can be expected to. Where the best on validation isn't the highest on
# test, it stays the champion all the same: to choose by test would be to keep the luckiest.

# %% [markdown]
# ## Are the differences more than chance?
#
# Two intervals that overlap look like a tie, but they aren't a test. Models are scored on the same articles, and what
# makes a draw hard for one makes it hard for the other. A *paired* bootstrap scores both on each draw and looks at the
# difference, from which what they have in common drops out.
#
# Who compares often finds something by chance, sooner or later. *Holm's correction* makes up for it: the smallest of
# *m* p-values is multiplied by *m*, the next by *m* − 1, and so on. A p-value is the probability of a difference at
# least as large where there is none.

# %% tags=["cover"]
for task in tasks:
    report(comparison.differences(task))

# %%
for task in tasks:
    say(comparison.overlap_in_words(task))

# %% [markdown]
# An empty mark doesn't mean that two models are equally good. It means that so many articles can't tell them apart: the
# interval shows which differences remain possible.

# %% [markdown]
# ## Which labels are hard?

# %%
for of_task in drawn:
    show(of_task["per-class"])

# %%
for task in tasks:
    say(comparison.classes_in_words(task))

# %% [markdown]
# Where labels are rare, macro-F1 has the wider interval of the two metrics: a single article of a rare label moves it
# as much as many of a frequent one. Which labels are mistaken for which is a question for notebook 4.

# %% [markdown]
# ## Would more labels help?
#
# The same models, fitted on parts of the training data: a curve that still rises at its end promises something of more
# labels.

# %%
for task in tasks:
    report(comparison.curve(project.study, task.scheme.name))

# %% [markdown]
# The bars only cover the draw of the test articles. Each part was drawn once, so that a curve may bend up or down by
# the luck of that draw as well.
#
# What else was tried with the transformers, one thing at a time? Each line compares what differs in that thing alone:

# %%
say(comparison.ablations_in_words(project.study))

# %% [markdown]
# ## Can the probabilities be believed?
#
# A model is *calibrated* if, of all answers given with a probability of 80 %, say, 80 % are right. One number, the
# temperature, is fitted on validation and makes all probabilities more or less extreme; labels stay the same. The
# *expected calibration error* (ECE) is the mean gap between probability and share of right answers, in bins of
# probability.

# %%
for of_task in drawn:
    show(of_task["reliability"])

# %%
for task in tasks:
    say(comparison.calibration_in_words(task))

# %% [markdown]
# Bins with few units scatter for that reason alone, so a part of any ECE is noise; the intervals take this off. Only
# with calibrated probabilities can a model abstain where it is unsure, which notebook 5 makes use of.

# %% [markdown]
# ## What does quality cost?
#
# On the *frontier* are the models for which no other is both cheaper and better on validation. Which of them to take
# depends on the budget; what isn't on it costs more or scores less than one that is.

# %%
for of_task in drawn:
    report(of_task.get("frontier-prediction", comparison.NO_FRONTIER))

# %%
for task in tasks:
    say(comparison.cost_in_words(task))

# %%
for of_task in drawn:
    report(of_task.get("frontier-training", comparison.NO_FRONTIER))

# %% [markdown]
# Times hold for the machine that the experiments ran on; their order of magnitude is what carries over.

# %% [markdown]
# ## What do the controls tell?
#
# A good score may have bad reasons. If a target is nearly always written about in the same vein, a model can score by
# the target's name without reading on. How much of the best model's success is of that kind?

# %%
for task in tasks:
    report(controls.beyond_controls(project, task))

# %% [markdown]
# If the model only repeated a control, its two marks would lie at the ends of the scale; the closer they are, the less
# it owes to what the control knows. Some of the gap is no fault of the model: where a control is wrong, an article may
# be harder for everyone. The rest is habit: it errs where an article departs from what is usual for its target or
# outlet, which matters most to those who look for just these departures.

# %% [markdown]
# ## What if the outlet or the target is new?
#
# *Outlet-held-out*: each test article is labelled by a model that was fitted without its outlet. *Unseen-target*: only
# the test pairs count whose target isn't in train. Both ask what remains where the model can't rely on having seen the
# like; ensembles are not fitted anew and have no score without their outlets.

# %%
for of_task in drawn:
    report(of_task.get("protocols", comparison.NO_PROTOCOL))

# %%
for task in tasks:
    say(comparison.protocols_in_words(task))

# %% [markdown]
# Held-out outlets are the same articles, labelled by models that had fewer to learn from: a part of the drop is due to
# that. Unseen targets are other pairs than the rest, which may be harder or easier for that reason alone.

# %% [markdown]
# ## Were the goals reached?
#
# `study/goals.yaml` names what the experiment that is best on validation is meant to reach on test.

# %%
best_known = list((project.study or project.results).values())
aims = read_goals()
say(comparison.goals(best_known, aims))

# %%
say(comparison.goals_in_words(best_known, aims))

# %% [markdown]
# ## An experiment of one's own
#
# How far do titles go? An experiment is a YAML file, so a new one is a few changed lines: here, an experiment of the
# comparison that reads titles and no texts.

# %%
base = live.choose_base(project)
variation = live.read_titles_only(base)
say(live.as_listing(variation))

# %% [markdown]
# `newstance run FILE` would run it; in Python that is one call. Executed again with the same file, data and code, the
# cell finds the run that it made before.

# %%
folder = live.fit(variation, project.settings)
say(live.chosen_in_words(folder))

# %% [markdown]
# ### Find the run in MLflow
#
# Each experiment is a run in MLflow, with one nested run a seed. A run folder has an id by which it is logged exactly
# once, however often `newstance track` is called. This one goes into a store of its own, so that trials don't mix with
# the project's runs.

# %%
run = live.track(folder)
say(live.found_in_words(run))
say(f"To look at it in the browser: `mlflow ui --backend-store-uri {live.STORE}`")

# %% [markdown]
# ### Compare two runs
#
# Next to it, the run of the experiment that was varied. What was set differently?

# %%
default = live.find(project.settings.run_folder(base.stem))
say(live.found_in_words(default))
say(live.parameters(default, run))

# %% [markdown]
# And what came out?

# %%
say(live.metrics(default, run))

# %%
show(live.two_runs(project.settings.run_folder(base.stem), folder, project))

# %% [markdown]
# MLflow shows which numbers differ; whether they differ by more than chance takes the predictions, which lie in the run
# folders. To add an experiment for good, put its file into `experiments/`, name it in `params.yaml`, and run
# `make reproduce`: it then appears in every figure above.
