import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newstance.corpus.encoding import normalise_white_space, repair

LOST = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        # a closing quotation mark and the space after it
        ('The boats are "quick"?and cheap.', 'The boats are "quick" and cheap.'),
        ('"We sail tomorrow,"?he said.', '"We sail tomorrow," he said.'),
        ('"We sail."?The crew waited.', '"We sail." The crew waited.'),
        ('"Do we sail?"?The crew waited.', '"Do we sail?" The crew waited.'),
        ('"We sail."?"And when?" she asked.', '"We sail." "And when?" she asked.'),
        # the apostrophe of a plural
        ('It was the sailors"?choice.', "It was the sailors' choice."),
        ('The "crew" heard the sailors"?choice.', 'The "crew" heard the sailors\' choice.'),
        # a dash, with and without loss
        ('The crew "?six women "?waited.', "The crew — six women — waited."),
        ('The crew "? six women', "The crew — six women"),
        (f'The crew "{LOST} six women', "The crew — six women"),
        (f'none of us"{LOST}the poor', "none of us—the poor"),
        ('on the coast-"?as ever', "on the coast — as ever"),
        # an opening quotation mark
        (f'He called it "{LOST}ludicrous."?She left.', 'He called it "ludicrous." She left.'),
        # apostrophes
        ('They didn"t, and can"t.', "They didn't, and can't."),
        (f'I"{LOST}m here and you"ve gone.', "I'm here and you've gone."),
        ("They'r late, we'r not.", "They're late, we're not."),
        ("You're got mail.", "You've got mail."),
        (f'Ms O"{LOST}Brien met O{LOST}{LOST}Reilly and O"ullivan.', "Ms O'Brien met O'Reilly and O'Sullivan."),
        # money
        ("It costs ?240m (?1 each).", "It costs £240m (£1 each)."),
        # letters
        ("Bus ?ireann stops.", "Bus Éireann stops."),
        (f"Fianna F{LOST}{LOST}il and Sinn F?in", "Fianna Fáil and Sinn Féin"),
        (f"Garda{LOST}{LOST} came.", "Gardaí came."),
        ("A caf? near Borussia M?nchengladbach", "A café near Borussia Mönchengladbach"),
        ("Speaking on RT?'s show, he told RT? News", "Speaking on RTÉ's show, he told RTÉ News"),
        ("the CI? group and the L?-Eithne", "the CIÉ group and the LÉ-Eithne"),
        # a digit that only the title gives back
        ('on "?0 Minutes" tonight', 'on "60 Minutes" tonight'),
        # hard spaces that became hyphens
        ("They came,-saw.- Then they left.-Soon", "They came, saw. Then they left. Soon"),
        # ftfy's part
        ("The cafÃ© â€” open", "The café — open"),
        ("&quot;Hello&quot;", '"Hello"'),
    ],
)
def test_broken_encoding_is_repaired(broken, whole):
    assert repair(broken) == whole


@pytest.mark.parametrize(
    "text",
    [
        "Who pays? The town does.",
        "Do you know the caf? He did.",
        'What is a "reef"? Ask a diver.',
        'Why do they call it "home"?',
        '("Is it true?" he asked.)',
        'She asked: "Did he say "no"?" They laughed.',
        'Is it run by "Fisher Inc."? Nobody knows.',
        "Who owns RT? The state does.",
        'in the "?0s, and 2011"?012 too',
        f"It costs {LOST}1.9 billion.",
        "A U.S.-based firm, a well-known one",
        "See https://example.org/page?id=3 for more",
        "Müller? I don't know him.",
        "",
    ],
)
def test_what_is_right_or_undecidable_stays(text):
    assert repair(text) == text


TEXTS = st.text(st.sampled_from(list("aEsRT 9?\"'.,-—\n&;É�“”")), max_size=30) | st.text(max_size=80)


@given(TEXTS)
@example('"�?')
@example('a"?"?a')
@example("&amp;quot;?a")
def test_repairing_twice_is_repairing_once(text):
    once = repair(text)
    assert repair(once) == once


@given(st.lists(st.sampled_from(["Who pays", "The caf", "He saw RT", 'They sell "fish"', "Do sailors"]), min_size=1))
def test_question_marks_at_the_end_of_sentences_survive(sentences):
    text = " ".join(f"{sentence}?" for sentence in sentences)
    assert repair(text) == text


def test_white_space_is_normalised_and_paragraphs_kept():
    assert normalise_white_space("  a \u00a0 b\tc\u200b d \r\n\n\n\n e\nf ") == "a b c d\n\ne\nf"


@given(st.text())
def test_white_space_only_changes_white_space(text):
    once = normalise_white_space(text)
    assert normalise_white_space(once) == once
    assert once.split() == text.replace("\u200b", " ").split()
