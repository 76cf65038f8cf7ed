"""Words that rules about running text rest on, and the names of languages."""

from __future__ import annotations

FUNCTION_WORDS = frozenset(
    """
    a about after all also an and any are as at be because been before being between both but by can could did do does
    during for from had has have he her him his how i if in into is it its just like may more most my no not of on one
    only or other our out over said she should so some such than that the their them then there these they this those
    through to under up was we were what when where which while who will with would you your
    """.split()
)
ARTICLES = frozenset(["a", "an", "the"])
# None of these follows an article in a well-formed sentence, names and quotations apart.
NEVER_AFTER_ARTICLES = frozenset(
    """
    a an and are as at be but by for from he her his in into is it of on or she than that the their they to was were
    with
    """.split()
)
# With these a sentence begins, or what stands before a name: capitals that are no part of the name.
NO_NAMES = FUNCTION_WORDS | frozenset(
    """
    according again against although amid among another asked despite each earlier even every few first here however
    inside instead last later many maybe meanwhile much nearly next nor now nothing once outside perhaps please rather
    several since speaking still though three today together tomorrow too two until upon us very whether whose why
    within without yes yesterday yet
    click copyright getty image photo read video watch
    monday tuesday wednesday thursday friday saturday sunday
    january february march april may june july august september october november december
    """.split()
)
HONORIFICS = frozenset(
    """
    ambassador ayatollah chairman chairwoman chancellor col colonel commissioner congressman congresswoman dame deputy
    detective dr gen gov governor inspector judge justice lieutenant lt mayor minister miss mp mr mrs ms premier
    president prime prof professor rep representative sen senator sergeant sgt sheikh sir spokesman spokeswoman
    superintendent taoiseach vice
    """.split()
)
# ISO 639-1, the languages most written on the web.
LANGUAGES = {
    "ar": "Arabic",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "es": "Spanish",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "la": "Latin",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sv": "Swedish",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
