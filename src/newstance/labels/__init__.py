"""Labels: annotations read and checked, and how far the annotators agree."""
