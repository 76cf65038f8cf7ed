"""The labelling page: articles are labelled by people, blindly a second time, and adjudicated."""
