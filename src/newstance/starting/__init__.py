"""A new project of one's own: the folder with which labelling and training one's own articles begins."""
