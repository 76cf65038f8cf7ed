"""What the notebooks are made of: tables, figures, widgets, and their execution."""
