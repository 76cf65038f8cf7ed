"""newstance: topic and stance of news articles."""
