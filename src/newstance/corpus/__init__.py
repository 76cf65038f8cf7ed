"""Articles: sources, cleaning, near-duplicates, splits and prepared data."""
