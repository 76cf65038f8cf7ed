"""Whether new articles are like those that the champions know, and which of them to label first."""
