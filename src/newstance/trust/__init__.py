"""Whether labels can be trusted: everything that is wrong with them or may be, and how far annotators agree."""
