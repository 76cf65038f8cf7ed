"""Labels as hypothesis draws them: quotes, line ends, any script, a second label, times or none, several annotators."""

from __future__ import annotations

import pandas as pd
from hypothesis import strategies as st

from newstance.labels.exchange.content import ARTICLE_PART, Content, label_codes, label_columns
from newstance.scheme import Label, Scheme

LABELS = tuple(
    Label(code=code, name=f"{code.title()} & more", definition=f'about "{code}" <only>')
    for code in ("politics", "sport", "weather")
)
TOPIC = Scheme(
    name="topic",
    kind="single-label",
    title="Topic",
    annotations="topics.csv",
    secondary="second",
    skip="skip",
    labels=LABELS,
)
MOOD = Scheme(name="mood", kind="target-dependent", title="Mood", annotations="moods.csv", labels=LABELS)

# Cells are stripped on reading, so these have no white space around them.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
cells = texts.map(str.strip).filter(bool)
awkward = st.sampled_from(
    ['"', 'a "b", c', "a,b", "line\nend", "mac\rend", "Škoda – 東京 🚋", "'", "#x", "NA", "null", "1"]
)
names = st.from_regex(r"[A-Za-zéß]\w{0,6}", fullmatch=True)
times = st.one_of(st.just(""), st.datetimes().map(lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ").zfill(20)))


@st.composite
def contents(draw: st.DrawFn, scheme: Scheme) -> Content:
    """Draw units with articles, and labels of some of them by several annotators."""
    unit = st.tuples(*[cells | awkward] * len(scheme.unit))
    keys = draw(st.lists(unit, min_size=1, max_size=5, unique=True))
    articles = {key[0]: [draw(texts) for _ in ARTICLE_PART] for key in keys}
    units = pd.DataFrame(
        [[*key, *articles[key[0]]] for key in keys], columns=[*scheme.unit, *ARTICLE_PART], dtype="str"
    )
    deciders = st.tuples(st.sampled_from(keys), names)
    rows = []
    for key, annotator in draw(st.lists(deciders, min_size=1, max_size=8, unique=True)):
        values = dict(zip(scheme.unit, key, strict=True)) | {"annotator": annotator, "labelled_at": draw(times)}
        values[scheme.name] = draw(st.sampled_from(label_codes(scheme)))
        if scheme.secondary:
            others = [code for code in scheme.codes if code != values[scheme.name]]
            values[scheme.secondary] = draw(st.sampled_from(["", *others]))
        rows.append([values[name] for name in label_columns(scheme)])
    return Content(scheme, units, pd.DataFrame(rows, columns=label_columns(scheme), dtype="str"))


def as_set(labels: pd.DataFrame) -> set[tuple[str, ...]]:
    """Return the rows without their order."""
    return set(labels.itertuples(index=False, name=None))
