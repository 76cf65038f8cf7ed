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
# # Serving
#
# The best model of each task, its *champion*, answers questions about articles that nobody has labelled. How are its
# answers read, when does it rather give none, and how does one get many of them? This notebook takes the champions
# from the registry, asks them about single articles, a running server about a few, and a file with many.

# %%
from IPython.display import HTML, display

from newstance.bundle.bundle import Bundle
from newstance.notebooks import answers, confidence, refusals, scoring, server, serving
from newstance.notebooks.display import as_table, report, say, show
from newstance.notebooks.project import open_project
from newstance.settings import BUNDLE

project = open_project()
evaluation = project.settings.evaluation
say(project.note)

# %% [markdown]
# ## The champions
#
# Which models answer, and from which runs do they come? `newstance champion` registers the best experiment on
# validation in MLflow and gives it the alias `champion`; `newstance export` brings the champions of all tasks together
# in one folder, the *bundle*, which answers without a training library.

# %%
champions = serving.find_champions(project)
say(as_table(serving.champions_table(champions, project)))

# %%
for champion in champions:
    say(champion.says)

# %% [markdown]
# Macro-F1 is the mean over labels of the F1 score, so that rare labels count as much as frequent ones. Each registered
# version has a *model card*. So it begins for the first task:

# %%
say(serving.card_beginning(champions[0]))

# %% [markdown]
# ## Asking about an article
#
# `Bundle.predict` labels articles; the command for it is `newstance predict FILE`. The project has some texts of its
# own in `seeds/articles`. They are shown in full, since no publisher owns them.

# %%
bundle = Bundle.load(BUNDLE)
asked = serving.ask_about_own_articles(project, bundle)
display(HTML(answers.page(asked[0].article, asked[0].answer)))

# %% [markdown]
# A marked sentence is *evidence*: without it, the probability of the answer would change. The small number says which
# decision it moves and its share of the pull of all sentences; with a minus it pulls away from the answer. Notebook 4
# tests whether evidence does what it says.
#
# But have the models met these articles before?

# %%
fresh = serving.ask("new", refusals.FRESH, bundle)
asked = [*asked, fresh]
say(serving.warning(asked))

# %% [markdown]
# The article called `new` was written for this notebook, and no model has learnt from it.

# %%
display(HTML(answers.page(fresh.article, fresh.answer)))

# %%
say(as_table(serving.answers_table(asked)))

# %%
report(answers.probabilities(asked))

# %% [markdown]
# ### Whose stance?
#
# A stance is always toward a target. Above, the targets were named with the article. Without any, the bundle proposes
# up to three:

# %%
say(as_table(serving.proposed_targets(asked, bundle)))

# %% [markdown]
# Names in the text are proposed, and so are targets of training articles where one of their other names occurs. Such
# a name can be an ordinary word: then any strike is taken for a certain one.

# %%
say(serving.proposals_in_words())

# %% [markdown]
# So proposals are a start; where it matters, name the targets yourself.
#
# In Jupyter, the button asks the bundle about a text of your own. It begins with the first article above.

# %%
pane = answers.AskPane(bundle, asked)
display(pane)

# %% [markdown]
# ## Reading probabilities
#
# What does a probability mean? The champions are *calibrated*: on validation, a temperature was fitted so that
# probabilities say how often answers are right. Whether this holds is seen on test, which had no part in it. The
# question of the figure: among answers with some probability, how many are right?

# %% tags=["cover"]
on_test = confidence.answers_on_test(project, champions)
show(confidence.reliability(on_test, evaluation))

# %%
say(confidence.reliability_in_words(on_test, evaluation))

# %% [markdown]
# A band with few answers has a wide interval, and says little. The labels that decide what is right are annotators'
# readings: an answer that counts as wrong may be one that another reader would give.
#
# A practical use: keep sure answers, and look at the others yourself. What does a threshold cost, and what does it buy?

# %%
say(as_table(confidence.thresholds(on_test, evaluation)))

# %%
threshold = confidence.Threshold(on_test, evaluation)
display(threshold)

# %%
say(threshold.says)

# %% [markdown]
# ## Abstentions
#
# A model that has learnt news has no useful answer about a recipe, but it would have a probability for one. So the
# bundle first judges whether a text should be labelled at all, by its length, its language, its shape, and its distance
# to the articles of training. One text of each kind, written for this notebook:

# %%
tried = refusals.try_texts(bundle)
say(as_table(tried))

# %%
say(refusals.tried_in_words(tried))

# %% [markdown]
# How often are news refused, wrongly, and other texts, rightly? The benchmark has asked this of many texts that had no
# part in choosing the limits.

# %%
measured = refusals.read_measured()
report(refusals.refused_by_kind(measured))

# %%
say(refusals.refusals_in_words(measured))

# %% [markdown]
# An abstention is no failure of a request: the answer comes without labels, and with a reason and a sentence. What the
# figure can't say: how texts are treated that look like news and are none, such as satire or advertisements in the form
# of articles.

# %% [markdown]
# ## The server
#
# `newstance serve` answers over HTTP. The next cell runs one on this machine, on a free port, sends it one article, a
# request with a mistake, and a stream of lines, one of them broken, and stops it.

# %%
request = server.as_request(fresh.article)
lines = server.as_lines([request, {"title": "No text"}, {"text": "Too few words."}])

with server.serve(BUNDLE) as client:
    answer = client.post("/v1/predict", json=request)
    problem = client.post("/v1/predict", json={"title": "No text"})
    stream = client.post("/v1/predict/batch", content=lines, headers=server.LINES)

# %% [markdown]
# The answer to the article, with long parts cut:

# %%
say(server.in_short(answer))

# %%
say(server.compare(answer, fresh.answer))

# %% [markdown]
# A mistake is answered with a *problem* (RFC 9457): a status, a kind with a link to its description, and where in the
# request the mistake is. The request's id is in the server's log, too.

# %%
say(server.in_short(problem))

# %% [markdown]
# In a stream (JSON Lines), every line gets its answer in the same order. A broken line gets a problem in its place, and
# the others are answered all the same.

# %%
say(as_table(server.each_line(stream)))

# %% [markdown]
# In a terminal, with `newstance serve` running in another (the page for people is at the same address, the
# documentation under `/docs`):
#
# ```bash
# curl localhost:8000/v1/predict -H 'Content-Type: application/json' \
#      -d '{"title": "…", "text": "…", "targets": ["…"]}'
# curl localhost:8000/v1/predict/batch -H 'Content-Type: application/x-ndjson' \
#      -T articles.jsonl
# ```
#
# An address that other machines can reach needs keys: `newstance key NAME`.

# %% [markdown]
# ## A file of articles
#
# For a whole corpus no server is needed. A Parquet file with the columns `title` and `text`, and `targets` where they
# are known, comes back as a tidy table: one row an article and question. Here it is a random part of the test articles.

# %%
articles = scoring.write_articles(project)
scored = scoring.score(bundle)
say(f"**{scored.summary}.** In a terminal: `{scored.command}`")

# %%
say(as_table(scoring.first_rows(scored)))

# %% [markdown]
# What is in the file can be counted like any table. Topics by outlet:

# %%
report(scoring.topics_by_outlet(scored, articles, project.schemes[champions[0].task]))

# %% [markdown]
# Since these are test articles, their labels are known, and the file can be checked. The bundle computes with rounded
# numbers (int8) where this was verified to change little, so its answers may differ from those of the run in a few
# places.

# %%
say(scoring.against_reference(scored, project))

# %% [markdown]
# ## What to do next
#
# The way from new labels to a new champion:
#
# | step | command | what it does |
# | :--- | :--- | :--- |
# | add articles | a text file in `seeds/articles/` | becomes part of the corpus |
# | add labels | rows in `seeds/topics.csv` and `seeds/stances.csv`, or notebook 2 | `newstance labels check` |
# | retrain | `dvc repro` | runs what depends on the labels, and compares all experiments anew |
# | look | `newstance champion --dry-run` | says what would be promoted, and why |
# | promote | `newstance champion`, `newstance export` | registers the best on validation, and writes the bundle |
# | serve it | signal `SIGHUP`, or `POST /v1/admin/reload` | the server takes the new bundle without losing a request |
# | take back | `newstance champion --task TASK --rollback`, `newstance export` | the version before has the alias |
#
# What `newstance champion` would do at this moment:

# %%
say(serving.next_champions(project))

# %% [markdown]
# Test has no part in this choice, and each further look at it makes its scores a little less fair. A new kind of
# article asks for new test labels: label some of them twice, independently, before trusting a probability on them.
