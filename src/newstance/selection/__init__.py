"""What to label next: named strategies that rank unlabelled units, and what each is worth on labelled ones."""
